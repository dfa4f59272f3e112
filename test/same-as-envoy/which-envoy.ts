/**
 * The Envoy that the simulator is held against here, and its profile. `npm test` takes the newest; `npm run test:envoys`
 * asks for each other profile by POINTSMAN_SAME_AS.
 */
import { envoy137, envoy139, envoy140, type Profile } from "../../host-sim/index.ts";
import { ENVOY_VERSION, findEnvoy } from "../../scripts/envoy/install.ts";

const COMPARED: readonly { profile: Profile; version: string }[] = [
  { profile: envoy140, version: ENVOY_VERSION },
  { profile: envoy139, version: "1.39.3" },
  { profile: envoy137, version: "1.37.0" },
];

const wanted = process.env.POINTSMAN_SAME_AS ?? envoy140.name;
const found = COMPARED.find(({ profile }) => profile.name === wanted);
if (found === undefined) throw new Error(`POINTSMAN_SAME_AS: no Envoy has the profile ${wanted}`);

export const { profile: PROFILE, version: VERSION } = found;
export const realEnvoy = (): Promise<string> => findEnvoy({ version: VERSION });
