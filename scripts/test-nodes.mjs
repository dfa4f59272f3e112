// npm run test:nodes: what npm test does with the installed package on this Node, on the newest 22 and 24 too.
import { spawnSync } from "node:child_process";

const env = { ...process.env, POINTSMAN_NODES: "22.23.3 24.21.0" };
console.log("The package on this Node, 22 and 24. Those that are not there yet are fetched, 45 MB each.");
const tests = ["test/package", "--reporter=verbose"];
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...tests], { stdio: "inherit", env });
process.exitCode = status ?? 1;
