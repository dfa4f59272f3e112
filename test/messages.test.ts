/** What the commands say to somebody who has made a mistake, and that none of their options goes unheard. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { projectPath } from "./support/data.ts";

let home: string;
/** A new folder for each test, with a copy of the small farm in `farm/` and its table, `t`. */
let folder: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "pointsman-messages-"));
  mkdirSync(join(home, "packed"));
  folder = join(home, "packed");
  cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
  expect(run("pack", ...FARM, "--out", "t").status).toBe(0);
});
beforeEach(() => {
  folder = mkdtempSync(join(home, "test-"));
  cpSync(join(home, "packed"), folder, { recursive: true });
});
afterAll(() => rmSync(home, { recursive: true }));

const FARM = ["--farm", "farm/farm.yaml"];

function runWith(input: string | Uint8Array, ...args: string[]): SpawnSyncReturns<Buffer> {
  return spawnSync(process.execPath, [projectPath("build/pointsman.mjs"), ...args], {
    cwd: folder,
    input,
    env: {},
  });
}

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = runWith("", ...args);
  return { status, out: stdout.toString(), err: stderr.toString() };
}

describe("a mistake", () => {
  it.each([
    ["pack farm.yaml --out x", "`farm.yaml` belongs to no option: did you mean --farm farm.yaml?"],
    ["check a.yml", "`a.yml` belongs to no option: did you mean --farm a.yml?"],
    ["check mediawiki-config=x", "did you mean --source mediawiki-config=x?"],
    ["pack --out x small.table", "did you mean --out small.table?"],
    ["inspect t small.table", "`small.table` belongs to no option: see `pointsman inspect --help`"],
    ["explain en.example small.table", "did you mean --table small.table?"],
    ["explain en.example de.example", "ask about one URL, or give many by --stdin"],
    ["simulate --config t --requests - a.log", "did you mean --requests a.log?"],
    ["simulate --config t --requests - clusters.yaml", "did you mean --clusters clusters.yaml?"],
    ["explain --table t --farm f x", "--farm: --table replaces the farm: leave out one of the two"],
    ["explain --table t --source a=b --today 2026-01-01 x", "--source, --today: --table replaces the farm"],
    [
      "explain --stdin -X POST --body x",
      "--method, --body: with --stdin, each line has its own: leave this out",
    ],
    ["explain --table - --stdin", "two files are -, and standard input can be only one of them"],
    ["simulate --config - --requests -", "two files are -, and standard input can be only one of them"],
    [
      "simulate --config t --requests r --clusters c.yaml",
      "--clusters: only --listen takes this: leave it out with --requests",
    ],
    [
      "simulate --config t --listen 127.0.0.1:0 --clusters c.yaml --summary --listener edge",
      "--listener, --summary: only --requests takes this: leave it out with --listen",
    ],
    ["simulate --config t --requests r --field pth=x", "Write a field as path=NAME"],
    ["simulate --config t --requests r --property x", "Write a property as its dotted path and a value"],
    ["simulate --config t --requests r --env X", "Write a variable as NAME=VALUE"],
    [
      "simulate --config t --requests r --root-id main --env A=b",
      "--root-id, --env: a replay of a table's decisions takes no notice of this",
    ],
    ["simulate --requests r --primary a", "--primary: only a table knows this, and --config names none"],
  ])("used wrongly exits with 2 and says what is meant: %s", (line, why) => {
    const { status, out, err } = run(...line.split(" "));
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain(why);
  });

  it.each([
    ["check", "farm.yaml: there is no such file: name the farm's file by --farm FILE"],
    ["explain en.example", "farm.yaml: there is no such file: name the farm's file by --farm FILE"],
    ["explain --table farm x", "farm: cannot be read: it is a folder, not a file"],
    ["inspect t/x", "t/x: cannot be read: a part of its path is a file, not a folder"],
    ["simulate --config farm --requests -", "farm: cannot be read: it is a folder, not a file"],
    ["simulate --config t --requests farm", "farm: cannot be read: it is a folder, not a file"],
    ["simulate --config t --requests no", "no: cannot be read: there is no such file"],
    ["simulate --config t --wasm no --requests -", "no: cannot be read: there is no such file"],
    ["simulate --config t --clusters no --listen 127.0.0.1:0", "no: cannot read `no`: there is no such file"],
    ["pack --farm farm --out x", "farm: it is a folder, not a file: did you mean `farm/farm.yaml`?"],
    ["pack --farm farm/farm.yaml --out no/x", "no/x: cannot be written: there is no such folder"],
  ])("of the system's is told in our words, in a line: %s", (line, why) => {
    expect(run(...line.split(" "))).toEqual({ status: 1, out: "", err: `${why}\n` });
  });

  it("that is made 300 times is told once, and in JSON each time", () => {
    const hosts = Array.from(
      { length: 300 },
      (_, i) => `  - { host: h${i}.example, path: "/{w}", wiki: "{w}x" }`,
    );
    const farm = readFileSync(projectPath("examples/three-wikis/farm.yaml"), "utf8");
    const text = farm.replace(/^hosts:/m, ["hosts:", ...hosts].join("\n"));
    expect(text).not.toBe(farm);
    writeFileSync(join(folder, "many.yaml"), text);
    for (const command of ["check", "pack --out x", "explain a.example"]) {
      const { status, err } = run(...command.split(" "), "--farm", "many.yaml");
      expect([status, err.split("\n").length], command).toEqual([1, 2]);
      expect(err).toMatch(/^many\.yaml:\d+:\d+: must be made of .* \(and 299 more like it: .*\)\n$/);
    }
    const { errors } = JSON.parse(run("pack", "--json", "--out", "x", "--farm", "many.yaml").out);
    expect(errors).toHaveLength(300);
  });

  it("a source that is not there says which option has it", () => {
    const farm = readFileSync(join(folder, "farm", "farm.yaml"), "utf8");
    const text = farm.replace(
      "wikiversions: wiki",
      "sources: { config: ../config }\nwikiversions: config:wiki",
    );
    writeFileSync(join(folder, "farm", "farm.yaml"), text);
    expect(run("check", ...FARM)).toEqual({
      status: 1,
      out: "",
      err: "farm/farm.yaml:6:15: source `config` is not in `config`: name its folder by --source config=DIR\n",
    });
    expect(run("check", ...FARM, "--source", "config=no").err).toContain("`config` is not in `no`");
    expect(run("check", ...FARM, "--source", "config=farm").status).toBe(0);
  });

  it.each(["envoy-1.40", "ats-10.2"])("a port that is taken is told in a line: %s", async (profile) => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    writeFileSync(join(folder, "c.yaml"), "clusters: {}\n");
    const { status, err } = run(
      "simulate",
      "--profile",
      profile,
      "--config",
      "t",
      "--clusters",
      "c.yaml",
      "--listen",
      `127.0.0.1:${port}`,
    );
    expect(status).toBe(1);
    expect(err.split("\n").at(-2)).toBe(`127.0.0.1:${port}: another program listens there already`);
    server.close();
  });
});

