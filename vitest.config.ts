/** How vitest finds and runs the tests. */
import { readFileSync } from "node:fs";
import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      // The same as esbuild's `binary` loader, which the bundle is built with.
      name: "wasm-bytes",
      enforce: "pre",
      load(id) {
        if (!id.endsWith(".wasm")) return null;
        const base64 = readFileSync(id).toString("base64");
        return `export default new Uint8Array(Buffer.from("${base64}", "base64"));`;
      },
    },
    {
      // The same as esbuild's `text` loader.
      name: "text",
      enforce: "pre",
      load(id) {
        if (!/\.(?:lua|proto)$/.test(id)) return null;
        return `export default ${JSON.stringify(readFileSync(id, "utf8"))};`;
      },
    },
  ],
  test: {
    include: ["{bench,host-sim,scripts,test}/**/*.test.ts"],
    // `npm run conformance`, `npm run test:envoys` and `npm run test:istio` run these.
    exclude: [...configDefaults.exclude, "test/conformance/**", "test/envoys/**", "test/istio/**"],
    globalSetup: "test/support/get-envoy.ts",
    setupFiles: ["test/support/seed.ts", "test/support/remove-folders.ts"],
    // Much of the time is waiting for real servers: one file at a time, vitest's choice on two cores, takes 25 minutes.
    maxWorkers: 3,
    // Files that follow one another share their modules: hooks are called for, never set by an import.
    isolate: false,
    // Two cores, shared by tests: what comes within a second alone may take several.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
