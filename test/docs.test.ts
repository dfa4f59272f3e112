import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { core } from "zod";
import * as L from "../assembly/layout.ts";
import { packFarm } from "../scripts/commands/pack.ts";
import { sectionName } from "../scripts/encode/container.ts";
import { isLive, readListenerPorts, readStats } from "../scripts/envoy/admin.ts";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { send } from "../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../scripts/envoy/upstream.ts";
import { compile } from "../scripts/farm/compile.ts";
import { conditions } from "../scripts/farm/conditions.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { parseNames } from "../scripts/farm/names.ts";
import { farmSchema } from "../scripts/farm/schema.ts";
import { spellings } from "../scripts/render/spellings.ts";
import { crc32 } from "../scripts/table/crc32.ts";
import { decide } from "../scripts/table/decide.ts";
import { hashKey, hashText, mix, slotOf } from "../scripts/table/hash.ts";
import { Table } from "../scripts/table/table.ts";
import { projectPath } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";

const WAIT = { timeout: 20_000, interval: 20 };

const readDoc = (name: string) => readFileSync(projectPath(`docs/${name}`), "utf8");

/** The fenced blocks of a document that are marked so: `yaml refused`. */
function blocks(document: string, mark: string): string[] {
  return [...document.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === mark)
    .map(([, , text]) => text!);
}

/** The rows of every table that has these columns, each row by its column's name. */
function rows(document: string, ...columns: string[]): Record<string, string>[] {
  const result: Record<string, string>[] = [];
  let head: string[] | null = null;
  for (const line of document.split("\n")) {
    const cells = line.startsWith("|")
      ? line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim())
      : null;
    if (cells === null) head = null;
    else if (head === null) head = cells;
    else if (!cells.every((cell) => /^-+$/.test(cell)) && columns.every((column) => head!.includes(column))) {
      expect(cells.length, line).toBe(head.length);
      result.push(Object.fromEntries(cells.map((cell, i) => [head![i]!, cell])));
    }
  }
  return result;
}

/** The text of a cell that is code or `(empty)`. */
function code(cell: string): string {
  return cell === "(empty)" ? "" : /^`(.+)`$/.exec(cell)![1]!;
}

