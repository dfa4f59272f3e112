// npm run test:fleet: what npm test does in short with one server before many.
import { spawnSync } from "node:child_process";

const env = { ...process.env, POINTSMAN_NODES: "3000", POINTSMAN_FLEET_PUSHES: "10000" };
console.log(`3,000 nodes of one server and one etcd, and then 10,000 pushes to five Envoys of two workers each, under load.
It takes some 20 minutes and two cores.`);
const tests = ["test/envoy/fleet-large", "--no-file-parallelism", "--reporter=verbose"];
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...tests], { stdio: "inherit", env });
process.exitCode = status ?? 1;
