/** Targets: what targets.yaml may say, and what each kind writes and refuses. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { describe, expect, it } from "vitest";
import type { core } from "zod";
import { blocks, code, readDoc, rows } from "../../test/support/documents.ts";
import { folderOf } from "../../test/support/folder.ts";
import { filterWithPages } from "../../test/support/less-memory.ts";
import { plainListener, plainPlan } from "../../test/support/plans.ts";
import { encode } from "../encode/encode.ts";
import { filter } from "../filter.ts";
import type { Plan } from "../plan.ts";
import { parseAtsFile } from "../render/ats-file.ts";
import { CONFIGMAP_BYTES_AT_MOST, configMap, manifestText, withTable } from "../render/configmap.ts";
import { parseEnvoyFile } from "../render/envoy-file.ts";
import { parseFilterFile } from "../render/filter-file.ts";
import { filterResource, plugin } from "../render/plugin.ts";
import { Table } from "../table/table.ts";
import { readFilterFile } from "./filter-files.ts";
import { DoesNotFit, HasNewer } from "./target.ts";
import { readTargets, targetOf, targetOption, targetsSchema } from "./targets.ts";

const tableOf = (generation: number, parts: Partial<Plan> = {}) =>
  new Table(encode(plainPlan(parts), { generation, names: null }));
const OLD = tableOf(7);
const NEW = tableOf(8, { clusters: [["web-two"]] });
const target = (says: object, reloads = false) => targetOf(says as Parameters<typeof targetOf>[0], reloads);

/** As `render envoy --out` makes it. */
function rendered(listeners: Record<string, Table>): string {
  const files = Object.entries(listeners).map(([listener, { bytes }]) => [
    `pointsman/${listener}/pointsman.json`,
    JSON.stringify(filterResource({ wasm: "x.wasm", table: bytes, listener, datacentre: "codfw" }, "1")),
  ]);
  return folderOf(Object.fromEntries(files));
}
const tableIn = (file: string) => parseFilterFile(readFileSync(file, "utf8"), file).table!;

describe("targets.yaml", () => {
  it("has in docs/push.md an example that is one, and a row for each key with its default", () => {
    const document = readDoc("push.md");
    const file = join(folderOf({ "targets.yaml": blocks(document, "yaml targets")[0]! }), "targets.yaml");
    expect(readTargets(file).map(({ kind }) => kind)).toEqual(["envoy-files", "configmap", "ats", "istio"]);
    const kinds = (targetsSchema.shape.targets.element as unknown as { options: { shape: object }[] })
      .options;
    const keys = kinds.flatMap(({ shape }) =>
      Object.entries(shape).map(([key, schema]) => [key, showDefault(schema as core.$ZodType)]),
    );
    const stated = rows(document, "key", "value", "default", "meaning");
    expect(stated.map((row) => [code(row.key!), row.default])).toEqual(keys);
  });

  it.each([
    ["targets: []", "targets.yaml:1:10: `targets` must have at least 1 entry"],
    ["targets: [{ kind: atz, file: x }]", "must be `ats`; did you mean `ats`?"],
    ["targets: [{ kind: ats }]", "missing key `file` in `targets.0`"],
    ["targets: [{ kind: ats, file: x, reload: traffic_ctl }]", "`targets.0.reload` must be a list, not text"],
    ["targets: [{ kind: configmap, file: x, name: y }]", "unknown key `name` in `targets.0`"],
    [
      "targets: [{ kind: envoy-files, folder: x, file: y }]",
      "key `file` in `targets.0` does not go together with `folder`: keep the one or the other",
    ],
    ["- x", "must be a mapping, not a list"],
  ])("is refused with the place: %s", (text, why) => {
    const file = join(folderOf({ "targets.yaml": text }), "targets.yaml");
    expect(() => readTargets(file)).toThrow(why);
  });

  it("is not needed for a target that an option says", () => {
    expect(targetOption("configmap=a=b.json")).toEqual({ kind: "configmap", file: "a=b.json" });
    for (const text of ["ats", "ats=", "=x", "ftp=x", "envoy-files"]) expect(targetOption(text)).toBeNull();
  });
});

