/** `set_envoy_filter_state`: a guest sets an object of Envoy's own by its name, such as the cluster that TCP goes to. */
import { Status } from "./abi.ts";
import { fieldsOf, utf8Of } from "./protobuf.ts";

/** Objects of Envoy 1.40 that can be made of any text. */
const objects: ReadonlySet<string> = new Set([
  "envoy.string",
  "envoy.hashable_string",
  "envoy.tcp_proxy.cluster",
  "envoy.network.upstream_server_name",
]);

export const TCP_CLUSTER = "envoy.tcp_proxy.cluster";

const PATH = 1;
const VALUE = 2;

/** Reads envoy.source.extensions.common.wasm.SetEnvoyFilterStateArguments into `state`. @returns a status */
export function setFilterState(state: Map<string, string> | null, bytes: Uint8Array): number {
  const fields = fieldsOf(bytes);
  const path = fields && utf8Of(fields, PATH);
  const value = fields && utf8Of(fields, VALUE);
  if (path === null || value === null) return Status.BadArgument;
  if (state === null || !objects.has(path)) return Status.NotFound;
  state.set(path, value);
  return Status.Ok;
}
