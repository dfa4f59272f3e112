/** The demo's command line. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EnvoyUnavailable } from "../envoy/install.ts";
import { projectRoot } from "../project-root.ts";
import { runDemo } from "./demo.ts";
import type { Lookup, Pack } from "./parts.ts";
import { style } from "./print.ts";
import { parseRequest } from "./requests.ts";

const USAGE = `Usage: npm run demo -- [options]
A real Envoy routes a wiki farm out of one packed table.

  --once              show everything, a promotion too, and end; exit 1 if a request went astray
  --train             show a promotion too, then keep running
  --farm FILE         another farm than examples/small/farm.yaml (no promotion unless --train)
  --source NAME=DIR   where a source of the farm lies; may be repeated
  --request URL       one more request to show; may be repeated
  --help`;

const OPTIONS = {
  once: { type: "boolean", default: false },
  train: { type: "boolean", default: false },
  farm: { type: "string" },
  source: { type: "string", multiple: true },
  request: { type: "string", multiple: true },
  help: { type: "boolean", default: false },
} as const;

/** Runs the demo as the arguments say and returns the exit code: 0 as told, 1 not so, 2 used wrongly. */
export async function demoCommand(args: string[], parts: { pack: Pack; lookup: Lookup }): Promise<number> {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (given.help) {
    console.log(USAGE);
    return 0;
  }
  const wasm = join(projectRoot(), "build", "pointsman.wasm");
  if (!existsSync(wasm)) {
    console.error("build/pointsman.wasm is missing: run `npm run build` first.");
    return 1;
  }
  const interrupted = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
    if (process.env.npm_lifecycle_event) whenOrphaned(resolve);
  });
  try {
    const good = await runDemo({
      ...parts,
      wasm,
      farm: given.farm ?? join(projectRoot(), "examples", "small", "farm.yaml"),
      sources: given.sources,
      once: given.once,
      train: given.train || (given.once && given.farm === undefined),
      requests: (given.request ?? []).map(parseRequest),
      write: (line) => console.log(line),
      style: style(process.stdout.isTTY === true && !process.env.NO_COLOR),
      interrupted,
    });
    return good ? 0 : 1;
  } catch (error) {
    console.error(
      error instanceof EnvoyUnavailable ? error.message : `The demo failed: ${(error as Error).message}`,
    );
    return 1;
  }
}

const LOOK_FOR_PARENT_MS = 500;

/** npm ends the shell that it started us in, and the shell tells nobody. */
function whenOrphaned(tell: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    tell();
  }, LOOK_FOR_PARENT_MS);
  timer.unref();
}

function parse(args: string[]) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const sources: Record<string, string> = {};
  for (const text of values.source ?? []) {
    const [, name, folder] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (!name || !folder) throw new Error(`--source takes NAME=DIR, not '${text}'`);
    sources[name] = folder;
  }
  return { ...values, sources };
}
