/** Where the requests of a log go. */
import { envoy140 } from "../../host-sim/index.ts";
import { filter } from "../filter.ts";
import { replayer } from "../simulate/replay.ts";
import { type LogProps, OfTablesPart } from "./of-tables-part.tsx";
import type { Opened } from "./opened.ts";

const replayerOf: LogProps["replayerOf"] = ({ name, bytes }, listener) => {
  const where = listener === "" ? {} : { listener };
  const plugin = { wasm: filter, profile: envoy140, configuration: bytes, rootId: "", where };
  return replayer({ ...plugin, header: "", log: () => {} }).catch((error: Error) => {
    throw new Error(`${name}: ${error.message}`);
  });
};

export function Log({ opened: { name, table, before } }: { opened: Opened }) {
  const opened = { name, bytes: table.bytes };
  const listeners = table.listeners.flatMap((listener) => listener.name ?? []);
  return <OfTablesPart draw={(part, into) => part.log(into, { opened, before, listeners, replayerOf })} />;
}
