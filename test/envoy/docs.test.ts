/** What docs/envoy.md and docs/operations.md say of the configuration and the metrics is what we render and count. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as refusals from "../../assembly/refusals.ts";
import { packFarm } from "../../scripts/commands/pack.ts";
import { parseFilterFile } from "../../scripts/render/filter-file.ts";
import { filterResource, pluginConfiguration } from "../../scripts/render/plugin.ts";
import { decide } from "../../scripts/table/decide.ts";
import { Table } from "../../scripts/table/table.ts";
import { projectPath } from "../support/data.ts";
import { TODAY } from "../support/farms.ts";
import { tableOf } from "./farm.ts";

const readDoc = (name: string) => readFileSync(projectPath(`docs/${name}`), "utf8");
const envoy = readDoc("envoy.md");
const operations = readDoc("operations.md");

/** The fenced blocks of a document that are marked so. */
function blocks(document: string, mark: string): string[] {
  return [...document.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === mark)
    .map(([, , text]) => text!);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-docs-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a document's command, with /etc/envoy in our folder and `--json` for what Envoy discovers. */
function pointsman(command: string): string {
  const text = command
    .replaceAll("examples/", `"${projectPath("examples")}"/`)
    .replaceAll("/etc/envoy", folder);
  const script = `pointsman() { node "${projectPath("build/pointsman.mjs")}" "$@"; }\n${text}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-ec", script], { cwd: folder, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

test("the configuration by hand is the one that render writes", () => {
  const [command] = blocks(envoy, "sh render");
  pointsman(command!.replace(/^envoy .*$/m, ""));
  // Ours is JSON, which people would not write.
  const written = (name: string) => readFileSync(join(folder, name), "utf8").replaceAll(folder, "/etc/envoy");
  const [bootstrap] = blocks(envoy, "yaml envoy.yaml");
  expect(load(bootstrap!.replaceAll("pointsman.yaml", "pointsman.json"))).toEqual(
    load(written("envoy.yaml").replace(/value: \S{99,}/, "value: TABLE")),
  );
  const [resource] = blocks(envoy, "yaml pointsman.yaml");
  const rendered = written("pointsman/main/pointsman.json")
    .replace(/"value": "[^"]+"/, '"value": "TABLE"')
    .replace(/"version_info": "[^"]+"/, '"version_info": "VERSION"');
  expect(load(resource!)).toEqual(JSON.parse(rendered));
});

test("a table goes into the file by hand, and an older one back, by the commands as printed", () => {
  const folderOf = join(folder, "pointsman", "main");
  rmSync(join(folder, "pointsman"), { recursive: true, force: true });
  mkdirSync(folderOf, { recursive: true });
  const file = join(folderOf, "pointsman.yaml");
  writeFileSync(file, blocks(envoy, "yaml pointsman.yaml")[0]!);
  const [bootstrap] = blocks(envoy, "yaml envoy.yaml");
  writeFileSync(join(folder, "envoy.yaml"), bootstrap!);
  cpSync(projectPath("examples/three-wikis/farm.yaml"), join(folder, "farm.yaml"));
  pointsman(blocks(envoy, "sh put")[0]!);
  const inFile = () => parseFilterFile(readFileSync(file, "utf8"), file).table!;
  const packed = new Table(readFileSync(join(folder, "farm.table")));
  expect([inFile().generation, inFile().digest]).toEqual([1, packed.digest]);
  const started = readFileSync(join(folder, "envoy.yaml"), "utf8");
  const { value } = /value: (?<value>\S{99,})/.exec(started)!.groups!;
  expect(Buffer.from(value!, "base64").subarray(-packed.bytes.length)).toEqual(Buffer.from(packed.bytes));
  expect(started.replace(value!, "TABLE")).toBe(bootstrap);
  const bad = tableOf({}, 5);
  writeFileSync(join(folder, "yesterday.table"), packed.bytes);
  writeFileSync(join(folder, "production.table"), bad);
  const json = file.replace(".yaml", ".json");
  writeFileSync(json, JSON.stringify(filterResource({ wasm: "/x.wasm", table: bad, listener: "main" }, "1")));
  pointsman(blocks(operations, "sh back")[0]!);
  const { table } = parseFilterFile(readFileSync(json, "utf8"), json);
  expect([table!.generation, table!.digest]).toEqual([6, packed.digest]);
});

test("settings before the table are written as render writes them", () => {
  const farm = projectPath("examples/three-wikis/farm.yaml");
  const { bytes } = packFarm({ farm, source: {}, today: TODAY, strip: true });
  writeFileSync(join(folder, "farm.table"), bytes);
  const settings = { listener: "main", datacentre: "codfw", primary: "eqiad" };
  const [command] = blocks(envoy, "sh settings");
  expect(pointsman(command!)).toBe(pluginConfiguration({ ...settings, table: bytes }).toString("base64"));
});

test("every metric has its row, by the name that Prometheus gives it, and no other has", () => {
  const source = readFileSync(projectPath("assembly/metrics.ts"), "utf8");
  const named = [
    ...source.matchAll(/(?:return|addToGauge\(|setGauge\(|nameMetric\()\s*ascii\("([a-z_]+)"/g),
  ].map(([, name]) => name!);
  const rows = [...operations.matchAll(/^\| `pointsman_([a-z_]+)(?:\{[^`]*)?` \|/gm)].map(
    ([, name]) => name!,
  );
  expect(new Set(rows)).toEqual(new Set([...named, "requests"]));
  expect(rows.length).toBe(new Set(rows).size);
});

test("every number of a refusal has its row, in their order", () => {
  const rows = [...operations.matchAll(/^\| (\d+) \| .+ \| .+ \|$/gm)].map(([, number]) => Number(number));
  expect(rows).toEqual(Object.values(refusals));
});

const fragments = blocks(operations, "yaml farm").map((text) => ({ title: text.split("\n", 1)[0]!, text }));
test.each(fragments)("packs with the small farm: $title", ({ text }) => {
  const farm = join(folder, "small", "farm.yaml");
  cpSync(projectPath("examples/small"), join(folder, "small"), { recursive: true });
  writeFileSync(farm, `${readFileSync(farm, "utf8")}\n${text}`);
  const table = new Table(packFarm({ farm, source: {}, today: TODAY, strip: true }).bytes);
  // What a fragment says of a request, in its comments: `# HOST/PATH → CLUSTER`.
  const said = [...text.matchAll(/^# ([a-z.]+)(\/\S*) → (.*)$/gm)];
  expect(said.length).toBeGreaterThan(0);
  for (const [, authority, target, cluster] of said) {
    expect(decide(table, { authority: authority!, target: target! }).answer).toMatchObject(
      /^\d/.test(cluster!) ? { status: Number(cluster) } : { cluster },
    );
  }
});
