/** How vitest finds and runs what `npm run test:envoys` tests. */
import { configDefaults, defineConfig } from "vitest/config";
import base from "../../vitest.config.ts";

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/envoys/**/*.test.ts", "test/envoy/{versions,pushes}.test.ts"],
    exclude: configDefaults.exclude,
  },
});
