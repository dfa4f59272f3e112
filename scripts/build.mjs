// npm run build: the filter (release and debug), the CLI, the library, the page, the demo and the benchmarks, into build/.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";
import { buildPage } from "./page/build.mjs";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
mkdirSync("build", { recursive: true });

for (const target of ["release", "debug"]) {
  const asc = ["node_modules/assemblyscript/bin/asc.js", "--target", target];
  const { status } = spawnSync(process.execPath, asc, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
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

// What programs import as pointsman/table. For no platform: esbuild refuses an import of Node's.
await build({
  entryPoints: ["scripts/table/library.ts"],
  outfile: "build/table/library.js",
  bundle: true,
  platform: "neutral",
  target: "es2022",
  format: "esm",
  logLevel: "warning",
});
// Its types are in these two files alone: each gives a .d.ts by itself.
for (const name of ["library", "request"]) {
  const file = `scripts/table/${name}.ts`;
  const { outputText } = ts.transpileDeclaration(readFileSync(file, "utf8"), { fileName: file });
  writeFileSync(`build/table/${name}.d.ts`, outputText.replaceAll('.ts"', '.js"'));
}

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