function showDefault(schema: core.$ZodType): string {
  const { def } = (schema as core.$ZodTypes)._zod;
  if (def.type === "optional") return "–";
  if (def.type !== "default") return "required";
  const value = def.defaultValue;
  return Array.isArray(value) ? `\`[${value.join(", ")}]\`` : `\`${value}\``;
}

describe("envoy-files", () => {
  it("gets the table into every listener's file, and leaves the rest", () => {
    const folder = rendered({ edge: OLD, mesh: OLD });
    const files = target({ kind: "envoy-files", folder });
    expect(files.write(NEW)).toBe("2 files");
    for (const listener of ["edge", "mesh"]) {
      const file = join(folder, `pointsman/${listener}/pointsman.json`);
      expect(tableIn(file).digest).toBe(NEW.digest);
      expect(
        Buffer.from(
          JSON.parse(readFileSync(file, "utf8")).resources[0].typed_config.config.configuration.value,
          "base64",
        ).toString("latin1"),
      ).toContain('"datacentre":"codfw"');
    }
    expect(files.write(NEW)).toBe("2 files");
  });

  it("gets it into the bootstrap as well, and leaves one alone that has no tables", () => {
    const folder = rendered({ edge: OLD });
    const bootstrap = join(folder, "envoy.json");
    const files = target({ kind: "envoy-files", folder });
    writeFileSync(bootstrap, '{ "static_resources": { "listeners": [] } }');
    expect(files.write(NEW)).toBe("1 file");
    expect(readFileSync(bootstrap, "utf8")).toBe('{ "static_resources": { "listeners": [] } }');
    const default_config = { config: plugin({ wasm: "x.wasm", table: OLD.bytes, listener: "edge" }) };
    writeFileSync(bootstrap, JSON.stringify({ static_resources: [{ default_config }] }));
    const other = join(folder, "envoy.yaml");
    writeFileSync(other, dump(load(readFileSync(bootstrap, "utf8")), { lineWidth: -1 }));
    expect(files.write(NEW)).toBe("3 files");
    for (const name of [bootstrap, other]) {
      const { plugins } = parseEnvoyFile(readFileSync(name, "utf8"), name);
      expect(plugins.map(({ table }) => table!.generation)).toEqual([8]);
    }
    writeFileSync(bootstrap, "{");
    expect(() => files.write(NEW)).toThrow(`${bootstrap}: `);
  });

  it("gets it into what an Envoy starts with whose filters a server has, and that alone", () => {
    const folder = folderOf({});
    const bootstrap = join(folder, "envoy.json");
    const default_config = { config: plugin({ wasm: "x.wasm", table: OLD.bytes, listener: "edge" }) };
    const write = (config_source: object) =>
      writeFileSync(bootstrap, JSON.stringify({ static_resources: [{ config_source, default_config }] }));
    write({ ads: {} });
    expect(target({ kind: "envoy-files", folder }).write(NEW)).toBe(
      "1 file, what Envoy starts with; the table comes to the running one from its server",
    );
    const { plugins } = parseEnvoyFile(readFileSync(bootstrap, "utf8"), bootstrap);
    expect(plugins.map(({ table }) => table!.generation)).toEqual([8]);
    expect(readdirSync(folder)).toEqual(["envoy.json"]);
    // Where it reads files, they are missed: without them the running Envoy would not have the table.
    write({ path_config_source: { path: "/x" } });
    expect(() => target({ kind: "envoy-files", folder }).write(NEW)).toThrow("LISTENER/pointsman.json: ");
    rmSync(bootstrap);
    expect(() => target({ kind: "envoy-files", folder }).write(NEW)).toThrow("LISTENER/pointsman.json: ");
  });

  it("is refused where the filter that is there refuses it", async () => {
    const folder = folderOf({});
    const wasm = join(folder, "pointsman.wasm");
    mkdirSync(join(folder, "pointsman/edge"), { recursive: true });
    writeFileSync(
      join(folder, "pointsman/edge/pointsman.json"),
      JSON.stringify(filterResource({ wasm, table: OLD.bytes, listener: "edge" }, "1")),
    );
    const { check } = target({ kind: "envoy-files", folder });
    await check(NEW);
    writeFileSync(wasm, filter);
    await check(NEW);
    const large = new Table(encode(plainPlan(), { generation: 8, names: "x".repeat(4 << 20) }));
    await check(large);
    writeFileSync(wasm, filterWithPages(40));
    await expect(check(large)).rejects.toThrow(
      `the filter that is there, ${wasm}, refuses the table: pointsman: table refused: no room for a configuration`,
    );
    writeFileSync(wasm, "no module");
    await expect(check(NEW)).rejects.toThrow(`${wasm}: no filter that runs: `);
  });

  it("is refused whole where one listener does not fit", async () => {
    const folder = rendered({ edge: OLD, mesh: OLD });
    const files = target({ kind: "envoy-files", folder });
    const named = tableOf(9, { listeners: [plainListener({ name: "edge" })] });
    for (const step of [files.check, async (table: Table) => files.write(table)]) {
      await expect(step(named)).rejects.toThrow(/mesh.*is for listener "mesh", and the table: /);
      await expect(step(tableOf(6))).rejects.toThrow("has generation 7, and the table is older: 6");
    }
    expect(tableIn(join(folder, "pointsman/edge/pointsman.json")).generation).toBe(7);
  });
});

