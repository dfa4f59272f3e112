/** Train board: groups, versions and releases, and who runs what. */
import { OfTablesPart } from "./of-tables-part.tsx";
import type { Opened } from "./opened.ts";

export function Board({ opened: { name, table } }: { opened: Opened }) {
  return <OfTablesPart draw={(part, into) => part.board(into, { opened: { name, bytes: table.bytes } })} />;
}
