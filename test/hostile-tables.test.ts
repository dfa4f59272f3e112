/** Damaged and hostile tables: refused by both readers, and nothing traps. */
import { beforeAll, describe, expect, it } from "vitest";
import { CHECKSUM_FROM, SECTION_STEMS, SECTION_STRINGS } from "../assembly/layout.ts";
import { type CompiledModule, type Pair, Vm } from "../host-sim/index.ts";
import { writeChecksum } from "../scripts/encode/container.ts";
import { encode, encodeUnchecked } from "../scripts/encode/encode.ts";
import { filter } from "../scripts/filter.ts";
import { TableError } from "../scripts/table/check.ts";
import { decide, UnknownListener } from "../scripts/table/decide.ts";
import type { Answer, Request, RouteAnswer, Where } from "../scripts/table/request.ts";
import { Table } from "../scripts/table/table.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm } from "./support/farms.ts";
import { stringsOf } from "./support/sections.ts";

const HOSTS = [
  "en.wikipedia.org",
  "www.wikidata.org",
  "commons.wikimedia.org",
  "upload.wikimedia.org",
  "a.b.c.org",
  "10.1.1.1",
];
const PATHS = ["/", "/w/api.php?x", "/wikipedia/commons/a", "/enwiki/"];

const job = (body: string): Request => ({
  authority: "mw-jobrunner.discovery.wmnet",
  target: "/rpc/RunSingleJob.php",
  method: "POST",
  headers: [["x-client", "a"]],
  body,
});
/** Something of each kind of rule, and of each part of a request. */
const REQUESTS: Request[] = [
  ...HOSTS.flatMap((authority) => PATHS.map((target) => ({ authority, target }))),
  job('{"type":"x","database":"enwiki"}'),
  job('{"database":"enwiki","database":"dewiki"}'),
  job("not JSON"),
  { authority: "en.wikipedia.org", target: "/w//%61pi.php?a=b+c&action=rollback", method: "POST" },
  { authority: "rest-gateway.discovery.wmnet", target: "/en.wikipedia.org/v1/page/x?y" },
  {
    authority: "en.wikipedia.org",
    target: "/wiki/X?title=Special:OAuth/token&centralauthtoken=1",
    headers: [
      ["cookie", "enwikiSession=1; UseDC=master"],
      ["cookie", "a=b"],
      ["x-wikimedia-debug", "backend=k8s-mwdebug; log"],
      ["x-forwarded-for", "192.0.2.1, 192.0.2.2"],
      ["authorization", "Bearer x"],
    ],
    client: "192.0.2.9",
  },
  { authority: "en.wikipedia.org", target: "/", headers: [["x-wikimedia-debug", "backend=nothing"]] },
];

/** Mutations of the real table: a minute of them in CI, a sample elsewhere. */
const MUTATIONS = Number(process.env.POINTSMAN_MUTATIONS ?? (process.env.CI ? 100_000 : 20_000));