describe("what a target has", () => {
  const has = (table: Table | null) => (table === null ? null : expect.objectContaining({ ...idOf(table) }));
  const idOf = ({ generation, digest }: Table) => ({ generation, digest });

  it("of envoy-files is what all files have, the bootstrap too", () => {
    const folder = rendered({ edge: OLD, mesh: OLD });
    const files = target({ kind: "envoy-files", folder });
    expect(files.has()).toEqual(has(OLD));
    const other = readFileSync(join(rendered({ edge: NEW }), "pointsman/edge/pointsman.json"));
    writeFileSync(join(folder, "pointsman/edge/pointsman.json"), other);
    expect(files.has()).toBeNull();
    files.write(NEW);
    expect(files.has()).toEqual(has(NEW));
    const default_config = { config: plugin({ wasm: "x.wasm", table: OLD.bytes, listener: "edge" }) };
    writeFileSync(join(folder, "envoy.json"), JSON.stringify({ static_resources: [{ default_config }] }));
    expect(files.has()).toBeNull();
    writeFileSync(join(folder, "envoy.json"), "{");
    expect(files.has()).toBeNull();
    expect(target({ kind: "envoy-files", folder: join(folder, "none") }).has()).toBeNull();
  });

  it("of a ConfigMap or of ATS is what the file has, and nothing where there is none", () => {
    const folder = folderOf({ "p.yaml": "config: { configuration: TABLE }" });
    const map = target({ kind: "configmap", file: join(folder, "cm.json") });
    const ats = target({ kind: "ats", file: join(folder, "p.yaml"), reload: ["true"] }, true);
    expect([map.has(), ats.has()]).toEqual([null, null]);
    map.write(NEW);
    ats.write(NEW);
    expect([map.has(), ats.has()]).toEqual([has(NEW), has(NEW)]);
    expect([map.isTold, ats.isTold]).toEqual([false, true]);
  });

  it("tells why a table cannot come: another one is newer, or it does not fit, or something is in the way", async () => {
    const folder = rendered({ edge: NEW });
    const { check } = target({ kind: "envoy-files", folder });
    await expect(check(OLD)).rejects.toThrow(HasNewer);
    await expect(check(tableOf(8))).rejects.toThrow(HasNewer);
    await expect(check(tableOf(9, { listeners: [plainListener({ name: "mesh" })] }))).rejects.toThrow(
      DoesNotFit,
    );
    rmSync(join(folder, "pointsman"), { recursive: true });
    await expect(check(NEW)).rejects.not.toThrow(DoesNotFit);
  });
});

