/**
 * Instructions a request costs in Envoy, for any Wasm module: what it adds to the same Envoy without a filter. To try a
 * change in the filter before the whole benchmark is run.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { countInstructions, whyNoCallgrind } from "./callgrind.ts";
import { addFilter, answeringEnvoy, wasmFilter } from "./envoy-config.ts";
import { compileGuest, STEPS } from "./guests.ts";
import { browserHeaders, bytesOf, fewHeaders } from "./requests.ts";
import { endInOrder, workFolder } from "./work-folder.ts";

const HELP = `Usage: npm run bench:instructions -- [options] [NAME=MODULE.wasm[,TABLE]]…

Counts with valgrind what a request costs in Envoy, above no filter.

Options:
  --browser        with a browser's 20 headers and a cookie of 1.5 kB
  --steps          also for modules that do, one after the other, one step more of what ours does
  --host HOST      the request's host (default: en.wikipedia.org)
  --path PATH      its path and query (default: /wiki/Main_Page)
  --root-id NAME   the plugin's root_id, a listener of the table (default: main)
  --help           this text

Examples:
  $ npm run bench:instructions -- --steps
  $ npm run bench:instructions -- --browser ours=build/pointsman.wasm,small.table
`;

const WARM_UP = 600;
const COUNTED = 400;
/** Any header that a filter may set; requests with it are answered like those without. */
const CLUSTER_HEADER = "x-mw-cluster";

interface Module {
  name: string;
  /** null: no filter. */
  wasm: string | null;
  table: Uint8Array;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: "string", default: "en.wikipedia.org" },
      path: { type: "string", default: "/wiki/Main_Page" },
      "root-id": { type: "string", default: "main" },
      browser: { type: "boolean", default: false },
      steps: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const missing = await whyNoCallgrind();
  if (missing !== null) throw new Error(missing);
  const folder = await mkdtemp(join(workFolder(), "instructions-"));
  try {
    const none = new Uint8Array(0);
    const modules: Module[] = [
      { name: "no filter", wasm: null, table: none },
      { name: "returns at once", wasm: await compileGuest("returns-at-once", folder), table: none },
    ];
    for (const name of values.steps ? STEPS : [])
      modules.push({ name, wasm: await compileGuest(name, folder), table: none });
    for (const text of positionals) modules.push(await readModule(text));
    const envoy = await findEnvoy({ progress: console.error });
    const headers = values.browser ? browserHeaders(values.host) : fewHeaders();
    const request = bytesOf({
      method: "GET",
      authority: values.host,
      target: values.path,
      headers,
    });
    const loads = [Array.from({ length: COUNTED }, () => request)];

    console.log(`thousands of instructions a request to ${values.host}, ${COUNTED} requests each`);
    let base = 0;
    for (const { name, wasm, table } of modules) {
      const config = answeringEnvoy([CLUSTER_HEADER]);
      if (wasm !== null) addFilter(config, wasmFilter(wasm, table, values["root-id"]));
      const [count] = await countInstructions({ envoy, config, warmUp: WARM_UP, loads });
      if (wasm === null) base = count!;
      const thousands = (count! / 1000).toFixed(1).padStart(7);
      const above = wasm === null ? "" : `  +${((count! - base) / 1000).toFixed(1)}`;
      console.log(`${name.padEnd(24)} ${thousands}${above}`);
    }
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readModule(text: string): Promise<Module> {
  const [, name, wasm, table] = /^([^=]+)=([^,]+)(?:,(.+))?$/.exec(text) ?? [];
  if (!name || !wasm)
    throw new Error(`a module is NAME=MODULE.wasm or NAME=MODULE.wasm,TABLE, not '${text}'`);
  return { name, wasm, table: table ? await readFile(table) : new Uint8Array(1) };
}

endInOrder();
process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 1;
});
