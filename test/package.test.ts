/** The package as anybody gets it: packed, installed in a fresh folder, and used there. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { projectPath } from "./support/data.ts";
import { TODAY, tableOf } from "./support/farms.ts";
import { findJest, findNode, isAbsent, type Program, pathOf } from "./support/from-npm.ts";
import { guest } from "./support/guests.ts";

const table = tableOf(compile(new Farm(projectPath("examples/three-wikis/farm.yaml")), TODAY).plan);

const jest = findJest();
const whyNot = (found: Program): string => ("why" in found ? `: ${found.why}` : "");
/** `npm run test:nodes` names others. */
const NODES = [
  { version: process.versions.node, node: { program: process.execPath } as Program },
  ...(process.env.POINTSMAN_NODES?.split(" ") ?? []).map((version) => ({ version, node: findNode(version) })),
];

/** A folder with nothing in it but the installed package, a table, and a filter. */
let folder: string;

function run(command: string, ...args: string[]): string {
  // As in a shell: the runner of these tests tells its children that they are its own.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV|NODE_OPTIONS|FORCE_COLOR)/.test(name)),
  );
  env.NO_COLOR = "1";
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8", env });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** The first block of a document in a language. */
function blockOf(document: string, language: string): string {
  const text = readFileSync(projectPath(document), "utf8");
  return new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "m").exec(text)![1]!;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-package-"));
  // `prepare` would build, and other tests read what was built.
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder, projectPath(".")];
  const [packed] = JSON.parse(run("npm", ...pack));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  run("npm", "install", "--offline", "--no-audit", "--no-fund", join(folder, packed.filename));
  writeFileSync(join(folder, "farm.table"), table.bytes);
  writeFileSync(join(folder, "filter.wasm"), await guest());
  const installed = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed, "of the package, not of what it depends on").toEqual(["pointsman"]);
  symlinkSync(projectPath("node_modules/vitest"), join(folder, "node_modules/vitest"));
});

afterAll(() => rmSync(folder, { recursive: true }));

const ASK = `
  const table = open(bytes);
  const said = {
    generation: table.generation,
    digest: table.digest,
    listeners: table.listeners,
    api: table.decide({ authority: "EN.wikipedia.org:443", target: "/w/api.php" }),
    job: table.decide({ authority: "a", target: "/job", method: "POST", body: '{"database":"testwiki"}' }).host,
    unknown: table.decide({ authority: "en.example", target: "/" }, { listener: null, secondary: false }),
    wiki: table.wiki("enwiki"),
    none: table.wiki("nosuchwiki"),
    wikis: table.wikis(),
    refused: refusalOf(() => open(bytes.subarray(1))),
  };
  function refusalOf(act) { try { act(); } catch (error) { return error.message; } }
`;

const EXPECTED = {
  generation: 1,
  digest: table.digest,
  listeners: [null],
  api: {
    kind: "route",
    wiki: "enwiki",
    group: "group1",
    release: "group1",
    version: "1.47.0-wmf.1",
    deployment: "mw-api",
    cluster: "mw-api-group1",
    host: null,
    debug: false,
  },
  job: "www.wikipedia.org",
  unknown: { kind: "reply", status: 404, body: "no such wiki" },
  wiki: {
    wiki: "enwiki",
    group: "group1",
    release: "group1",
    version: "1.47.0-wmf.1",
    host: "en.wikipedia.org",
    installed: true,
  },
  none: null,
  wikis: ["dewiki", "enwiki", "testwiki"],
  refused: 'does not begin with "PNTS": not a table',
};

describe.each(NODES)("what docs/host-sim.md says, on Node $version", ({ node }) => {
  it.skipIf(isAbsent(node))(`in a program, and the CLI${whyNot(node)}`, () => {
    writeFileSync(join(folder, "ask.js"), blockOf("docs/host-sim.md", "js"));
    const said = run(pathOf(node), "ask.js");
    expect(said).toContain("[ 'x-mw-cluster', 'mw-api-group1' ]");
    expect(said).toContain("proxy_get_header_map_pairs: 1");
    const cli = "node_modules/pointsman/build/pointsman.cjs";
    expect(run(pathOf(node), cli, "inspect", "farm.table")).toContain("3 wikis");
  });

  it.skipIf(isAbsent(node))(`in vitest${whyNot(node)}`, () => {
    writeFileSync(join(folder, "own.test.ts"), blockOf("docs/host-sim.md", "ts"));
    const vitest = projectPath("node_modules/vitest/vitest.mjs");
    expect(run(pathOf(node), vitest, "run", "--root", folder)).toMatch(/Tests +1 passed/);
  });

  it.skipIf(isAbsent(node) || isAbsent(jest))(`in jest${whyNot(node)}${whyNot(jest)}`, () => {
    writeFileSync(join(folder, "jest.json"), '{ "transform": {}, "testMatch": ["**/own.jest.js"] }');
    const example = blockOf("docs/host-sim.md", "ts").replace(/^import .* "vitest";\n/m, "");
    writeFileSync(join(folder, "own.jest.js"), example);
    const args = ["--config", "jest.json", "--json", "--runInBand", "--watchman=false"];
    const said = JSON.parse(run(pathOf(node), "--experimental-vm-modules", pathOf(jest), ...args));
    expect(said).toMatchObject({ numPassedTests: 1, numFailedTests: 0 });
  });
});

