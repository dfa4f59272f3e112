/** docs/table-format.md and docs/envoy.md say what is so; the other documents have tests of their own. */
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
import * as L from "../assembly/layout.ts";
import { packFarm } from "../scripts/commands/pack.ts";
import { isLive, readListenerPorts, readStats } from "../scripts/envoy/admin.ts";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { send } from "../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../scripts/envoy/upstream.ts";
import { parseNames } from "../scripts/farm/names.ts";
import { spellings } from "../scripts/render/spellings.ts";
import { crc32 } from "../scripts/table/crc32.ts";
import { decide } from "../scripts/table/decide.ts";
import { hashKey, hashText, mix, slotOf } from "../scripts/table/hash.ts";
import { Table } from "../scripts/table/table.ts";
import { sectionName } from "../scripts/table/table-bytes.ts";
import { projectPath } from "./support/data.ts";
import { blocks, code, readDoc, rows } from "./support/documents.ts";
import { TODAY } from "./support/farms.ts";

const WAIT = { timeout: 20_000, interval: 20 };

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
    const { SECTIONS: _, ...constants } = L;
    expect(stated).toEqual(constants);
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
    const reader = readFileSync(projectPath("assembly/section-reader.ts"), "utf8");
    const source =
      readFileSync(projectPath("assembly/check.ts"), "utf8") + reader.split("// ---- Sections")[1];
    const said = new Set<string>();
    let begun = "";
    const calls = /this\.(say|sayNumber|refuse|fail|failAt|failCount|failPlain)\(([^;]*?)\)(?:;| &&|\n)/g;
    for (const [, call, args] of source.matchAll(calls)) {
      const texts = [...args!.matchAll(/(["'])(.*?)\1/g)].map(([, , text]) => text!);
      if (call === "sayNumber" || call === "failCount") begun += "N";
      begun += texts.join(" N ");
      if (call === "say" || call === "sayNumber") continue;
      said.add(begun);
      begun = "";
    }
    const listed = rows(document, "refused if", "says").map((row) => code(row.says!));
    expect(new Set(listed)).toEqual(said);
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
    expect(ask("en.example", "/")).toEqual({ kind: "reply", status: 404, body: "no such wiki" });
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
    bootstrap = withTable(bootstrap, bytes);
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
    expect(validate(bootstrap.replace(/value: \S{99,}/, "value: aaaa"))).toContain(
      "wasm log main pointsman: pointsman: table refused: ",
    );
    rmSync(discovered);
    expect(validate(bootstrap)).toContain("paths must refer to an existing path in the system");
    push(bytes, "1");
  });

  it("guards the headers and has the clusters of the farm that it is for", () => {
    const [, guarded] = /internal_only_headers: \[(.*)\]/.exec(bootstrap)!;
    expect(guarded!.match(/x-[a-z-]+/g)).toEqual(headers);
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
    expect(validate(inline(withTable(struct!, bytes)))).toContain(
      "the configuration is a google.protobuf.Struct: give a StringValue with the JSON",
    );
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
        const response = await send({ port, host, path, headers: spoof });
        const { cluster, headers: seen } = JSON.parse(response.body) as Seen;
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
      // It is not what serves.
      expect(await stat("version_text")).toBe("3");
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
