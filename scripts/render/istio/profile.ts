/** What a version of Istio has, by the Envoy that it brings. */

export const ISTIO_VERSIONS = ["1.24", "1.29", "1.31"] as const;
export type IstioVersion = (typeof ISTIO_VERSIONS)[number];

export interface Profile {
  version: IstioVersion;
  /** TrafficExtension, which is in Istio since 1.30. */
  hasTrafficExtension: boolean;
  /** A plugin may pause a request on its headers and still see the body: in Envoy since 1.35. */
  readsBodies: boolean;
  /** A plugin with a dead VM may be loaded anew: in the CRD of WasmPlugin at the latest since 1.27. */
  reloads: boolean;
  /** Envoy removes headers whose name matches a pattern: since 1.36. */
  removesByPattern: boolean;
}

const PROFILES: Record<IstioVersion, Omit<Profile, "version">> = {
  // Envoy 1.32
  1.24: { hasTrafficExtension: false, readsBodies: false, reloads: false, removesByPattern: false },
  // Envoy 1.37
  1.29: { hasTrafficExtension: false, readsBodies: true, reloads: true, removesByPattern: true },
  // Envoy 1.39
  1.31: { hasTrafficExtension: true, readsBodies: true, reloads: true, removesByPattern: true },
};

export function profileOf(version: IstioVersion): Profile {
  return { version, ...PROFILES[version] };
}
