/** `npm run demo` */
import { demoCommand } from "./main.ts";
import { lookup, pack } from "./project.ts";

// Not the exit code alone: when interrupted, what is just being started must not keep the process.
process.exit(await demoCommand(process.argv.slice(2), { pack, lookup }));
