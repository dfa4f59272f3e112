/** `pointsman simulate --tests`: its exit codes, its files, and what it prints. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, packSmall, run, setUpCli } from "../support/cli.ts";
import { projectPath } from "../support/data.ts";

setUpCli();

describe("pointsman simulate --tests", () => {
  /** As in the project, so that the paths in the example lead where they should. */
  function copyExample(): void {
    packSmall("small.table", "--strip");
    for (const name of ["build", "examples"]) mkdirSync(join(folder, name));
    cpSync(projectPath("examples/tests"), join(folder, "examples/tests"), { recursive: true });
    cpSync(projectPath("build/pointsman.wasm"), join(folder, "build/pointsman.wasm"));
  }

  it("exits with 0 where all tests pass, with 1 where one fails, and says which", () => {
    copyExample();
    const file = "examples/tests/routing.yaml";
    const passed = run(["simulate", "--tests", file]);
    expect({ code: passed.code, err: passed.err }).toEqual({ code: 0, err: "" });
    expect(passed.out).toMatch(/^examples\/tests\/routing\.yaml\n( {2}ok {5}.*\n){6}6 tests, all passed\n$/);
    writeFileSync(
      join(folder, "bad.yaml"),
      "module: build/pointsman.wasm\nconfiguration: { file: small.table }\ntests:\n" +
        "- name: it\n  request: { host: en.wikipedia.org }\n  expect: { upstream: { headers: { x-mw-wiki: dewiki } } }\n",
    );
    const failed = run(["simulate", "--tests", "bad.yaml", file, "--format", "tap"]);
    expect(failed.code).toBe(1);
    expect(failed.out).toMatch(/^TAP version 14\n1\.\.7\nnot ok 1 - bad\.yaml: it\n {2}---\n/);
    expect(failed.out).toContain('    - at: "bad.yaml:6:47"\n');
    expect(failed.out).toContain('      expected: "\\"dewiki\\""\n      actual: "\\"enwiki\\""\n');
    expect(failed.out).toContain("\nok 2 - examples/tests/routing.yaml: ");
    const asJson = run(["simulate", "--tests", "bad.yaml", "--json", "--profile", "strict"]);
    expect(JSON.parse(asJson.out)).toMatchObject({
      ...{ passed: 0, failed: 1 },
      tests: [{ name: "it", profile: "strict", failures: [{ line: 6, actual: '"enwiki"' }] }],
    });
  });

  it("reads standard input, whose paths begin in the working folder", () => {
    copyExample();
    const input = "module: build/pointsman.wasm\ntests: [{ name: it, expect: { refused: true } }]\n";
    const { code, out } = run(["simulate", "--tests", "-", "--format", "junit"], { input });
    expect(code).toBe(0);
    expect(out).toContain('<testsuite name="-" tests="1" failures="0"');
  });

  it("exits with 2 for bad files, tells of all, and runs nothing", () => {
    writeFileSync(join(folder, "a.yaml"), "module: no.wasm\ntests: [{ name: it, request: {} }]\n");
    writeFileSync(join(folder, "b.yaml"), "tests: [{ nam: it }]\n");
    expect(run(["simulate", "--tests", "a.yaml", "b.yaml", "c.yaml"])).toEqual({
      code: 2,
      out: "",
      err: [
        "a.yaml:1:9: cannot read `no.wasm`: there is no such file",
        "b.yaml:1:11: unknown key `nam` in `tests.0`; did you mean `name`?",
        "c.yaml: cannot read `c.yaml`: there is no such file",
        "",
      ].join("\n"),
    });
  });

  it.each([
    ["--tests a.yaml --requests r", "give --listen, --requests, --tests or --check, one of them"],
    ["--tests a.yaml --config c", "--config: not with --tests: what is needed stands in the file"],
    ["--tests a.yaml --json --format tap", "--format: --json is a format: leave out one of the two"],
    ["--check a.wasm --wasm b.wasm --format tap", "--wasm, --format: not with --check: leave it out"],
    ["--requests r --format tap", "--format: only --tests takes this"],
  ])("used wrongly exits with 2 and says what is meant: %s", (line, why) => {
    const { code, err } = run(["simulate", ...line.split(" ")]);
    expect([code, err]).toEqual([2, `error: ${why}\n`]);
  });
});

describe("pointsman simulate --check", () => {
  it("exits with 0 if all take the module, with 1 if one refuses it, with 2 if it cannot be read", () => {
    cpSync(projectPath("build/pointsman.wasm"), join(folder, "ours.wasm"));
    const ours = run(["simulate", "--check", "ours.wasm"]);
    expect(ours).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringMatching(/^(\S+ +takes it, as ABI 0\.2\.1\n){3,}$/),
    });
    const told = ["--config", "ours.wasm", "--profile", "envoy-1.40", "--json"];
    const refused = run(["simulate", "--check", "ours.wasm", ...told]);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject([
      {
        profile: "envoy-1.40",
        takes: false,
        objections: [{ kind: "configuration", why: expect.stringContaining("refused") }],
      },
    ]);
    expect(run(["simulate", "--check", "no.wasm"])).toEqual({
      code: 2,
      out: "",
      err: "no.wasm: cannot be read: there is no such file\n",
    });
  });
});