describe("configmap", () => {
  const says = (folder: string) => ({ kind: "configmap", file: join(folder, "cm.json") });
  const read = (folder: string) =>
    JSON.parse(readFileSync(join(folder, "cm.json"), "utf8")) as {
      metadata: object;
      data: Record<string, string>;
      binaryData: Record<string, string>;
    };
  /** As `render kubernetes` writes it. */
  function written(listeners: Record<string, Table>): string {
    const filters = Object.entries(listeners).map(([listener, { bytes }]) => [
      `${listener}.json`,
      JSON.stringify(filterResource({ wasm: "x.wasm", table: bytes, listener, datacentre: "codfw" }, "1")),
    ]);
    const empty = configMap(
      { name: "a-table", namespace: "mw" },
      { annotations: { of: "ours" }, data: Object.fromEntries(filters) },
    );
    return folderOf({ "cm.json": manifestText(withTable(empty, Object.values(listeners)[0]!)) });
  }

  it("has the table in all that holds one, says it by its labels, and keeps all else", () => {
    const folder = written({ edge: OLD, mesh: OLD });
    expect(target(says(folder)).write(NEW)).toMatch(/^written, \d{7} bytes are left; then: kubectl apply /);
    const { metadata, data, binaryData } = read(folder);
    expect(metadata).toEqual({
      name: "a-table",
      namespace: "mw",
      labels: { "pointsman-generation": "8", "pointsman-digest": NEW.digest },
      annotations: { of: "ours" },
    });
    expect(Object.keys(data)).toEqual(["edge.json", "mesh.json"]);
    const { table, listener } = parseFilterFile(data["mesh.json"]!, "mesh.json");
    expect([table!.digest, listener]).toEqual([NEW.digest, "mesh"]);
    expect(data["edge.json"]).toContain('"filename": "x.wasm"');
    expect(Buffer.from(binaryData["pointsman.table"]!, "base64")).toEqual(Buffer.from(NEW.bytes));
  });

  it("is the same bytes where a generation is written again, and another attempt with each generation", () => {
    const folder = written({ edge: OLD, mesh: OLD });
    const map = target(says(folder));
    const attempts = () =>
      Object.entries(read(folder).data).map(([name, text]) => parseFilterFile(text, name).attempt);
    map.write(NEW);
    const once = readFileSync(join(folder, "cm.json"));
    expect(attempts()).toEqual([8, 8]);
    map.write(NEW);
    expect(readFileSync(join(folder, "cm.json"))).toEqual(once);
    map.write(tableOf(9));
    expect(attempts()).toEqual([9, 9]);
  });

  it("has the table alone where nothing is there", () => {
    const folder = folderOf({});
    target(says(folder)).write(NEW);
    expect(Object.keys(read(folder))).toEqual(["apiVersion", "kind", "metadata", "binaryData"]);
    expect(read(folder).metadata).toMatchObject({ name: "pointsman-table" });
  });

  it("takes the place of an older one alone, and of nothing else", async () => {
    const folder = folderOf({});
    const map = target(says(folder));
    map.write(NEW);
    map.write(NEW);
    await expect(map.check(OLD)).rejects.toThrow("has generation 8, and the table is older: 7; ");
    await expect(map.check(tableOf(8))).rejects.toThrow("has another table of generation 8; ");
    for (const text of ["", "kind: ConfigMap", '{"kind": "ConfigMap"}', "{"]) {
      writeFileSync(join(folder, "cm.json"), text);
      await expect(map.check(NEW)).rejects.toThrow("`render kubernetes` writes such a file");
    }
    rmSync(join(folder, "cm.json"));
    mkdirSync(join(folder, "cm.json"));
    await expect(map.check(NEW)).rejects.toThrow("it is a folder");
  });

  it("is refused where one of its filters does not fit", async () => {
    const folder = written({ edge: OLD, mesh: OLD });
    const named = tableOf(9, { listeners: [plainListener({ name: "edge" })] });
    await expect(target(says(folder)).check(named)).rejects.toThrow(
      /cm\.json: mesh\.json: is for listener "mesh", and the table: /,
    );
  });

  it("may be as large as Kubernetes takes, and no larger", async () => {
    const folder = folderOf({});
    const padded = (length: number) => {
      const replies = [{ status: 404, body: "x" }];
      const names = "n".repeat(length);
      return new Table(encode(plainPlan({ replies }), { generation: 1, names }));
    };
    const rest = padded(1).bytes.length - 1;
    await target(says(folder)).check(padded(CONFIGMAP_BYTES_AT_MOST - rest));
    await expect(target(says(folder)).check(padded(CONFIGMAP_BYTES_AT_MOST - rest + 1))).rejects.toThrow(
      "1048577 bytes, and Kubernetes takes at most 1048576 in a ConfigMap",
    );
    expect(existsSync(join(folder, "cm.json"))).toBe(false);
  });
});

