import { beforeAll, describe, expect, it } from "vitest";
import { CHECKSUM_FROM, SECTION_LABELS } from "../assembly/layout.ts";
import { Vm } from "../host-sim/index.ts";
import { filter } from "../scripts/filter.ts";
import { TableError } from "../scripts/table/check.ts";
import { writeChecksum } from "../scripts/table/container.ts";
import { Table } from "../scripts/table/decode.ts";
import { encode } from "../scripts/table/encode.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./data.ts";
import { loadFarm } from "./farms.ts";

const HOSTS = [
  "en.wikipedia.org",
  "www.wikidata.org",
  "commons.wikimedia.org",
  "upload.wikimedia.org",
  "a.b.c.org",
  "10.1.1.1",
];
const PATHS = ["/", "/w/api.php?x", "/wikipedia/commons/a", "/enwiki/"];

/** Mutations of the real table: a minute of them in CI, a sample elsewhere. */
const MUTATIONS = Number(process.env.POINTSMAN_MUTATIONS ?? (process.env.CI ? 100_000 : 20_000));

describe("a damaged or hostile table", () => {
  let module: WebAssembly.Module;
  let vm: Vm;
  beforeAll(async () => {
    module = await Vm.compile(filter);
    vm = new Vm(module);
  });

  /** The filter's own word, and where it accepts: what it answers. Never a trap. */
  function offer(bytes: Uint8Array, ask: boolean): { refused: string | null; answers: string[] } {
    vm.logs.length = 0;
    const root = vm.createRoot({ rootId: "test", configuration: bytes });
    const answers: string[] = [];
    const refused = root.refused === null ? null : (vm.logs.at(-1)?.text ?? "");
    if (refused === null && ask) {
      for (const host of HOSTS) {
        for (const path of PATHS) {
          const request = root.request({
            headers: [
              [":authority", host],
              [":path", path],
              [":method", "GET"],
            ],
          });
          for (const [name, value] of request.headers) if (!name.startsWith(":")) answers.push(name, value);
        }
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

  it("is refused with a label that would break out of a header's value", () => {
    const bad = encode(loadFarm("small").plan, { generation: 7, names: null });
    const labels = new Table(bad).sections.find(({ name }) => name === SECTION_LABELS)!;
    bad[labels.start + labels.length - 1] = 0x0d;
    writeChecksum(bad);
    expect(offer(bad, false).refused).toMatch(/section LABL holds a byte that is not printable ASCII$/);
    expect(openTable(bad)).toBeInstanceOf(TableError);
  });

  it("is refused with a read-as of no labels, which no two readers would read alike", () => {
    const { plan } = loadFarm("small");
    const readAs = [{ labels: 0, from: ".test.example", to: ".example" }];
    const bad = encode({ ...plan, readAs }, { generation: 7, names: null });
    expect(offer(bad, false).refused).toMatch(/section READ entry 0 has no labels$/);
    expect(openTable(bad)).toBeInstanceOf(TableError);
  });

  it("is refused for every truncation", () => {
    const good = encode(loadFarm("small").plan, { generation: 7, names: null });
    for (let length = 0; length < good.length; length++) {
      expect(offer(good.slice(0, length), false).refused).toMatch(/^pointsman: table refused: /);
    }
  });

  it.skipIf(DATA_IS_ABSENT)(
    `with its checksum repaired is refused by filter and decoder alike, or answers in its own strings${WHY_SKIPPED}`,
    { timeout: 600_000 },
    () => {
      const { plan } = loadFarm("production");
      const emit = [...plan.emit, { kind: "wiki" as const, name: "x-mw-wiki" }];
      const good = encode({ ...plan, emit }, { generation: 7, names: null });
      const random = seeded(20261122);
      const seen = { accepted: 0, refused: 0 };
      for (let i = 0; i < MUTATIONS; i++) {
        const bad = mutate(good, random);
        writeChecksum(bad);
        const { refused, answers } = offer(bad, true);
        const decoder = openTable(bad);
        expect(refused?.replace("pointsman: table refused: ", "") ?? null).toBe(
          decoder instanceof TableError ? decoder.message : null,
        );
        seen[refused === null ? "accepted" : "refused"]++;
        if (decoder instanceof TableError) continue;
        const declared = new Set(Array.from({ length: decoder.strings }, (_, n) => decoder.string(n)));
        // A wiki's ID is joined of two: it must be a key, if no longer where its hash says.
        let keys: Set<string> | null = null;
        const isKey = (text: string) => {
          keys ??= new Set([...decoder.keys(decoder.wikis)].map(({ key }) => key));
          return keys.has(text);
        };
        const isDeclared = (text: string) =>
          declared.has(text) || decoder.find(decoder.wikis, text) !== -1 || isKey(text);
        expect(answers.filter((answer) => !isDeclared(answer))).toEqual([]);
      }
      expect(seen.accepted).toBeGreaterThan(MUTATIONS / 20);
      expect(seen.refused).toBeGreaterThan(MUTATIONS / 20);
    },
  );
});

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
