/** Gets Envoy before the tests begin (vitest's globalSetup). */
import { findEnvoy } from "../../scripts/envoy/install.ts";

/** Once before all tests: the tests that run Envoy need it, and two of them should not install it at once. */
export default async function getEnvoy(): Promise<void> {
  await findEnvoy({ progress: (line) => console.log(line) });
}