it("says why a file cannot be read in words, not in Node's", async () => {
  const folder = folderOf({});
  const missing = join(folder, "none.json");
  const ways = "`render --out` writes such files";
  expect(() => readFilterFile(missing)).toThrow(`${missing}: cannot be read: there is no such file; ${ways}`);
  expect(() => readFilterFile(folder)).toThrow(
    `${folder}: cannot be read: it is a folder, not a file; ${ways}`,
  );
  // What has no end is not read at all: /dev/zero is of this kind too.
  expect(() => readFilterFile("/dev/null")).toThrow(
    `/dev/null: cannot be read: it is a device, not a file; ${ways}`,
  );
  const ats = target({ kind: "ats", file: missing, reload: ["x"] });
  await expect(ats.check(NEW)).rejects.toThrow(`${missing}: cannot be read: there is no such file`);
});

describe("ats", () => {
  const YAML = [
    "config:",
    "  name: pointsman",
    "  rootId: edge",
    "  configuration: TABLE",
    "  fail_open: false",
    "  vmConfig: { vmId: pointsman, runtime: ats.wasm.runtime.wamr, code: { local: { filename: /x.wasm } } }",
  ].join("\n");
  const file = () => join(folderOf({ "p.yaml": YAML }), "p.yaml");
  const read = (name: string) => parseAtsFile(readFileSync(name, "utf8"));

  it("gets the table as text, and leaves the rest", () => {
    const name = file();
    expect(target({ kind: "ats", file: name, reload: ["traffic_ctl", "config", "reload"] }).write(NEW)).toBe(
      "written; then: traffic_ctl config reload",
    );
    expect(read(name)).toMatchObject({ listener: "edge", table: { digest: NEW.digest } });
    const { config } = load(readFileSync(name, "utf8")) as { config: object };
    expect(config).toMatchObject({ fail_open: false, vmConfig: { runtime: "ats.wasm.runtime.wamr" } });
  });

  it("keeps JSON before the table", () => {
    const name = file();
    const settings = { listener: "mesh", datacentre: "codfw", table: "" };
    writeFileSync(name, YAML.replace("TABLE", `'${JSON.stringify(settings)}'`));
    target({ kind: "ats", file: name, reload: ["x"] }).write(NEW);
    expect(read(name)).toMatchObject({ listener: "mesh", table: { digest: NEW.digest } });
    const { config } = load(readFileSync(name, "utf8")) as { config: { configuration: string } };
    expect(JSON.parse(config.configuration)).toMatchObject({ datacentre: "codfw" });
  });

  it("is told to reload without a shell, and says what became of that", () => {
    const name = file();
    const reload = (...command: string[]) => target({ kind: "ats", file: name, reload: command }, true);
    expect(reload("true", "; false").write(NEW)).toBe("written, and true ; false was run");
    const says = 'process.stderr.write("no $HOME; here\\n"); process.exit(3)';
    expect(() => reload(process.execPath, "-e", says).write(NEW)).toThrow(
      /not reloaded: .*: no \$HOME; here$/,
    );
    expect(() => reload("no-such-command").write(NEW)).toThrow("not reloaded: no-such-command: ");
    expect(read(name).table!.digest).toBe(NEW.digest);
  });

  it.each([["a: b"], ["config: { name: x }"], ["config: { configuration: [] }"], [": : :"], [""]])(
    "is refused where there is no plugin: %j",
    async (text) => {
      const name = file();
      writeFileSync(name, text);
      await expect(target({ kind: "ats", file: name, reload: ["x"] }).check(NEW)).rejects.toThrow(
        `${name}: `,
      );
    },
  );
});
