/** The filter with its table, in each of the objects by which Istio takes one. */

import type { Table } from "../../table/table.ts";
import { resourceName } from "../discovered-filter.ts";
import { type FilterOptions, plugin, WASM_TYPE } from "../plugin.ts";
import { tableLabels } from "../table-labels.ts";
import { added, beforeRouter, envoyFilter, TABLE_PRIORITY } from "./envoy-filter.ts";
import type { GatewayListener } from "./istio.ts";
import { EXTENSIONS, type Manifest, type Place } from "./manifest.ts";
import type { Profile } from "./profile.ts";

export const FILTER_KINDS = ["envoyfilter", "wasmplugin", "trafficextension"] as const;
export type FilterKind = (typeof FILTER_KINDS)[number];

/** The .wasm: `file://`, `https://`, `http://` or `oci://`. */
export interface Module {
  url: string;
  /** Of what `https://` and `http://` bring, in hexadecimal; of `oci://`, of its manifest. */
  sha256?: string;
}

export type FilterSettings = Omit<FilterOptions, "wasm" | "table" | "listener">;

export function filterManifest(
  kind: FilterKind,
  place: Place,
  listener: GatewayListener,
  table: Table,
  module: Module,
  settings: FilterSettings,
  profile: Profile,
): Manifest {
  const options = { ...settings, table: table.bytes, listener: listener.name };
  const name = `${place.name}-${listener.name}`;
  if (kind === "envoyfilter")
    return envoyFilter(
      place,
      name,
      TABLE_PRIORITY,
      patches(listener, module, options, profile),
      tableLabels(table),
    );
  return {
    apiVersion: EXTENSIONS,
    kind: kind === "wasmplugin" ? "WasmPlugin" : "TrafficExtension",
    metadata: { name, namespace: place.namespace, labels: tableLabels(table) },
    spec: {
      selector: { matchLabels: place.selector },
      // Behind authentication and authorization: these judge the client's request, not ours.
      phase: "STATS",
      match: [{ mode: "CLIENT", ports: [{ number: listener.bound }] }],
      ...(kind === "wasmplugin"
        ? pluginOf(module, options, profile)
        : { wasm: pluginOf(module, options, profile) }),
    },
  };
}

/**
 * The filter is discovered: a table that it refuses leaves the one before serving, and a new one moves no listener. The
 * agent beside Envoy fetches a module that is remote, for what is discovered alone.
 */
function patches(
  listener: GatewayListener,
  module: Module,
  options: Omit<FilterOptions, "wasm">,
  profile: Profile,
) {
  const name = resourceName(listener.name);
  const { vm_config, ...config } = plugin({ ...options, wasm: "" }, profile) as Record<string, object>;
  return [
    beforeRouter(listener.bound, {
      name,
      config_discovery: {
        config_source: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" },
        type_urls: [WASM_TYPE],
      },
    }),
    added("EXTENSION_CONFIG", {
      name,
      typed_config: {
        "@type": WASM_TYPE,
        config: {
          ...config,
          vm_config: { ...vm_config, code: codeOf(module) },
        },
      },
    }),
  ];
}

function codeOf({ url, sha256 }: Module): object {
  if (url.startsWith("file://")) return { local: { filename: url.slice("file://".length) } };
  return {
    remote: { http_uri: { uri: url, timeout: "30s", cluster: "_" }, ...(sha256 !== undefined && { sha256 }) },
  };
}

function pluginOf(
  { url, sha256 }: Module,
  options: Omit<FilterOptions, "wasm">,
  { reloads }: Profile,
): object {
  const { listener, datacentre, primary, clusterHeader, attempt } = options;
  return {
    url,
    ...(sha256 !== undefined && { sha256 }),
    pluginName: listener,
    failStrategy: reloads ? "FAIL_RELOAD" : "FAIL_CLOSE",
    pluginConfig: {
      listener,
      ...(datacentre !== undefined && { datacentre }),
      ...(primary !== undefined && { primary }),
      ...(clusterHeader !== undefined && { "cluster-header": clusterHeader }),
      ...(attempt !== undefined && { attempt }),
      table: Buffer.from(options.table).toString("base64"),
    },
  };
}
