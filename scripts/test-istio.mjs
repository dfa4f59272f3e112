// npm run test:istio: Istio's own control plane on a real kube-apiserver, with our Envoy as its gateway.
import { spawnSync } from "node:child_process";

console.log(`kube-apiserver, pilot and our Envoy as the gateway. It takes a minute or less; the first time, they are built
from their Go modules before, and it says what that takes.`);
const tests = ["--config", "test/istio/vitest.config.ts", "--reporter=verbose"];
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...tests], { stdio: "inherit" });
process.exitCode = status ?? 1;
