/** `npm run demo`: runs the demo, and ends it when it is interrupted. */
import { demoCommand } from "./main.ts";
import { lookup, pack } from "./project.ts";

// Not the exit code alone: when interrupted, what is just being started must not keep the process.
process.exit(await demoCommand(process.argv.slice(2), { pack, lookup }));