describe("docs/table-format.md", () => {
  const document = readDoc("table-format.md");
  const farm = projectPath("examples/three-wikis/farm.yaml");
  const pack = (strip: boolean) => packFarm({ farm, source: {}, today: TODAY, strip }).bytes;

  it("gives every constant of the layout its value, and names no other", () => {
    const stated: Record<string, number | string> = {};
    for (const row of [...rows(document, "constant", "at"), ...rows(document, "constant", "value")]) {
      if (row.constant === "") continue;
      const name = code(row.constant!);
      expect(stated, `${name} has two rows`).not.toHaveProperty(name);
      const cell = (row.at ?? row.value)!;
      stated[name] = cell.startsWith("`") ? JSON.parse(`"${code(cell)}"`) : Number(cell);
    }
    expect(stated).toEqual({ ...L });
    for (const [, name] of document.matchAll(/`([A-Z]+(?:_[A-Z0-9]+)+)`/g)) expect(L).toHaveProperty(name!);
  });

  it("calls the sections as their names read", () => {
    const sections = rows(document, "name", "constant", "value");
    expect(sections.length).toBe(Object.keys(L).filter((name) => name.startsWith("SECTION_")).length);
    for (const { name, value } of sections) expect(sectionName(Number(value))).toBe(name);
  });

  it("has test vectors that are true", () => {
    const crcs = rows(document, "bytes", "CRC-32");
    const hashes = rows(document, "key", "seed", "a", "b", "displacement", "slots", "slot");
    const shares = rows(document, "text", "hash", "share of it");
    const mixes = [...document.matchAll(/`mix\(([0-9a-f]+)\)` is (?:`([0-9a-f]+)`|0)/g)];
    expect([crcs.length, hashes.length, mixes.length, shares.length]).toEqual([3, 6, 3, 4]);
    for (const row of shares) {
      const hash = hashText(code(row.text!));
      expect(hash).toBe(Number.parseInt(code(row.hash!), 16));
      expect(Math.floor((hash * L.SHARE_WHOLE) / 2 ** 32)).toBe(Number(row["share of it"]));
    }
    for (const row of crcs)
      expect(crc32(Buffer.from(code(row.bytes!)))).toBe(Number.parseInt(code(row["CRC-32"]!), 16));
    for (const [, from, to = "0"] of mixes)
      expect(mix(Number.parseInt(from!, 16))).toBe(Number.parseInt(to, 16));
    for (const row of hashes) {
      const { a, b } = hashKey(code(row.key!), Number(row.seed));
      expect([a, b]).toEqual([row.a, row.b].map((cell) => Number.parseInt(code(cell!), 16)));
      expect(slotOf(a, b, Number(row.displacement), Number(row.slots))).toBe(Number(row.slot));
    }
  });

  it("lists every sentence with which a table is refused", () => {
    const source = readFileSync(projectPath("scripts/table/check.ts"), "utf8");
    const said = [...source.matchAll(/(?:fail\(\w+, |TableError\(\s*)(["'`])([\s\S]*?)\1/g)]
      .map(([, , text]) => text!.replace(/\$\{[^}]*\}/g, "N"))
      .filter((text) => text !== "section N N");
    const listed = rows(document, "refused if", "says").map((row) => code(row.says!));
    expect(new Set(listed)).toEqual(new Set(said));
    expect(listed.length).toBe(new Set(listed).size);
  });

  it("shows the farm of the worked table", () => {
    expect(blocks(document, "yaml")).toEqual([readFileSync(farm, "utf8")]);
  });

  it("shows the bytes that the packer makes of it", () => {
    const shown: number[] = [];
    for (const line of blocks(document, "hex").join("").trimEnd().split("\n")) {
      const [, offset, bytes] =
        /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}.*)?$/.exec(line) ?? [];
      expect(Number.parseInt(offset ?? "", 16), line).toBe(shown.length);
      shown.push(...bytes!.split(" ").map((byte) => Number.parseInt(byte, 16)));
    }
    expect(shown).toEqual([...pack(true)]);
    expect(document).toContain(`these ${shown.length} bytes`);
  });

  it("looks up in it as the reader does", () => {
    const table = new Table(pack(true));
    const lookUps = rows(document, "key", "set", "a", "b", "slot", "holds");
    expect(lookUps.length).toBe(4);
    for (const { key, set, a, b, slot, holds } of lookUps) {
      const keys = set === "WIKI" ? table.wikis : table.hosts;
      const hash = hashKey(code(key!), keys.seed);
      expect([hash.a, hash.b]).toEqual([a, b].map((cell) => Number.parseInt(code(cell!), 16)));
      expect(keys.buckets).toBe(1);
      expect(slotOf(hash.a, hash.b, table.bytes[keys.displacements]!, keys.slots)).toBe(Number(slot));
      expect(table.key(keys, Number(slot))).toBe(holds === "nothing" ? null : code(holds!));
    }
    const ask = (authority: string, target: string) => decide(table, { authority, target }).answer;
    expect(ask("EN.wikipedia.org:443", "/w/api.php?action=query")).toMatchObject({
      cluster: "mw-api-group1",
      wiki: "enwiki",
    });
    expect(ask("nl.wikipedia.org", "/")).toMatchObject({ cluster: "mw-web-group1", wiki: null });
    expect(ask("files.wikipedia.org", "/wikipedia/en/x.png")).toMatchObject({ wiki: "enwiki" });
    expect(ask("gateway.example", "/en.wikipedia.org/w//api.php")).toMatchObject({
      cluster: "mw-api-group1",
      wiki: "enwiki",
    });
    expect(ask("en.example", "/")).toEqual({ status: 404, body: "no such wiki" });
    const body = '{"database":"testwiki"}';
    const job = { authority: "jobs.internal", target: "/job", method: "POST", body };
    expect(document).toContain(`with the body \`${body}\``);
    expect(decide(table, job).answer).toMatchObject({ cluster: "mw-api-group0", host: "www.wikipedia.org" });
  });

  it("names every member of the names section", () => {
    const names = parseNames(new Table(pack(false)).section(L.SECTION_NAMES)!)!;
    const members = rows(document, "member", "holds").flatMap((row) => row.member!.split(", ").map(code));
    expect(members.sort()).toEqual(Object.keys(names).sort());
  });
});

describe("docs/farm.md", () => {
  const document = readDoc("farm.md");
  const base = blocks(document, "yaml base")[0]!;
  let folder: string;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "docs-"));
    const lists = { testwikis: "testwiki", group0: "testwiki\nmediawikiwiki", group1: "wikidatawiki" };
    mkdirSync(join(folder, "config/dblists"), { recursive: true });
    for (const [name, text] of Object.entries(lists)) {
      writeFileSync(join(folder, "config/dblists", `${name}.dblist`), text);
    }
    const versions = { testwiki: 17, mediawikiwiki: 16, wikidatawiki: 15, dewiki: 15, enwiki: 15 };
    writeFileSync(join(folder, "config/dblists/all.dblist"), Object.keys(versions).join("\n"));
    const json = JSON.stringify(
      Object.fromEntries(Object.entries(versions).map(([wiki, n]) => [wiki, `php-1.47.0-wmf.${n}`])),
    );
    writeFileSync(join(folder, "config/wikiversions.json"), json);
    writeFileSync(join(folder, "config/wikiversions-labs.json"), json);
    mkdirSync(join(folder, "charts/release"), { recursive: true });
    const values = "main_app: { image: restricted/mediawiki:1.47.0-wmf.16-2026-08-18-190000 }\n";
    writeFileSync(join(folder, "charts/release/mw-web-group0-main.yaml"), values);
  });

  /** The farm with the keys of the fragment in place of its own. */
  function over(farm: string, fragment: string): string {
    const keys = (text: string) => text.split(/^(?=[a-z"])/m);
    const keyOf = (part: string) => part.split(":", 1)[0]!;
    const own = new Set(keys(fragment).map(keyOf));
    return [...keys(farm).filter((part) => !own.has(keyOf(part))), fragment].join("");
  }

  function compileText(text: string): { warnings: string[] } {
    const file = join(folder, "farm.yaml");
    writeFileSync(file, text);
    const given = { "mediawiki-config": join(folder, "config"), charts: join(folder, "charts") };
    const source = Object.fromEntries(Object.entries(given).filter(([name]) => text.includes(` ${name}: `)));
    const farm = new Farm(file, source);
    compile(farm, TODAY);
    return { warnings: farm.warnings.map((warning) => warning.message) };
  }

  it("has a row for everything that a rule may say of a request", () => {
    const stated = rows(document, "in a rule", "value", "holds if").map((row) => code(row["in a rule"]!));
    expect(stated).toEqual(Object.keys(conditions));
  });

  it("has a row for every key of the schema with its default, and for no other", () => {
    const stated = rows(document, "key", "value", "default", "meaning").map(
      (row) => [code(row.key!).replace(/\b[A-Z]+\b/g, "*"), row.default] as const,
    );
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(keysOf(farmSchema, "")));
    expect(new Set(stated.map(([key]) => key)).size).toBe(stated.length);
  });

  const titled = (texts: string[]) => texts.map((text) => ({ title: text.split("\n", 1)[0]!, text }));
  const wholes = [base, ...blocks(document, "yaml whole")];
  it.each(titled(wholes))("compiles, without a warning: $title", ({ text }) => {
    expect(compileText(text).warnings).toEqual([]);
  });

  it.each(titled(blocks(document, "yaml")))("compiles in the Wikimedia-like farm: $title", ({ text }) => {
    expect(compileText(over(wholes[1]!, text)).warnings).toEqual([]);
  });

  const said = (mark: string) =>
    blocks(document, mark)
      .flatMap((block) => block.split("---\n"))
      .map((fragment) => ({ fragment, message: /^# (.*)$/m.exec(fragment)![1]! }));
  const pattern = (message: string) =>
    new RegExp(
      message
        .split("…")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
        .join(".*"),
    );

  it.each(said("yaml refused"))("is refused: $message", ({ fragment, message }) => {
    expect(() => compileText(over(base, fragment))).toThrow(pattern(message));
  });

  it.each(said("yaml warned"))("is warned about: $message", ({ fragment, message }) => {
    expect(compileText(over(base, fragment)).warnings).toEqual([expect.stringMatching(pattern(message))]);
  });
});

/**
 * Every key that a schema has, as `a.*.b[].c`, and what the document says of its default; but for what any rule may
 * say of a request.
 */
function keysOf(schema: core.$ZodType, path: string): [key: string, byDefault: string][] {
  const { def } = (schema as core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "default":
      return keysOf(def.innerType, path);
    case "union":
      return def.options.flatMap((option) =>
        keysOf(option, path).map(([key]): [string, string] => [key, "–"]),
      );
    case "array":
      return keysOf(def.element, `${path}[]`);
    case "record": {
      const key = (def.keyType as core.$ZodTypes)._zod.def;
      if (key.type !== "enum") return keysOf(def.valueType, `${path}.*`);
      return Object.values(key.entries).map((name) => [`${path}.${name}`, "–"]);
    }
    case "object":
      return Object.entries(def.shape).flatMap(([name, value]) => {
        if (ofAnyRule.has(value)) return [];
        const key = path === "" ? name : `${path}.${name}`;
        return [[key, showDefault(value)] as [string, string], ...keysOf(value, key)];
      });
    default:
      return [];
  }
}

const ofAnyRule = new Set<core.$ZodType>(Object.values(conditions));

function showDefault(schema: core.$ZodType): string {
  const { def } = (schema as core.$ZodTypes)._zod;
  if (def.type === "optional") return "–";
  if (def.type !== "default") return "required";
  const entries = Object.entries(Object(def.defaultValue)).map(([key, value]) => `${key}: ${value}`);
  if (typeof def.defaultValue !== "object") return `\`${def.defaultValue}\``;
  return entries.length === 0 ? "none" : `\`{ ${entries.join(", ")} }\``;
}

describe("docs/envoy.md", () => {
  const document = readDoc("envoy.md");
  const { bytes, headers, clusters } = packFarm({
    farm: projectPath("examples/three-wikis/farm.yaml"),
    source: {},
    today: TODAY,
    strip: true,
  });
  const damaged = bytes.slice(0, 600);
  let folder: string;
  let discovered: string;
  let bootstrap: string;
  let resource: string;
  const withTable = (text: string, table: Uint8Array, version = "1") =>
    text.replaceAll("TABLE", Buffer.from(table).toString("base64")).replaceAll("VERSION", version);
  let envoy: string;
  let upstreams: Upstreams;

  beforeAll(async () => {
    envoy = await findEnvoy();
    folder = mkdtempSync(join(tmpdir(), "docs-"));
    discovered = join(folder, "pointsman", "main", "pointsman.yaml");
    [bootstrap, resource] = ["yaml envoy.yaml", "yaml pointsman.yaml"].map((mark) => {
      const [block, ...more] = blocks(document, mark);
      expect(more).toEqual([]);
      return block!.replaceAll("/etc/envoy", folder);
    }) as [string, string];
    mkdirSync(join(folder, "pointsman", "main"), { recursive: true });
    copyFileSync(projectPath("build/pointsman.wasm"), join(folder, "pointsman.wasm"));
    push(bytes, "1");
    upstreams = await startUpstreams([...clusters, "pass-through"]);
  });
  afterAll(async () => {
    await upstreams?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function push(table: Uint8Array, version: string): void {
    writeFileSync(`${discovered}.new`, withTable(resource, table, version));
    renameSync(`${discovered}.new`, discovered);
  }

  /** What Envoy says of a configuration; null if it is good. */
  function validate(text: string): string | null {
    const file = join(folder, "envoy.yaml");
    writeFileSync(file, text);
    const { status, stderr } = spawnSync(envoy, ["--mode", "validate", "-c", file], { encoding: "utf8" });
    return status === 0 ? null : stderr;
  }

  /** The bootstrap with the filter in it, instead of discovered: validation reads no discovered file. */
  function inline(configuration: string): string {
    const typed = resource.slice(resource.indexOf("    typed_config:")).split(/^ {8}configuration:/m)[0]!;
    const filter = `${typed}${indented(configuration, 8)}`;
    return bootstrap.replace(/^ +config_discovery:\n(?: {22}.*\n)+/m, indented(filter, 16));
  }

  function indented(text: string, by: number): string {
    return text.replace(/^(?=.)/gm, " ".repeat(by));
  }

  it("has a bootstrap that Envoy takes, and not without the discovered file", () => {
    expect(validate(bootstrap)).toBeNull();
    rmSync(discovered);
    expect(validate(bootstrap)).toContain("paths must refer to an existing path in the system");
    push(bytes, "1");
  });

  it("guards the headers and has the clusters of the farm that it is for", () => {
    const guards = [/request_mutations: \[(.*)\]/, /internal_only_headers: \[(.*)\]/];
    for (const guard of guards) {
      const named = guard.exec(bootstrap)![1]!.match(/x-[a-z-]+/g);
      expect(named, String(guard)).toEqual(headers);
    }
    expect(bootstrap).toContain(`safe_regex: { regex: "${spellings(headers)}" }`);
    const named = [...bootstrap.matchAll(/^ {4}- name: (?!envoy\.)(.*)$/gm)].map(([, name]) => name);
    expect(named).toEqual(["main", ...clusters, "pass-through"]);
  });

  const forms = blocks(document, "yaml configuration");
  it("shows three forms of configuration, and one that is none", () => {
    expect(forms.map((form) => /protobuf\.(\w+)/.exec(form)![1])).toEqual([
      "BytesValue",
      "StringValue",
      "StringValue",
    ]);
    const [struct] = blocks(document, "yaml refused");
    expect(validate(inline(withTable(struct!, bytes)))).toContain("neither a table nor base64");
    expect(resource).toContain(indented(forms[0]!, 8));
  });

  it.each([
    ["bytes", forms[0]!],
    ["base64", forms[1]!],
    ["JSON", forms[2]!],
  ])("the filter takes a good table and refuses a damaged one: %s", (_, form) => {
    expect(validate(inline(withTable(form, bytes)))).toBeNull();
    const refusal = `wasm log main pointsman: pointsman: table refused: 600 bytes, but its header says ${bytes.length}`;
    expect(validate(inline(withTable(form, damaged)))).toContain(refusal);
  });

  it("routes, guards and counts as it says", async () => {
    const file = join(folder, "running.yaml");
    const ports = new Map(upstreams.clusters.map(({ name, port }) => [name, port]));
    const text = bootstrap
      .replace(/port_value: (9901|8080)/g, "port_value: 0")
      .replace(/cluster_name: (.*)\n(.*)port_value: \d+/g, (_, name: string, before: string) => {
        return `cluster_name: ${name}\n${before}port_value: ${ports.get(name)}`;
      });
    writeFileSync(file, text);
    const adminFile = join(folder, "admin");
    const flags = [
      "-c",
      file,
      "--admin-address-path",
      adminFile,
      "--concurrency",
      "1",
      "--disable-hot-restart",
    ];
    const child = spawn(envoy, flags, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    try {
      const admin = await vi.waitFor(async () => {
        const port = Number(/:(\d+)$/.exec(readFileSync(adminFile, "utf8"))![1]);
        expect(await isLive(port), log).toBe(true);
        return port;
      }, WAIT);
      const { main: port } = (await readListenerPorts(admin)) as { main: number };
      const spoof: [string, string][] = [["x-mw-cluster", "mw-web-group0"]];
      const ask = async (host: string, path = "/"): Promise<{ cluster: string; ours: string[] }> => {
        const answer = await send({ port, host, path, headers: spoof });
        const { cluster, headers: seen } = JSON.parse(answer.body) as Seen;
        return {
          cluster,
          ours: seen.filter(([name]) => headers.includes(name)).map((one) => one.join(": ")),
        };
      };
      const toEnwiki = {
        cluster: "mw-api-group1",
        ours: ["x-mw-cluster: mw-api-group1", "x-mw-wiki: enwiki"],
      };
      expect(await ask("en.wikipedia.org", "/w/api.php")).toEqual(toEnwiki);
      expect(await ask("x.internal")).toEqual({ cluster: "pass-through", ours: [] });
      const spelt = await send({ port, host: "x.internal", headers: [["x_mw_wiki", "dewiki"]] });
      expect(spelt.body).not.toContain("dewiki");

      const named = rows(document, "stat", "what it says").map((row) => code(row.stat!));
      const stat = async (end: string) => {
        const name = named.find((one) => one.endsWith(`.${end}`))!;
        return (await readStats(admin, `^${name}$`))[name];
      };
      const counts = async () => [
        await stat("update_success"),
        await stat("update_rejected"),
        await stat("config_fail"),
        await stat("config_reload"),
      ];
      expect(Object.keys(await readStats(admin))).toEqual(expect.arrayContaining(named));
      expect([await counts(), await stat("version_text")]).toEqual([[1, 0, 0, 1], "1"]);
      push(damaged, "2");
      await vi.waitFor(async () => expect(await counts()).toEqual([1, 1, 1, 2]), WAIT);
      push(damaged, "3");
      await vi.waitFor(async () => expect(await counts()).toEqual([2, 1, 1, 2]), WAIT);
      expect(await ask("en.wikipedia.org", "/w/api.php")).toEqual(toEnwiki);
      const said = blocks(document, "text")[0]!.trimEnd().split("\n");
      const lines = said.map((line) => line.replace(/^.* … /, "").replace(/generation \d+/, "generation 1"));
      for (const line of lines) expect(log).toContain(line);
    } finally {
      child.kill();
      await ended;
    }
  });
});
