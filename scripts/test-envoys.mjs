// npm run test:envoys: what npm test does in short with Envoys of other versions, or not at all, and pushes under load.
import { spawnSync } from "node:child_process";

console.log(`Envoy 1.36.2, 1.37.0, 1.39.3 and 1.40.0, by files and by a server: 1,000 updates each; then 10,000 pushes to one
Envoy under load, and 2,000 held against those of a module that only ticks; and what is written for older Envoys, in
these and by the API of each, which Go builds once in some 5 minutes; and the simulator's profiles of older Envoys. It
takes some 15 minutes and two cores; versions that are not there yet are fetched, 100 MB each.`);
const run = (tests, more) =>
  spawnSync(process.execPath, ["scripts/test.mjs", ...tests, "--no-file-parallelism", "--reporter=verbose"], {
    stdio: "inherit",
    env: { ...process.env, ...more },
  }).status ?? 1;
const ours = run(["--config", "test/envoys/vitest.config.ts"], {
  POINTSMAN_UPDATES: "1000",
  POINTSMAN_LOADED_PUSHES: "10000",
});
const simulated = ["envoy-1.39", "envoy-1.37"].map((profile) => {
  console.log(`The simulator's profile ${profile} against the real one:`);
  return run(["test/same-as-envoy"], { POINTSMAN_SAME_AS: profile });
});
process.exitCode = Math.max(ours, ...simulated);