describe("--json", () => {
  it.each(["check", "pack", "explain"])("of a refused farm is JSON as well: %s", (command) => {
    const farm = join(folder, "farm", "farm.yaml");
    writeFileSync(
      farm,
      readFileSync(farm, "utf8").replace("realm:", "relam:").replace("  default:", "  defalt:"),
    );
    const more = { check: [], pack: ["--out", "x"], explain: ["en.wikipedia.org"] }[command]!;
    const { status, out, err } = run(command, ...FARM, "--json", ...more);
    const messages = [
      "farm/farm.yaml:3:1: unknown key `relam`; did you mean `realm`?",
      "farm/farm.yaml:32:3: unknown key `defalt` in `deployments`; did you mean `default`?",
    ];
    expect({ status, err }).toEqual({ status: 1, err: `${messages.join("\n")}\n` });
    expect(JSON.parse(out)).toEqual({
      errors: [
        { message: messages[0], file: "farm/farm.yaml", line: 3, column: 1 },
        { message: messages[1], file: "farm/farm.yaml", line: 32, column: 3 },
      ],
    });
  });

  it("of what else is refused is JSON as well", () => {
    expect(JSON.parse(run("inspect", "--json", "no").out)).toEqual({
      errors: [{ message: "no: cannot be read: there is no such file" }],
    });
    expect(run("inspect", "no").out).toBe("");
  });
});

describe("- instead of a file", () => {
  it("is standard input for tables, farms and requests, and standard output for a table", () => {
    const table = readFileSync(join(folder, "t"));
    cpSync(join(folder, "farm", "wikiversions.json"), join(folder, "wikiversions.json"));
    const again = runWith(
      readFileSync(join(folder, "farm", "farm.yaml")),
      "pack",
      "--farm",
      "-",
      "--strip",
      "--out",
      "-",
    );
    expect(again.stderr.toString()).toMatch(/^-: \d+ bytes, 6 wikis, generation 1, digest [0-9a-f]+\n$/);
    expect(readdirSync(folder)).not.toContain("-");
    const inspected = (bytes: Uint8Array) => runWith(bytes, "inspect", "-").stdout.toString();
    expect(inspected(again.stdout).split("\n")[0]).toBe(inspected(table).split("\n")[0]);
    expect(runWith(table, "explain", "--table", "-", "en.wikipedia.org").stdout.toString()).toContain(
      "enwiki",
    );
    writeFileSync(join(folder, "requests"), '{"authority":"en.wikipedia.org","path":"/"}\n');
    const simulated = runWith(table, "simulate", "--config", "-", "--requests", "requests", "--summary");
    expect(simulated.stdout.toString()).toMatch(/^1 request\n/);
  });
});

describe("help", () => {
  it("has no default that says nothing, and the version is the package's", () => {
    for (const command of ["pack", "check", "inspect", "explain", "simulate", "render envoy"]) {
      const { out } = run(...command.split(" "), "--help");
      expect(out).toMatch(/^Usage: /);
      expect(out).not.toMatch(/\(default: (\{\}|\[\]|""|null)\)/);
      expect(out).not.toMatch(/\(default:[^)]*\)\s*\(default:/);
    }
    const { version } = JSON.parse(readFileSync(projectPath("package.json"), "utf8"));
    expect(run("--version")).toEqual({ status: 0, out: `${version}\n`, err: "" });
  });
});