describe("the package", () => {
  it("has the filter, the CLI and the libraries, and neither sources nor tests", () => {
    const installed = join(folder, "node_modules/pointsman");
    expect(JSON.parse(readFileSync(join(installed, "package.json"), "utf8")).name).toBe("pointsman");
    const files = run("find", "node_modules/pointsman", "-type", "f").trim().split("\n");
    const names = files.map((file) =>
      file.slice("node_modules/pointsman/".length).replace(/(host-sim)\/.*(\.d\.ts)/, "$1/*$2"),
    );
    expect([...new Set(names)].sort()).toEqual([
      "LICENSE",
      "README.md",
      "build/host-sim/*.d.ts",
      "build/host-sim/index.js",
      "build/pointsman.cjs",
      "build/pointsman.mjs",
      "build/pointsman.wasm",
      "build/table/library.d.ts",
      "build/table/library.js",
      "build/table/request.d.ts",
      "package.json",
    ]);
    expect(run(join(folder, "node_modules/.bin/pointsman"), "inspect", "farm.table")).toContain("3 wikis");
    const asked = ["wiki", "enwiki", "--table", "farm.table", "--json"];
    expect(JSON.parse(run(join(folder, "node_modules/.bin/pointsman"), ...asked)).release).toBe("group1");
  });

  it("does what docs/readers.md says", () => {
    const document = readFileSync(projectPath("docs/readers.md"), "utf8");
    const [, program, printed] = /^```js\n([\s\S]*?)^```[\s\S]*?^```text\n([\s\S]*?)^```$/m.exec(document)!;
    writeFileSync(join(folder, "program.js"), program!);
    expect(run(process.execPath, "program.js")).toBe(printed);
  });

  it("is imported as an ES module", () => {
    const use = `import { readFileSync } from "node:fs";
      import { open } from "pointsman/table";
      const bytes = readFileSync("farm.table");
      ${ASK}
      console.log(JSON.stringify(said));`;
    writeFileSync(join(folder, "use.js"), use);
    expect(JSON.parse(run(process.execPath, "use.js"))).toEqual(EXPECTED);
  });

  it.each([
    ["node16", "node16"],
    ["esnext", "bundler"],
  ])("has types for module %s, resolved as %s", (module, resolution) => {
    const use = `import { type Answer, open, type OpenTable, type WikiFacts } from "pointsman/table";
      import { envoy140, type RequestResult, strict, Vm } from "pointsman/host-sim";
      import { ProxyHost } from "pointsman/host-sim/browser";
      export async function upstreamOf(wasm: Uint8Array): Promise<readonly (readonly [string, string])[]> {
        const module = await Vm.compile(wasm, strict);
        // @ts-expect-error: a profile is not a name
        await Vm.load(module, { profile: "envoy" });
        new ProxyHost(module, { profile: envoy140, workers: 2 }).configure("router", { configuration: wasm });
        const vm = await Vm.load(module, { profile: strict, seed: 7 });
        const result: RequestResult = vm.createRoot({ rootId: "" }).request({ headers: [[":path", "/"]] });
        // @ts-expect-error: nothing may have gone upstream
        result.upstream.headers;
        return result.upstream?.headers ?? [];
      }
      export function clusterOf(bytes: Uint8Array, host: string): string | number {
        const table: OpenTable = open(bytes);
        const answer: Answer = table.decide({ authority: host, target: "/", headers: [["cookie", "a=b"]] });
        // @ts-expect-error: only one of three kinds of answer has a cluster
        answer.cluster;
        // @ts-expect-error: there may be no such wiki
        table.wiki("enwiki").release;
        // @ts-expect-error: a request has an authority, be it null
        table.decide({ target: "/" });
        const facts: WikiFacts | null = table.wiki("enwiki");
        if (answer.kind === "route") return answer.cluster;
        return answer.kind === "reply" ? answer.status : (facts?.host ?? "");
      }`;
    writeFileSync(join(folder, "use.ts"), use);
    const options = ["--module", module, "--moduleResolution", resolution, "--target", "es2022"];
    const strict = ["--noEmit", "--strict", "--lib", "es2022", "--skipLibCheck", "false"];
    const tsc = projectPath("node_modules/typescript/bin/tsc");
    expect(run(process.execPath, tsc, ...options, ...strict, "use.ts")).toBe("");
  });

  it("runs where there is only the language, as in a browser", async () => {
    const { outputFiles } = await build({
      stdin: { contents: 'export * from "pointsman/table"', resolveDir: folder },
      bundle: true,
      platform: "browser",
      format: "iife",
      globalName: "library",
      write: false,
    });
    const code = `${outputFiles[0]!.text}; const { open } = library; ${ASK}; JSON.stringify(said);`;
    const globals = { bytes: new Uint8Array(table.bytes) };
    expect(runInNewContext("typeof Buffer + typeof process + typeof require", {})).toBe(
      "undefined".repeat(3),
    );
    expect(JSON.parse(runInNewContext(code, globals))).toEqual(EXPECTED);
  });
});
