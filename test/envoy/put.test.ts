/** `pointsman put` and `stamp`: a running Envoy gets a table, whole or not at all, and an older one back. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { parseFilterFile } from "../../scripts/render/filter-file.ts";
import { filterResource, pluginConfiguration } from "../../scripts/render/plugin.ts";
import { Table } from "../../scripts/table/table.ts";
import { projectPath } from "../support/data.ts";
import { PLAN, tableOf } from "./farm.ts";

const OLD = tableOf({}, 7);
/** Every wiki on release 0: test.wiki.example goes elsewhere. */
const NEW = tableOf({ wikis: PLAN.wikis.map((one) => ({ ...one, release: 0 })) }, 8);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-put-"));
  writeFileSync(join(folder, "old.table"), OLD);
  writeFileSync(join(folder, "new.table"), NEW);
});
afterEach(() => rmSync(folder, { recursive: true }));

const cli = projectPath("build/pointsman.mjs");

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const options = { cwd: folder, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], options);
  return { code: status, out: stdout, err: stderr };
}

const read = (name: string) => readFileSync(join(folder, name), "utf8");
const tableIn = (name: string) => parseFilterFile(read(name), name).table;

test("a running Envoy gets a table, refuses to go back by accident, and goes back when told so", async () => {
  const rendered = run(
    ...["render", "envoy", "--table", "old.table", "--out", "made", "--fallback", "127.0.0.1:9"],
    ...["--admin-port", "0", "--listener", "edge=0", "--listener", "mesh=0"],
    ...["--datacentre", "codfw", "--primary", "eqiad", "--access-log", "none"],
  );
  expect(rendered.code).toBe(0);
  const files = ["edge", "mesh"].map((name) => `made/pointsman/${name}/pointsman.json`);
  const bootstrap = "made/envoy.yaml";
  let envoy = await startConfigured(join(folder, bootstrap), { envoy: await findEnvoy() });
  const served = async (generation: number, bytes: Uint8Array) => {
    for (const listener of ["edge", "mesh"]) {
      for (const [name, value] of [
        ["generation", generation],
        ["digest", Number.parseInt(new Table(bytes).digest.slice(0, 12), 16)],
      ]) {
        await envoy.waitForStat(
          `wasmcustom.pointsman.${name}.listener.${listener}`,
          (one) => one === value,
          10_000,
        );
      }
    }
  };
  /** Clusters have no address here: Envoy says which one it misses. */
  const ask = async (listener: string) =>
    (await send({ port: envoy.ports[listener]!, host: "test.wiki.example" })).status;
  try {
    await served(7, OLD);
    expect(run("put", "new.table", "--into", ...files, bootstrap)).toMatchObject({ code: 0, err: "" });
    await served(8, NEW);
    const before = files.map(read);
    expect(run("put", "old.table", "--into", ...files)).toEqual({
      code: 1,
      out: "",
      err:
        `${files[0]}: has generation 8, and old.table is older: 7; to go back: ` +
        `pointsman stamp old.table --above ${files[0]} --out NEW.table, and put that\n`,
    });
    expect(files.map(read)).toEqual(before);
    expect(run("stamp", "old.table", "--above", ...files, "--out", "back.table").out).toBe(
      `back.table: generation 9, digest ${new Table(OLD).digest}, as old.table\n`,
    );
    expect(run("put", "back.table", "--into", ...files, bootstrap).code).toBe(0);
    // What an alert looks at: all of them are on it.
    await served(9, OLD);
    expect(await Promise.all(["edge", "mesh"].map(ask))).toEqual([503, 503]);
    const stats = await envoy.stats("http_filter.pointsman.(update_rejected|update_failure)");
    expect(Object.values(stats)).toEqual([0, 0]);
    await envoy.stop();
    // What was brought last is what it starts with, whatever has become of the files.
    for (const name of files)
      writeFileSync(join(folder, name), read(name).replace(/("value": ".{99}).*"/, '$1"'));
    envoy = await startConfigured(join(folder, bootstrap), { envoy: await findEnvoy() });
    await served(9, OLD);
    expect(await Promise.all(["edge", "mesh"].map(ask))).toEqual([503, 503]);
    const refused = await envoy.stats("http_filter.pointsman.update_rejected");
    expect(Object.values(refused)).toEqual([2]);
  } finally {
    await envoy.stop();
  }
  expect(readdirSync(join(folder, "made/pointsman/edge"))).toEqual(["pointsman.json"]);
});

const settings = { listener: "mesh", datacentre: "codfw", primary: "eqiad" };
const bytes = (configuration: Uint8Array) => ({
  "@type": "type.googleapis.com/google.protobuf.BytesValue",
  value: Buffer.from(configuration).toString("base64"),
});
const text = (value: string) => ({ "@type": "type.googleapis.com/google.protobuf.StringValue", value });
const inBase64 = (table: Uint8Array) => Buffer.from(table).toString("base64");

/** The new table with nothing but the attempt before it. */
const FIRST = Buffer.concat([Buffer.from('{"attempt":1}'), NEW]);

/** A configuration, and what it is with the new table: every form that the filter takes. */
const FORMS: [string, object, object][] = [
  ["the table", bytes(OLD), bytes(FIRST)],
  ["a place for it", { ...bytes(OLD), value: "TABLE" }, bytes(FIRST)],
  ["nothing yet", { ...bytes(OLD), value: "" }, bytes(FIRST)],
  [
    "settings before it",
    bytes(pluginConfiguration({ table: OLD, ...settings })),
    bytes(pluginConfiguration({ table: NEW, ...settings, attempt: 1 })),
  ],
  [
    "settings with an attempt before it",
    bytes(pluginConfiguration({ table: OLD, ...settings, clusterHeader: "x-mw-cluster", attempt: 41 })),
    bytes(pluginConfiguration({ table: NEW, ...settings, clusterHeader: "x-mw-cluster", attempt: 42 })),
  ],
  ["base64", text(inBase64(OLD)), text(JSON.stringify({ attempt: 1, table: inBase64(NEW) }))],
  ["a place in text", text("TABLE"), text(JSON.stringify({ attempt: 1, table: inBase64(NEW) }))],
  [
    "JSON",
    text(JSON.stringify({ ...settings, table: inBase64(OLD) })),
    text(JSON.stringify({ ...settings, table: inBase64(NEW), attempt: 1 })),
  ],
  ["a damaged one", bytes(OLD.subarray(0, 300)), bytes(FIRST)],
];

test.each(FORMS)("the table alone is replaced, in JSON and in YAML: %s", (_, before, after) => {
  const resource = (configuration: object) => {
    const made = filterResource({ wasm: "/x.wasm", table: OLD, listener: "edge" }, "1") as {
      version_info?: string;
      resources: [{ typed_config: { config: { configuration: object } } }];
    };
    made.resources[0].typed_config.config.configuration = configuration;
    return made;
  };
  const wanted = { ...resource(after), version_info: expect.stringMatching(/^[0-9a-f]{16}$/) };
  writeFileSync(join(folder, "one.json"), JSON.stringify(resource(before)));
  writeFileSync(join(folder, "one.yaml"), dump(resource(before)));
  const { code, err, out } = run("put", "new.table", "--into", "one.json", "one.yaml");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`one.yaml: generation 8, digest ${new Table(NEW).digest}\n`);
  expect(JSON.parse(read("one.json"))).toEqual(wanted);
  expect(load(read("one.yaml"))).toEqual(wanted);
  expect(tableIn("one.yaml")!.generation).toBe(8);
});

