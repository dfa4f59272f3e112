/** What a version of Envoy can be told, where versions differ. Seen by `npm run test:envoys`, field by field. */

/** The oldest that are told apart; each stands for those after it, up to the next. */
export const ENVOY_VERSIONS = ["1.32", "1.35", "1.36"] as const;
export type EnvoyVersion = (typeof ENVOY_VERSIONS)[number];
export const NEWEST_ENVOY: EnvoyVersion = "1.36";

export interface EnvoyFeatures {
  /** A plugin may pause a request on its headers and still see the body: since 1.35. */
  readsBodies: boolean;
  /** A plugin with a dead VM may be loaded anew. */
  reloads: boolean;
  /** Offers to change to TLS within HTTP/1.1 may be passed over: in 1.35 at the latest. */
  ignoresUpgrades: boolean;
  /** Headers whose name matches a pattern are removed: since 1.36. */
  removesByPattern: boolean;
}

const FEATURES: Record<EnvoyVersion, EnvoyFeatures> = {
  1.32: { readsBodies: false, reloads: false, ignoresUpgrades: false, removesByPattern: false },
  1.35: { readsBodies: true, reloads: true, ignoresUpgrades: true, removesByPattern: false },
  1.36: { readsBodies: true, reloads: true, ignoresUpgrades: true, removesByPattern: true },
};

export function featuresOf(version: EnvoyVersion = NEWEST_ENVOY): EnvoyFeatures {
  return FEATURES[version];
}
