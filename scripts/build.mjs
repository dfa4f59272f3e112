// npm run build: the filter (release and debug), the CLI, the libraries, the page, the demo and the benchmarks, into build/.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeDeclarations } from "./declarations.mjs";
import { buildPage } from "./page/build.mjs";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
mkdirSync("build", { recursive: true });

// asc takes most of the time: the filter is made anew only where what it is made of has changed.
const ascInputs = [
  "asconfig.json",
  "package-lock.json",
  ...filesIn("scripts/ascii-text"),
  ...filesIn("assembly"),
];
const ascOutputs = ["wasm", "debug.wasm", "debug.wat", "debug.wasm.map"].map(
  (name) => `build/pointsman.${name}`,
);
const madeOf = "build/pointsman.inputs";
const inputs = digestOf(ascInputs);
if (![...ascOutputs, madeOf].every(existsSync) || readFileSync(madeOf, "utf8") !== inputs) {
  rmSync(madeOf, { force: true });
  for (const target of ["release", "debug"]) {
    const asc = ["node_modules/assemblyscript/bin/asc.js", "--target", target];
    const { status } = spawnSync(process.execPath, asc, { stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  }
  writeFileSync(madeOf, inputs);
}

function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : [])).sort();
}

function digestOf(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

/** Of what Node runs. */
const forNode = { bundle: true, platform: "node", target: "node20", logLevel: "warning" };

await build({
  ...forNode,
  entryPoints: ["scripts/cli.ts"],
  outfile: "build/pointsman.mjs",
  format: "esm",
  loader: { ".lua": "text", ".proto": "text", ".wasm": "binary" },
  // commander is CommonJS inside and calls require.
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
  },
});
chmodSync("build/pointsman.mjs", 0o755);

// What package.json installs as `pointsman`: small, and CommonJS, which Node starts sooner than a module.
await build({
  ...forNode,
  entryPoints: ["scripts/quick.ts"],
  outfile: "build/pointsman.cjs",
  format: "cjs",
  banner: { js: "#!/usr/bin/env node" },
});
chmodSync("build/pointsman.cjs", 0o755);

// What programs import as pointsman/table and pointsman/host-sim. For no platform: esbuild refuses an import of Node's.
await build({
  entryPoints: { "table/library": "scripts/table/library.ts", "host-sim/index": "host-sim/index.ts" },
  outdir: "build",
  bundle: true,
  platform: "neutral",
  target: "es2022",
  format: "esm",
  logLevel: "warning",
});
writeDeclarations(["scripts/table/library.ts", "host-sim/index.ts"], {
  "scripts/table": "build/table",
  "host-sim": "build/host-sim",
});

// Packs the small farm with the CLI of above.
await buildPage();

// For this folder alone: these use the project's packages.
await build({
  ...forNode,
  entryPoints: {
    ats: "bench/ats.ts",
    bench: "bench/main.ts",
    demo: "scripts/demo/cli.ts",
    functions: "bench/functions.ts",
    instructions: "bench/instructions.ts",
    simulator: "bench/simulator.ts",
  },
  outdir: "build",
  outExtension: { ".js": ".mjs" },
  format: "esm",
  packages: "external",
  loader: { ".lua": "text", ".proto": "text", ".wasm": "binary" },
});
