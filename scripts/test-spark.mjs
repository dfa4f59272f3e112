// npm run test:spark: what npm test does on Spark with few lines of a log, with a million.
import { spawnSync } from "node:child_process";

const env = { ...process.env, POINTSMAN_LOG_LINES: "1000000" };
console.log("A million lines of a log on Spark, local[2]. It takes two minutes or so.");
const tests = ["test/spark", "--reporter=verbose"];
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...tests], { stdio: "inherit", env });
process.exitCode = status ?? 1;