test("what does not fit is refused, with the way out, and no file is touched", () => {
  const resource = (listener: string, table: Uint8Array) =>
    JSON.stringify(filterResource({ wasm: "/x.wasm", table, listener }, "1"));
  writeFileSync(join(folder, "good.json"), resource("edge", OLD));
  writeFileSync(join(folder, "other.json"), resource("esams", OLD));
  writeFileSync(join(folder, "same.json"), resource("edge", tableOf({ shareCookie: "x" }, 8)));
  const routed = { wasm: "/x.wasm", table: OLD, listener: "edge", clusterHeader: "x-cluster" };
  writeFileSync(join(folder, "routed.json"), JSON.stringify(filterResource(routed, "1")));
  writeFileSync(join(folder, "cut.table"), NEW.subarray(0, 300));
  writeFileSync(join(folder, "empty.json"), "");
  writeFileSync(join(folder, "list.yaml"), "- a\n");
  writeFileSync(join(folder, "old-table.json"), JSON.stringify({ resources: [{ name: "pointsman" }] }));
  const good = read("good.json");
  for (const [args, says] of [
    [
      ["new.table", "--into", "good.json", "other.json"],
      'other.json: is for listener "esams", and new.table: the table has no',
    ],
    [
      ["new.table", "--into", "good.json", "same.json"],
      "same.json: has another table of generation 8; to go back: pointsman stamp",
    ],
    [
      ["new.table", "--into", "good.json", "routed.json"],
      'routed.json: the proxy routes by "x-cluster", and new.table sets "x-mw-cluster"',
    ],
    [["new.table", "--into", "good.json", "none.json"], "none.json: cannot be read: "],
    [["new.table", "--into", "good.json", "empty.json"], "empty.json: "],
    [
      ["new.table", "--into", "good.json", "list.yaml"],
      "list.yaml: the file is not a filter with its configuration: must be a mapping with `resources`; ",
    ],
    [
      ["new.table", "--into", "good.json", "old-table.json"],
      "old-table.json: the file is not a filter with its configuration: resources.0",
    ],
    [["cut.table", "--into", "good.json"], "cut.table: 300 bytes, but its header says"],
  ] as const) {
    const { code, out, err } = run("put", ...args);
    expect([args, code, out, err]).toEqual([args, 1, "", expect.stringContaining(says)]);
    expect(read("good.json")).toBe(good);
  }
  expect(run("put", "new.table").code).toBe(2);
  expect(run("stamp", "old.table", "--out", "x").code).toBe(2);
  expect(run("stamp", "old.table", "--above", "new.table", "--generation", "3", "--out", "x").code).toBe(2);
  expect(run("stamp", "old.table", "--above", "list.yaml", "--out", "x")).toMatchObject({
    code: 1,
    err: expect.stringContaining("list.yaml: the file is not a filter with its configuration"),
  });
  // Again the same is no harm, and no two files are the same: Envoy judges each.
  expect(run("put", "old.table", "--into", "good.json").code).toBe(0);
  const once = read("good.json");
  expect(run("put", "old.table", "--into", "good.json").code).toBe(0);
  expect(read("good.json")).not.toBe(once);
});

