/** What takes a client's word out of a request, in Envoy: early, for all routes and whatever becomes of the filter. */
import type { EnvoyFeatures } from "./envoy-version.ts";
import { spelledOut, spellings } from "./spellings.ts";

const TYPE =
  "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

/**
 * Of the connection manager, before the first route is looked up and before the filter.
 * @param emitted names of headers
 */
export function earlyRemoval(
  emitted: readonly string[],
  { removesByPattern }: Pick<EnvoyFeatures, "removesByPattern">,
): object {
  const mutations = removesByPattern
    ? [{ remove_on_match: { key_matcher: { safe_regex: { regex: spellings(emitted) } } } }]
    : emitted.flatMap(spelledOut).map((remove) => ({ remove }));
  return {
    name: "envoy.http.early_header_mutation.header_mutation",
    typed_config: { "@type": TYPE, mutations },
  };
}

/**
 * What the edge hands on is what it knows itself, and no word of the client's: the proxies behind it go by this header.
 */
export const CLIENT_ADDRESS = {
  header: { key: "x-forwarded-for", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
  append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
};
