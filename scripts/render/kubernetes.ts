/**
 * An Envoy in Kubernetes, as ConfigMaps: the table, which changes often; the configuration that Envoy starts with; and
 * the filter. Each is mounted as a folder of its own, so that a new table touches no other.
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Table } from "../table/table.ts";
import { type ConfigMap, configMap, withTable } from "./configmap.ts";
import type { FilterFile } from "./discovered-filter.ts";
import type { Rendered } from "./envoy.ts";

/** In a pod. Each map is mounted at its own folder here. */
const MOUNTS = "/etc/pointsman";
export const BOOTSTRAP_KEY = "envoy.json";
export const WASM_KEY = "pointsman.wasm";
/** Another one for another configuration, whatever its table: a pod's template has it as an annotation. */
export const CONFIGURATION = "pointsman-configuration";

export const PLACES = {
  wasm: posix.join(MOUNTS, "filter", WASM_KEY),
  /** The kubelet renames `..data` in the mount itself: that is what Envoy has to watch. */
  fileOf: (listener: string): FilterFile => {
    const directory = posix.join(MOUNTS, "table");
    return { directory, path: posix.join(directory, keyOf(listener)) };
  },
};

/** Whose objects they are. */
export interface Place {
  /** What their names begin with. */
  name: string;
  namespace?: string;
}

export interface RenderedKubernetes {
  table: ConfigMap;
  envoy: ConfigMap;
  filter: ConfigMap;
}

/** @param rendered with {@link PLACES} */
export function kubernetesMaps(
  table: Table,
  { bootstrap, filters }: Rendered,
  wasm: Uint8Array,
  { name, namespace }: Place,
): RenderedKubernetes {
  const named = (what: string) => ({ name: `${name}-${what}`, namespace });
  const files = filters.map(({ listener, resource }) => [keyOf(listener), JSON.stringify(resource)]);
  return {
    table: withTable(
      configMap(named("table"), filters.length > 0 ? { data: Object.fromEntries(files) } : {}),
      table,
    ),
    envoy: configMap(named("envoy"), {
      annotations: { [CONFIGURATION]: hash(withoutTables(bootstrap)) },
      data: { [BOOTSTRAP_KEY]: JSON.stringify(bootstrap, null, 2) },
    }),
    // A map that is not to change, under another name with another filter: pods take it up when they are made anew.
    filter: configMap(named(`filter-${hash(wasm)}`), {
      immutable: true,
      binaryData: { [WASM_KEY]: Buffer.from(wasm).toString("base64") },
    }),
  };
}

const keyOf = (listener: string) => `${listener}.json`;

/** What a plugin is told comes from the table's map as well, and anew with each table. */
function withoutTables(bootstrap: object): string {
  return JSON.stringify(bootstrap, (key, value) => (key === "configuration" ? undefined : value));
}

function hash(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
