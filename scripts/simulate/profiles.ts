/** The proxies that can be simulated, by their names. */
import { ats102, envoy137, envoy139, envoy140, type Profile, strict } from "../../host-sim/index.ts";

export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [envoy140, envoy139, envoy137, ats102, strict].map((profile) => [profile.name, profile]),
);
