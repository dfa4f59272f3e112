/** The demonstration runs from its first line to its last. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { compileGuest, FILTER_FLAGS } from "../../test/support/compile-guest.ts";
import { findEnvoy } from "../envoy/install.ts";
import { send } from "../envoy/request.ts";
import { type DemoOptions, runDemo } from "./demo.ts";
import { demoCommand } from "./main.ts";
import type { Lookup, Pack } from "./parts.ts";
import { curlLines, style } from "./print.ts";
import { type DemoRequest, parseRequest } from "./requests.ts";

/** A filter whose table is lines of `host=cluster`. */
const GUEST = `
import {
  proxy_get_buffer_bytes, proxy_get_header_map_value, proxy_replace_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
let table: string = "";
const gotPtr: usize = heap.alloc(8);
export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_vm_start(root: u32, size: u32): u32 { return 1; }
export function proxy_on_configure(root: u32, size: u32): u32 {
  proxy_get_buffer_bytes(7, 0, size, gotPtr, gotPtr + 4);
  table = "\\n" + String.UTF8.decodeUnsafe(load<usize>(gotPtr), size) + "\\n";
  return 1;
}
export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 {
  const name = String.UTF8.encode(":authority");
  proxy_get_header_map_value(0, changetype<usize>(name), name.byteLength, gotPtr, gotPtr + 4);
  const line = "\\n" + String.UTF8.decodeUnsafe(load<usize>(gotPtr), load<usize>(gotPtr + 4)) + "=";
  const at = table.indexOf(line);
  if (at < 0) return 0;
  const from = at + line.length;
  const key = String.UTF8.encode("x-mw-cluster");
  const value = String.UTF8.encode(table.substring(from, table.indexOf("\\n", from)));
  proxy_replace_header_map_value(
    0, changetype<usize>(key), key.byteLength, changetype<usize>(value), value.byteLength);
  return 0;
}`;

const WIKIVERSIONS = {
  "en.wikipedia.org": "php-1.47.0-wmf.9",
  "www.wikidata.org": "php-1.47.0-wmf.10",
  "test.wikipedia.org": "php-1.47.0-wmf.11",
};

const localhost = { host: "localhost", path: "/" };
const REQUESTS: DemoRequest[] = [
  { host: "en.wikipedia.org", path: "/wiki/Main_Page" },
  { host: "www.wikidata.org", path: "/wiki/Q42" },
  localhost,
  { ...localhost, spoof: "web-php-1.47.0-wmf.9" },
];

/** Packs what wikiversions.json says as lines for the guest. */
const pack: Pack = async ({ farm }) => {
  const versions = JSON.parse(readFileSync(join(dirname(farm), "wikiversions.json"), "utf8"));
  const clusters = Object.values(WIKIVERSIONS).map((version) => `web-${version}`);
  const lines = Object.entries(versions).map(([host, version]) => `${host}=web-${version}`);
  return {
    bytes: Buffer.from(lines.join("\n")),
    clusters,
    headers: ["x-mw-cluster"],
    clusterHeader: "x-mw-cluster",
    requests: REQUESTS,
  };
};

const lookup: Lookup = (table, authority) => {
  const line = Buffer.from(table)
    .toString()
    .split("\n")
    .find((one) => one.startsWith(`${authority}=`));
  return line ? { wiki: authority, release: "some", cluster: line.split("=")[1]! } : null;
};

let folder: string;
let options: Omit<DemoOptions, "write">;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-demo-test-"));
  // Here the demo's own folders can be counted.
  vi.stubEnv("TMPDIR", join(folder, "tmp"));
  mkdirSync(tmpdir());
  mkdirSync(join(folder, "farm"));
  writeFileSync(join(folder, "farm", "wikiversions.json"), JSON.stringify(WIKIVERSIONS));
  const guest = await compileGuest(["guest.ts", ...FILTER_FLAGS], { "guest.ts": GUEST });
  writeFileSync(join(folder, "guest.wasm"), guest);
  await findEnvoy();
  options = {
    farm: join(folder, "farm", "farm.yaml"),
    sources: {},
    wasm: join(folder, "guest.wasm"),
    pack,
    lookup,
    style: style(false),
    once: true,
    train: true,
    interrupted: new Promise(() => {}),
  };
}, 180_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

async function run(changes: Partial<DemoOptions> = {}): Promise<{ good: boolean; lines: string[] }> {
  const lines: string[] = [];
  const good = await runDemo({ ...options, write: (line) => lines.push(line), ...changes });
  expect(readdirSync(tmpdir())).toEqual([]);
  return { good, lines };
}

