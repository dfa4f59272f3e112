/** What pages load: bundled for browsers without shims, and run where there is what the web has, and nothing of Node's. */
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { projectPath } from "./support/data.ts";
import { TODAY, tableOf } from "./support/farms.ts";

const { plan } = compile(new Farm(projectPath("examples/three-wikis/farm.yaml")), TODAY);
const table = tableOf(plan);
/** The same, with all wikis on the first release. */
const moved = tableOf({ ...plan, wikis: plan.wikis.map((wiki) => ({ ...wiki, release: 0 })) });

/** What the default export of a module says, a function of the filter's bytes and the two tables'. */
async function inPage(contents: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: projectPath("."), loader: "ts" },
    bundle: true,
    platform: "browser",
    format: "iife",
    globalName: "page",
    write: false,
  });
  const filter = readFileSync(projectPath("build/pointsman.wasm"));
  const given = JSON.stringify({ filter: [...filter], table: [...table.bytes], moved: [...moved.bytes] });
  const context = createContext({ TextEncoder, TextDecoder, console, btoa, URL, given });
  expect(runInContext("typeof Buffer + typeof process + typeof require", context)).toBe(
    "undefined".repeat(3),
  );
  const run = `${outputFiles[0]!.text};
    const entries = Object.entries(JSON.parse(given)).map(([name, bytes]) => [name, Uint8Array.from(bytes)]);
    page.default(Object.fromEntries(entries)).then((said) => JSON.stringify(said));`;
  return JSON.parse((await runInContext(run, context)) as string);
}

test("the simulator runs the filter on a table, as Envoy and as ATS", async () => {
  const said = await inPage(`
    import { ats102, envoy140, Vm } from "./host-sim/index.ts";
    const headers = [[":authority", "en.wikipedia.org"], [":path", "/w/api.php"], [":method", "GET"]] as const;
    export default async function ({ filter, table }: Record<string, Uint8Array>) {
      const ask = async (profile: typeof envoy140, configuration: Uint8Array | string) => {
        const vm = await Vm.load(filter, { profile });
        const result = vm.createRoot({ configuration }).request({ headers });
        const cluster = result.headers.find(([name]) => name === "x-mw-cluster");
        return { cluster, calls: vm.calls, logs: vm.logs.map(({ text }) => text) };
      };
      return {
        envoy: await ask(envoy140, table),
        ats: await ask(ats102, btoa(String.fromCharCode(...table))),
        noModule: await Vm.load(Uint8Array.of(0)).catch(({ name }: Error) => name),
      };
    }`);
  const cluster = ["x-mw-cluster", "mw-api-group1"];
  const calls = { proxy_get_header_map_pairs: 1 };
  const logs = [expect.stringContaining(table.digest)];
  expect(said).toMatchObject({
    envoy: { cluster, calls, logs },
    ats: { cluster, calls, logs },
    noModule: "LoadError",
  });
});

test("explain, logs of requests, and what changes between two tables", async () => {
  const said = await inPage(`
    import { diff } from "./scripts/diff/diff.ts";
    import { decode } from "./scripts/encode/decode.ts";
    import { Explainer } from "./scripts/explain/explainer.ts";
    import { readRequests } from "./scripts/requests/read-requests.ts";
    import { digestHolds } from "./scripts/table/digest.ts";
    import { Table } from "./scripts/table/table.ts";
    const log = '::1 - - [26/Nov/2026:14:00:00 +0000] "GET http://en.wikipedia.org/w/api.php HTTP/1.1" 200\\n';
    async function* lines() { yield new TextEncoder().encode(log); }
    export default async function ({ filter, table, moved }: Record<string, Uint8Array>) {
      const explainer = await Explainer.create(table, filter);
      const answers = [];
      for await (const read of readRequests(lines(), "log", { fields: {}, host: null }))
        answers.push("question" in read && read.question ? explainer.explain(read.question) : read);
      const [before, after] = [table, moved].map((bytes) => decode(new Table(bytes)));
      const { same, wikis } = diff(before, after, () => 0);
      return { answers, digestHolds: digestHolds(new Table(table)), same, wikis };
    }`);
  expect(said).toMatchObject({
    answers: [{ wiki: "enwiki", cluster: "mw-api-group1", status: null }],
    digestHolds: true,
    same: false,
    wikis: { ways: [{ from: "group1", to: "group0", wikis: ["dewiki", "enwiki"] }] },
  });
});
