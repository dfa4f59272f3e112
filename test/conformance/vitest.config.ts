/** How vitest runs `npm run conformance`. */
import { configDefaults, defineConfig } from "vitest/config";
import base from "../../vitest.config.ts";

export default defineConfig({
  ...base,
  test: { ...base.test, include: ["test/conformance/**/*.test.ts"], exclude: configDefaults.exclude },
});
