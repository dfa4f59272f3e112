/** Pointsman's own packer and reader, as the demo needs them. */
import { clockDay } from "../commands/farm-options.ts";
import { packFarm } from "../commands/pack.ts";
import { decide } from "../table/decide.ts";
import { Table } from "../table/table.ts";
import { requestsOf } from "./own-requests.ts";
import type { Lookup, Pack } from "./parts.ts";

export const pack: Pack = async ({ farm, sources, generation }) => {
  const packed = packFarm({ farm, source: sources, today: clockDay(), generation, strip: true });
  const table = new Table(packed.bytes);
  const listener = table.listeners[0]?.name;
  return {
    ...packed,
    clusters: [...new Set(packed.clusters)],
    clusterHeader: nameOfClusterHeader(table),
    requests: requestsOf(table),
    ...(listener && { listener }),
  };
};

function nameOfClusterHeader(table: Table): string {
  return table.emit.find(({ kind }) => kind === "cluster")!.name;
}

export const lookup: Lookup = (bytes, authority, target) => {
  const { answer } = decide(new Table(bytes), { authority, target });
  if (answer.kind === "pass") return null;
  if (answer.kind === "reply") return { wiki: null, release: null, cluster: `status ${answer.status}` };
  return answer;
};
