// The page, as a folder of files that any file share can hold: part of npm run build.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { build } from "esbuild";

/**
 * Nothing leaves the page, and nothing runs in it but its own files. A file has no origin of its own in some browsers,
 * so `file:` stands beside 'self'.
 */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' file: 'wasm-unsafe-eval'",
  "style-src 'self' file:",
  "img-src data:",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * @param {object} [options]
 * @param {string} [options.out] the folder
 * @param {string} [options.filter] the file of the filter that answers in it
 */
export async function buildPage({ out = "build/page", filter = "build/pointsman.wasm" } = {}) {
  mkdirSync(out, { recursive: true });
  packSmallFarm("build/small.table");
  await build({
    // The question's part, what is loaded when a farm is edited, and what is loaded for the board of a whole table.
    entryPoints: {
      page: "scripts/page/main.tsx",
      farm: "scripts/page/farm-part.tsx",
      tables: "scripts/page/tables-part.tsx",
    },
    outdir: out,
    bundle: true,
    minify: true,
    platform: "browser",
    // A file may load no modules.
    format: "iife",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".table": "binary" },
    // Bytes as they are: what they are written as must compress.
    charset: "utf8",
    // Paths are those of the farm's files, from where the farm's folder is.
    alias: { "node:path": "path-browserify" },
    inject: ["scripts/page/farm/process.ts"],
    plugins: [withFilter(filter), withoutDisk, withSmallFarm, withoutUnused, withoutPackages],
    logLevel: "warning",
  });
  copyFileSync("scripts/page/style.css", join(out, "page.css"));
  const html = readFileSync("scripts/page/index.html", "utf8").replace("{policy}", POLICY);
  writeFileSync(join(out, "index.html"), html);
}

/**
 * What is imported as .wasm is that file, as a text whose characters are its bytes: base64, in which no byte begins where
 * a letter does, is a fifth larger when it is compressed.
 */
function withFilter(file) {
  const contents = () => {
    const text = JSON.stringify(readFileSync(file).toString("latin1"));
    return { contents: `export default Uint8Array.from(${text}, (one) => one.charCodeAt(0));` };
  };
  return { name: "filter", setup: (build) => build.onLoad({ filter: /\.wasm$/ }, contents) };
}

/** No file of ours does anything by being imported: what nobody uses of it stays out. */
const withoutUnused = {
  name: "without unused",
  setup: (build) =>
    build.onResolve({ filter: /^\..*\.tsx?$/ }, ({ path, resolveDir, kind }) =>
      kind === "entry-point" ? null : { path: join(resolveDir, path), sideEffects: false },
    ),
};

/**
 * Packages that the simulator takes for modules that are linked with `assemblyScript: true`, and for those that come
 * with a source map. The filter is neither.
 */
const NOT_FOR_THE_FILTER = {
  "@assemblyscript/loader": ["instantiateSync"],
  "@jridgewell/trace-mapping": ["TraceMap", "originalPositionFor"],
};
const withoutPackages = {
  name: "without packages",
  setup: (build) => {
    build.onResolve({ filter: /^@/ }, ({ path }) =>
      Object.hasOwn(NOT_FOR_THE_FILTER, path) ? { path, namespace: "none" } : null,
    );
    build.onLoad({ filter: /./, namespace: "none" }, ({ path }) => ({
      contents: `export let ${NOT_FOR_THE_FILTER[path].join(", ")};`,
    }));
  },
};

/** What the compiler asks a disk, or Node, a page answers by files of its own. */
const withoutDisk = {
  name: "without disk",
  setup: (build) =>
    build.onResolve(
      { filter: /^\.\/(?:files|exec-within)\.ts$|\/sources\/files\.ts$/ },
      ({ path, resolveDir }) => {
        const file = relative(process.cwd(), join(resolveDir, path));
        if (!file.startsWith("scripts/sources/")) return null;
        return { path: resolve("scripts/page/farm", basename(file)), sideEffects: false };
      },
    ),
};

/** The texts of examples/small, by path. */
const withSmallFarm = {
  name: "small farm",
  setup: (build) => {
    build.onResolve({ filter: /^small-farm$/ }, ({ path }) => ({ path, namespace: "small-farm" }));
    build.onLoad({ filter: /.*/, namespace: "small-farm" }, () => {
      const paths = ["farm.yaml", "wikiversions.json"].map((name) => `examples/small/${name}`);
      const texts = Object.fromEntries(paths.map((path) => [path, readFileSync(path, "utf8")]));
      return { contents: JSON.stringify(texts), loader: "json" };
    });
  },
};

/** The table that the page begins with, names of rules and their lines included. */
function packSmallFarm(out) {
  const args = ["build/pointsman.mjs", "pack", "--farm", "examples/small/farm.yaml", "--out", out];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`examples/small cannot be packed: ${stderr}`);
}
