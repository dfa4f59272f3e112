/** Tests in YAML of modules that others compiled: the files of this folder and of examples/tests pass. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Instead, loadTests } from "../../scripts/simulate/tests/load.ts";
import { Runner } from "../../scripts/simulate/tests/run.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "../support/data.ts";

/** What failed, by the test's name. */
async function failures(file: string, instead: Instead = {}): Promise<Record<string, unknown>> {
  const runner = new Runner();
  const found: Record<string, unknown> = {};
  for (const one of loadTests(projectPath(file), instead)) found[one.name] = (await runner.run(one)).failures;
  return found;
}

const none = (found: Record<string, unknown>) =>
  Object.fromEntries(Object.keys(found).map((name) => [name, []]));

describe.skipIf(DATA_IS_ABSENT)(`of Go, Rust and C++${WHY_SKIPPED}`, () => {
  const read = (name: string): Uint8Array => readFileSync(join(DATA, "modules", name));

  test("the modules do what modules.yaml says", async () => {
    const found = await failures("test/simulate-tests/modules.yaml");
    expect(Object.keys(found).length).toBeGreaterThan(6);
    expect(found).toEqual(none(found));
  });

  test("the example of a filter that asks a service passes, and fails with another module", async () => {
    const file = "examples/tests/auth.yaml";
    const found = await failures(file, { module: read("rust-http_auth_random.wasm") });
    expect(found).toEqual(none(found));
    expect(Object.keys(found)).toHaveLength(4);
    const other = await failures(file, { module: read("cpp-http_wasm_example.wasm") });
    for (const one of Object.values(other)) expect(one).not.toEqual([]);
  });
});
