/** What a proxy may ask for, and how much of it: every message of a stream is held against these bounds. */
import { FILTER_NAME } from "../render/plugin.ts";
import type { Node } from "../store/stages.ts";
import { type Asked, metadataOf } from "./messages.ts";

/** Of a node's id, cluster and locality, and of a resource's name. */
const NAME_LENGTH_AT_MOST = 256;
/** Listeners of a proxy that have our filter. */
const NAMES_AT_MOST = 64;
const PREFIX = `${FILTER_NAME}-`;

/** A proxy, and what its bootstrap says of the filter: `node.metadata.pointsman`, which `render --xds` writes. */
export interface AskingProxy extends Node {
  /** On the proxy's machine. */
  wasm: string | null;
  datacentre: string | null;
  primary: string | null;
  clusterHeader: string | null;
  shadow: boolean;
}

/** Of the first message of a stream; a sentence where that says no proxy. */
export function proxyOf({ node }: Asked): AskingProxy | string {
  if (node === null || node.id === "") return "the first message of a stream must say the node, with its id";
  const { id, cluster } = node;
  const locality = node.locality
    ? [node.locality.region, node.locality.zone, node.locality.subZone].join("/").replace(/\/+$/, "")
    : "";
  for (const text of [id, cluster, locality]) {
    if (text.length > NAME_LENGTH_AT_MOST || !isPlain(text))
      return `the node's id, cluster and locality must be at most ${NAME_LENGTH_AT_MOST} characters each, and none a control character`;
  }
  const said = metadataOf(node, FILTER_NAME);
  for (const text of said.values()) {
    if (text.length > 4096)
      return `a text of the node's metadata under "${FILTER_NAME}" is longer than 4,096`;
  }
  return {
    ...{ id, cluster, locality },
    wasm: said.get("wasm") ?? null,
    datacentre: said.get("datacentre") ?? null,
    primary: said.get("primary") ?? null,
    clusterHeader: said.get("cluster-header") ?? null,
    shadow: said.get("shadow") === "true",
  };
}

const isPlain = (text: string) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);

/** The listeners whose filters are asked for, sorted; a sentence where they are too many. Other names are others' to serve. */
export function listenersOf({ resourceNames }: Asked): string[] | string {
  const names = resourceNames
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => name.slice(PREFIX.length));
  if (names.length > NAMES_AT_MOST || names.some((name) => name.length > NAME_LENGTH_AT_MOST))
    return `a proxy may ask for ${NAMES_AT_MOST} filters, with names of at most ${NAME_LENGTH_AT_MOST} characters`;
  return [...new Set(names)].sort();
}