test("it shows where requests went, and a promotion that nobody notices", async () => {
  const { good, lines } = await run();
  const shown = lines.join("\n");
  expect(shown).toMatch(
    /en\.wikipedia\.org\/wiki\/Main_Page +en\.wikipedia\.org +some +web-php-1\.47\.0-wmf\.9 .*✓/,
  );
  expect(shown).toMatch(/localhost\/ \(client says \S+\) +– +– +pass-through +– +✓/);
  expect(shown).toContain("moves en.wikipedia.org from php-1.47.0-wmf.9 to php-1.47.0-wmf.10, under load");
  expect(shown).toMatch(/\d{2,} requests in \d+ ms; the table flipped in \d+ ms and moved 1 of 3 kinds/);
  expect(shown).not.toContain("✗");
  // Only the copy was edited.
  expect(JSON.parse(readFileSync(join(folder, "farm", "wikiversions.json"), "utf8"))).toEqual(WIKIVERSIONS);
  expect(good).toBe(true);
});

test("a request that goes elsewhere than the table says is a failure", async () => {
  const liar: Lookup = (table, host, path) =>
    lookup(table, host === "www.wikidata.org" ? "test.wikipedia.org" : host, path);
  const { good, lines } = await run({ lookup: liar, train: false });
  expect(good).toBe(false);
  expect(lines.filter((line) => line.includes("✗")).map((line) => line.split(" ")[0])).toEqual([
    "www.wikidata.org/wiki/Q42",
  ]);
});

test("a promotion that moves nothing, or that Envoy does not take, is a failure", async () => {
  const still: Pack = (farm) => pack({ ...farm, farm: options.farm });
  const { good, lines } = await run({ pack: still });
  expect([good, lines.some((line) => line.includes("moves none of the requests"))]).toEqual([false, true]);
  const cold: Pack = async (farm) => {
    const packed = await pack(farm);
    return farm.generation === 1 ? packed : { ...packed, clusters: [...packed.clusters, "new"] };
  };
  const second = await run({ pack: cold });
  expect([second.good, second.lines.at(-1)]).toEqual([
    false,
    "✗ the new table names clusters that do not run: new",
  ]);
});

test("without --once it runs until interrupted, and prints what to try", async () => {
  let interrupt = () => {};
  const interrupted = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  const lines: string[] = [];
  const done = runDemo({
    ...options,
    once: false,
    train: false,
    interrupted,
    write: (line) => lines.push(line),
  });
  await expect.poll(() => lines.at(-1), { timeout: 30_000 }).toContain("curl");
  const curl = lines.find((line) => line.includes("Host: en.wikipedia.org"))!;
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(curl)![1]);
  const response = await send({ port, host: "en.wikipedia.org" });
  expect(JSON.parse(response.body).cluster).toBe("web-php-1.47.0-wmf.9");
  interrupt();
  expect(await done).toBe(true);
  await expect(send({ port })).rejects.toThrow("ECONNREFUSED");
  expect(readdirSync(tmpdir())).toEqual([]);
});

test("a failing pack leaves nothing, and a wrong option is said", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const failing: Pack = async () => {
    throw new Error("farm.yaml:1:1: no");
  };
  await expect(run({ pack: failing })).rejects.toThrow("farm.yaml:1:1: no");
  expect(await demoCommand(["--onec"], { pack, lookup })).toBe(2);
  expect(await demoCommand(["--source", "x"], { pack, lookup })).toBe(2);
  expect(said.mock.calls.map(([text]) => text.split("\n")[0])).toEqual([
    "Unknown option '--onec'",
    "--source takes NAME=DIR, not 'x'",
  ]);
  said.mockRestore();
});

test("a request to show is a URL, and its curl line survives any path", () => {
  const wiki = { host: "en.wikipedia.org", path: "/wiki/O'Brien?a" };
  expect(parseRequest("https://en.wikipedia.org/wiki/O'Brien?a")).toEqual(wiki);
  expect(parseRequest("en.wikipedia.org")).toEqual({ host: "en.wikipedia.org", path: "/" });
  expect(curlLines(80, "x-cluster", [{ ...wiki, spoof: "a" }])).toEqual([
    `curl -s -H 'Host: en.wikipedia.org' -H 'x-cluster: a' 'http://127.0.0.1:80/wiki/O'\\''Brien?a'`,
  ]);
});

test("colours are for terminals", () => {
  expect(style(true).good("x")).toBe("\x1b[32mx\x1b[0m");
  expect(style(false).good("x")).toBe("x");
});