describe("a damaged or hostile table", () => {
  let module: CompiledModule;
  let vm: Vm;
  beforeAll(async () => {
    module = await Vm.compile(filter);
    vm = new Vm(module);
  });

  const NOWHERE: Where = { listener: null, secondary: false };

  /** The filter's own word, and where it accepts: what it answers to REQUESTS. Never a trap. */
  function offer(
    bytes: Uint8Array,
    ask: boolean,
    { listener, secondary }: Where = NOWHERE,
  ): { refused: string | null; answers: Heard[] } {
    vm.logs.length = 0;
    const names = { listener: listener ?? "", datacentre: "here", primary: secondary ? "there" : "here" };
    const configuration = ask ? Buffer.concat([Buffer.from(JSON.stringify(names)), bytes]) : bytes;
    const root = vm.createRoot({ rootId: "", configuration, allowOnHeadersStopIteration: true });
    const answers: Heard[] = [];
    const refused = root.refused === null ? null : (vm.logs.at(-1)?.text ?? "");
    if (refused === null && ask) {
      for (const { authority, target, method = "GET", headers: own = [], body, client } of REQUESTS) {
        const headers: Pair[] = [
          [":authority", authority!],
          [":path", target],
          [":method", method],
          ...own.map(([name, value]): Pair => [name, value]),
        ];
        const heard = root.request({
          headers,
          ...(body && { body: Buffer.from(body) }),
          ...(client && { properties: { "source.address": `${client}:80` } }),
        });
        answers.push({ headers: heard.headers, reply: heard.localReply });
      }
    }
    root.retire();
    expect(vm.trap).toBe(null);
    return { refused, answers };
  }

  it("is refused for every single flipped bit, with one line that says why", () => {
    const good = encode(loadFarm("small").plan, { generation: 7, names: null });
    expect(offer(good, false).refused).toBe(null);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      const { refused } = offer(bad, false);
      expect(refused).toMatch(/^pointsman: table refused: \S.*$/);
      expect(vm.logs).toHaveLength(1);
    }
  });

  it("is refused with a stem that would break out of a header's value", () => {
    const bad = encode(loadFarm("small").plan, { generation: 7, names: null });
    const stems = new Table(bad).sections.find(({ name }) => name === SECTION_STEMS)!;
    bad[stems.start + stems.length - 1] = 0x0d;
    writeChecksum(bad);
    expect(offer(bad, false).refused).toMatch(/section STEM holds a byte that is not printable ASCII$/);
    expect(openTable(bad)).toBeInstanceOf(TableError);
  });

  it.each([0, 1, 2, 7, 8])("is refused with a byte that is no text, %i bytes from the strings' end", (at) => {
    const good = encode(loadFarm("small").plan, { generation: 7, names: null });
    const strings = new Table(good).sections.find(({ name }) => name === SECTION_STRINGS)!;
    for (const byte of [0x1f, 0x7f, 0x80, 0xff]) {
      const bad = good.slice();
      bad[strings.start + strings.length - 1 - at] = byte;
      writeChecksum(bad);
      expect(offer(bad, false).refused).toMatch(/section STRS holds a byte that is not printable ASCII$/);
      expect(openTable(bad)).toBeInstanceOf(TableError);
    }
  });

  it("is refused with a rewrite of no labels, which no two readers would read alike", () => {
    const { plan } = loadFarm("small");
    const rewrites = [
      { kind: "suffix", prefix: "", labels: 0, from: ".test.example", to: ".example" } as const,
    ];
    const bad = encodeUnchecked({ ...plan, rewrites }, { generation: 7, names: null });
    expect(offer(bad, false).refused).toMatch(/section RWRT entry 0 has no labels$/);
    expect(openTable(bad)).toBeInstanceOf(TableError);
  });

  it("is refused for every truncation", () => {
    const good = encode(loadFarm("small").plan, { generation: 7, names: null });
    for (let length = 0; length < good.length; length++) {
      expect(offer(good.slice(0, length), false).refused).toMatch(/^pointsman: table refused: /);
    }
  });

  it.skipIf(DATA_IS_ABSENT)(
    `with its checksum repaired is refused by filter and decoder alike, or answered by in its own strings, and alike${WHY_SKIPPED}`,
    { timeout: 600_000 },
    () => {
      const { plan } = loadFarm("production");
      const emit = [...plan.emit, { kind: "wiki" as const, name: "x-mw-wiki" }];
      const good = encode({ ...plan, emit }, { generation: 7, names: null });
      const random = seeded(20261122);
      const seen = { accepted: 0, refused: 0 };
      const listeners = [null, ...plan.listeners.map(({ name }) => name)];
      for (let i = 0; i < MUTATIONS; i++) {
        const bad = mutate(good, random);
        writeChecksum(bad);
        const where: Where = { listener: listeners[i % listeners.length]!, secondary: i % 2 === 0 };
        const { refused, answers } = offer(bad, true, where);
        const expected = answersOf(bad, where);
        expect(refused?.replace("pointsman: table refused: ", "") ?? null).toBe(
          expected instanceof Error ? expected.message : null,
        );
        seen[refused === null ? "accepted" : "refused"]++;
        if (expected instanceof Error) continue;
        const table = new Table(bad);
        const declared = new Set(stringsOf(table));
        // A wiki's ID is joined of two: it must be a key, if no longer where its hash says.
        let keys: Set<string> | null = null;
        const isKey = (text: string) => {
          keys ??= new Set([...table.keys(table.wikis)].map(({ key }) => key));
          return keys.has(text);
        };
        const isDeclared = (text: string) => declared.has(text) || isKey(text);
        for (const [n, answer] of expected.entries()) {
          const { headers, reply } = answers[n]!;
          const told = () => `mutation ${i}, ${JSON.stringify(where)}, ${JSON.stringify(REQUESTS[n])}`;
          if (answer.kind !== "route") {
            const ours = answer.kind === "reply" ? { status: answer.status, body: answer.body } : null;
            expect(reply && { status: reply.status, body: reply.body }, told()).toEqual(ours);
            continue;
          }
          expect(reply, told()).toBe(null);
          for (const [name, value] of emitted(table, answer)) {
            expect(isDeclared(value)).toBe(true);
            expect(headers.find((one) => one[0] === name)?.[1], told()).toBe(value);
          }
        }
      }
      expect(seen.accepted).toBeGreaterThan(MUTATIONS / 20);
      expect(seen.refused).toBeGreaterThan(MUTATIONS / 20);
    },
  );
});

interface Heard {
  /** What upstream gets. */
  headers: readonly Pair[];
  reply: { status: number; body: string } | null;
}

/** The decoder's answers to REQUESTS, or why there are none. */
function answersOf(bytes: Uint8Array, where: Where): Answer[] | TableError | UnknownListener {
  const table = openTable(bytes);
  if (table instanceof TableError) return table;
  try {
    return REQUESTS.map((request) => decide(table, request, where).answer);
  } catch (error) {
    if (error instanceof UnknownListener) return error;
    throw error;
  }
}

/** The headers that say the decision. */
function emitted(table: Table, answer: RouteAnswer): Pair[] {
  const pairs = table.emit.map(({ kind, name }) => [name, answer[kind]] as const);
  return pairs.flatMap(([name, value]): Pair[] => (value === null ? [] : [[name, value]]));
}

function openTable(bytes: Uint8Array): Table | TableError {
  try {
    return new Table(bytes);
  } catch (error) {
    if (error instanceof TableError) return error;
    throw error;
  }
}

/** One to four changes: a bit, a byte, a u16 or u32 of an extreme value; mostly past the checksum, anywhere. */
function mutate(good: Uint8Array, random: () => number): Uint8Array {
  const bad = good.slice();
  const view = new DataView(bad.buffer);
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes; i++) {
    // Headers of sections are few among the bytes, and where it hurts: half of the changes go to the first 1 kB.
    const reach = random() < 0.5 ? 1024 : bad.length;
    const at = Math.min(CHECKSUM_FROM + Math.floor(random() * reach), bad.length - 4);
    const extreme = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];
    const value = extreme[Math.floor(random() * extreme.length)]!;
    const kind = Math.floor(random() * 4);
    if (kind === 0) bad[at]! ^= 1 << Math.floor(random() * 8);
    else if (kind === 1) bad[at] = Math.floor(random() * 256);
    else if (kind === 2) view.setUint16(at, value & 0xffff, true);
    else view.setUint32(at, value, true);
  }
  return bad;
}

/** mulberry32: the same mutations in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
