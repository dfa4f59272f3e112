/** How vitest finds and runs what `npm run test:istio` tests. */
import { configDefaults, defineConfig } from "vitest/config";
import base from "../../vitest.config.ts";

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/istio/**/*.test.ts"],
    exclude: configDefaults.exclude,
    globalSetup: ["test/support/get-envoy.ts", "test/istio/control-plane.ts"],
  },
});