test("where there is no room the old file stays, and nothing else does", () => {
  const wikis = Array.from({ length: 30_000 }, (_, i) => ({
    ...{ id: `w${String(i).padStart(6, "0")}wiki`, release: 0, group: null, installed: true },
  }));
  const large = tableOf({ wikis, hosts: [], canonical: { rules: [], exceptions: [] } }, 9);
  expect(large.length).toBeGreaterThan(200_000);
  writeFileSync(join(folder, "large.table"), large);
  writeFileSync(
    join(folder, "one.json"),
    JSON.stringify(filterResource({ wasm: "/x", table: OLD, listener: "edge" }, "1")),
  );
  const before = [read("one.json"), readdirSync(folder).sort()];
  // A limit of the shell's on what a process may write to one file, in KiB.
  const script = `trap '' XFSZ; ulimit -f 100; exec "$@"`;
  const args = ["-c", script, "bash", process.execPath, cli, "put", "large.table", "--into", "one.json"];
  const { status, stderr } = spawnSync("bash", args, { cwd: folder, encoding: "utf8" });
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/^one\.json: cannot be written: file too large/),
  ]);
  expect([read("one.json"), readdirSync(folder).sort()]).toEqual(before);
  expect(run("put", "large.table", "--into", "one.json").code).toBe(0);
  expect(tableIn("one.json")!.generation).toBe(9);
});
