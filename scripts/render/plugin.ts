/** The filter as a plugin of Envoy's: its code, its configuration, and the resource that brings both. */
import { type EnvoyFeatures, featuresOf } from "./envoy-version.ts";

/** What `failure_policy` of a Wasm plugin may be: what a request gets while the VM is dead. */
export type FailurePolicy = "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";

export interface FilterOptions {
  /** Path of the .wasm. */
  wasm: string;
  /** Handed to the filter byte for byte. */
  table: Uint8Array;
  listener: string;
  /** The data centre of this proxy; where it is not told, the table may say it. */
  datacentre?: string;
  /** The data centre that is the primary one: a switchover changes this, and no table. */
  primary?: string;
  /** The header that the proxy routes by: a table that sets another one is refused. */
  clusterHeader?: string;
  /** Another one with each push, so that Envoy judges a table anew that it has refused. */
  attempt?: number;
  /** The filter decides and only tells, in a header: nothing is routed by it. */
  shadow?: boolean;
  failurePolicy?: FailurePolicy;
  /** The filter may pause a request on its headers and still see the body; default: true. Off, no job finds its wiki. */
  allowOnHeadersStopIteration?: boolean;
}

const TYPE = "type.googleapis.com/";
export const WASM_TYPE = `${TYPE}envoy.extensions.filters.http.wasm.v3.Wasm`;
/** The plugin's name, and that of its VM; the name of the HTTP filter, where each listener has a file of its own. */
export const FILTER_NAME = "pointsman";

/** One ECDS resource file: the filter with its table, for `path_config_source`. */
export function filterResource(options: FilterOptions, version: string, envoy?: EnvoyFeatures): object {
  return {
    version_info: version,
    resources: [
      {
        "@type": `${TYPE}envoy.config.core.v3.TypedExtensionConfig`,
        name: FILTER_NAME,
        typed_config: { "@type": WASM_TYPE, config: plugin(options, envoy) },
      },
    ],
  };
}

/**
 * The plugin's configuration: the table alone, where the plugin's root_id says the listener and nothing else is to be
 * said; else a JSON object, and the table right behind it.
 */
export function pluginConfiguration(options: Omit<FilterOptions, "wasm">): Buffer {
  const { table, listener, datacentre, primary, clusterHeader, attempt, shadow } = options;
  const settings = { datacentre, primary, "cluster-header": clusterHeader, attempt, shadow };
  if (Object.values(settings).every((value) => value === undefined)) return Buffer.from(table);
  return Buffer.concat([Buffer.from(JSON.stringify({ listener, ...settings })), table]);
}

/** In shadow a request needs no filter. */
export function failurePolicyOf({ failurePolicy, shadow }: FilterOptions): FailurePolicy {
  return failurePolicy ?? (shadow ? "FAIL_OPEN" : "FAIL_RELOAD");
}

export function plugin(options: FilterOptions, { reloads, readsBodies } = featuresOf()): object {
  const failurePolicy = failurePolicyOf(options);
  return {
    name: FILTER_NAME,
    root_id: options.listener,
    ...(reloads && { failure_policy: failurePolicy }),
    // What knows no policies fails closed where nothing is said.
    ...(!reloads && failurePolicy === "FAIL_OPEN" && { fail_open: true }),
    // Without it a request that waits for its body to say the wiki never sees it.
    ...(readsBodies && { allow_on_headers_stop_iteration: options.allowOnHeadersStopIteration ?? true }),
    vm_config: {
      // The same vm_id and code: all listeners of a worker share one VM, as in production.
      vm_id: FILTER_NAME,
      runtime: "envoy.wasm.runtime.v8",
      code: { local: { filename: options.wasm } },
    },
    // BytesValue reaches the filter as it is; in JSON its bytes are base64.
    configuration: {
      "@type": `${TYPE}google.protobuf.BytesValue`,
      value: pluginConfiguration(options).toString("base64"),
    },
  };
}
