/** What a version of Istio has, by the Envoy that it brings. */
import { type EnvoyFeatures, featuresOf } from "../envoy-version.ts";

export const ISTIO_VERSIONS = ["1.24", "1.29", "1.31"] as const;
export type IstioVersion = (typeof ISTIO_VERSIONS)[number];

export interface Profile extends EnvoyFeatures {
  version: IstioVersion;
  /** TrafficExtension, which is in Istio since 1.30. */
  hasTrafficExtension: boolean;
  /** Its Envoy's, and in the CRD of WasmPlugin at the latest since 1.27. */
  reloads: boolean;
}

const PROFILES: Record<IstioVersion, Omit<Profile, "version">> = {
  // Envoy 1.32
  1.24: { hasTrafficExtension: false, ...featuresOf("1.32") },
  // Envoy 1.37
  1.29: { hasTrafficExtension: false, ...featuresOf("1.36") },
  // Envoy 1.39
  1.31: { hasTrafficExtension: true, ...featuresOf("1.36") },
};

export function profileOf(version: IstioVersion): Profile {
  return { version, ...PROFILES[version] };
}
