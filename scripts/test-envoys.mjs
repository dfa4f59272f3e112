// npm run test:envoys: what npm test does in short with Envoys of other versions, and with pushes under load.
import { spawnSync } from "node:child_process";

const env = { ...process.env, POINTSMAN_UPDATES: "1000", POINTSMAN_LOADED_PUSHES: "10000" };
console.log(`Envoy 1.36.2, 1.37.0, 1.39.3 and 1.40.0, by files and by a server: 1,000 updates each; then 10,000 pushes to one
Envoy under load, and 2,000 held against those of a module that only ticks; and what is written for older Envoys, in
these and by the API of each, which Go builds once in some 5 minutes. It takes some 12 minutes and two cores; versions
that are not there yet are fetched, 100 MB each.`);
const tests = ["--config", "test/envoys/vitest.config.ts", "--no-file-parallelism", "--reporter=verbose"];
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...tests], { stdio: "inherit", env });
process.exitCode = status ?? 1;
