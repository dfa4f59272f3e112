/** Each limit of a table: its largest value passes, the next is refused. */
import { describe, expect, it } from "vitest";
import * as L from "../../assembly/layout.ts";
import { compileFarm, problemsWith, warningsOf } from "../../test/support/farm-text.ts";
import {
  bytesOf,
  HELD,
  plainListener,
  plainPlan,
  plainRule,
  rebuilt,
  routedPlan,
  verdictOn,
  withSection,
} from "../../test/support/plans.ts";
import { stringsOf } from "../../test/support/sections.ts";
import type { Plan, Route } from "../plan.ts";
import { Table } from "../table/table.ts";
import { EncodeError, encodeStrings } from "./encode.ts";
import { limitsOf } from "./limits.ts";

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** The section with a u32 or u16 count at `at` one higher, and a copy of its last `entry` bytes at the end. */
function oneMore(section: Uint8Array, at: number, entry: number, bytes: 2 | 4 = 4): Uint8Array {
  const longer = new Uint8Array([...section, ...section.subarray(section.length - entry)]);
  const view = new DataView(longer.buffer);
  if (bytes === 4) view.setUint32(at, view.getUint32(at, true) + 1, true);
  else view.setUint16(at, view.getUint16(at, true) + 1, true);
  return longer;
}

const form = {
  ...{ target: false, segments: [null], closed: false, parts: [0] },
  ...{ dashes: false, lower: false, replacements: [] },
};
const host = (...values: string[]) => ({ subject: "host", test: "exact", not: false, values }) as const;
const header = (name: string) => ({ subject: "header", test: "present", not: false, name }) as const;
const JOBS = { field: "database", limit: 1, host: "never", ...HELD } as const;
const deployments = (count: number) => times(count, (i) => ({ name: `d${i}`, readOnly: null }));
const releases = (count: number) => ({
  releases: times(count, (i) => ({ name: `r${i}`, version: "1.0" })),
  clusters: [times(count, (i) => `web-r${i}`)],
});

/** For each limit: a plan that uses so much of it, the packer's word past it, a table one past it, the reader's word. */
const LIMITS: [
  name: string,
  most: number,
  plan: (count: number) => Plan,
  packer: string,
  past: (atTheLimit: Uint8Array) => Uint8Array,
  reader: string,
][] = [
  [
    "rewrites",
    L.MAX_REWRITES,
    (n) =>
      plainPlan({
        rewrites: times(n, () => ({ kind: "suffix", prefix: "", labels: 1, from: ".a", to: ".b" })),
      }),
    "65 rewrites: a table holds at most 64",
    (bytes) => withSection(bytes, L.SECTION_REWRITES, (s) => oneMore(s, 0, L.REWRITE_ENTRY)),
    "section RWRT has too many entries",
  ],
  [
    "host patterns",
    L.MAX_PATTERNS,
    (n) =>
      plainPlan({
        patterns: times(n, () => ({ kind: "family", prefix: "", suffix: ".org", dashes: false, path: null })),
      }),
    "257 host patterns: a table holds at most 256",
    (bytes) => withSection(bytes, L.SECTION_PATTERNS, (s) => oneMore(s, 0, L.PATTERN_ENTRY)),
    "section PATT has too many entries",
  ],
  [
    "path forms",
    L.MAX_PATH_FORMS,
    (n) => plainPlan({ paths: times(n, () => form) }),
    "65536 path forms: a table holds at most 65535",
    (bytes) => withSection(bytes, L.SECTION_PATHS, (s) => oneMore(s, 0, L.PATH_ENTRY)),
    "section PATH has too many forms",
  ],
  [
    "segments of a path form",
    L.MAX_PATH_SEGMENTS,
    (n) => plainPlan({ paths: [{ ...form, segments: times(n, () => null) }] }),
    "5 segments of a path form: a table holds at most 4",
    (bytes) => withSection(bytes, L.SECTION_PATHS, (s) => s.with(L.PATHS_BODY + L.PATH_SEGMENTS, 5)),
    "section PATH form 0 makes no sense",
  ],
  [
    "parts of a path form",
    L.MAX_PATH_PARTS,
    (n) => plainPlan({ paths: [{ ...form, parts: times(n, () => 0) }] }),
    "5 parts of a path form: a table holds at most 4",
    (bytes) => withSection(bytes, L.SECTION_PATHS, (s) => s.with(L.PATHS_BODY + L.PATH_PARTS, 5)),
    "section PATH form 0 makes no sense",
  ],
  [
    "replacements in path forms",
    L.MAX_REPLACEMENTS,
    (n) => {
      const replacements = times(n, (i) => ({ segment: 0, from: `f${i % 100}`, to: "t" }));
      return plainPlan({ paths: [{ ...form, replacements }] });
    },
    "65536 replacements in path forms: a table holds at most 65535",
    (bytes) =>
      withSection(bytes, L.SECTION_PATHS, (s) => oneMore(s, L.PATHS_REPLACEMENTS, L.REPLACEMENT_ENTRY)),
    "section PATH has too many replacements",
  ],
  [
    "pairs of a path form and a wiki",
    L.MAX_ELSES,
    (n) =>
      plainPlan({
        paths: times(n, () => form),
        hosts: times(n, (i) => ({ host: `h${i}`, destination: { path: i, else: 0 } })),
      }),
    "65536 path forms: a table holds at most 65535",
    (bytes) => withSection(bytes, L.SECTION_PATHS, (s) => oneMore(s, L.PATHS_ELSES, L.ELSE_ENTRY)),
    "section PATH has too many wikis beside forms",
  ],
  [
    "headers that are looked at or set",
    L.MAX_HEADERS,
    // One is the cluster's.
    (n) => routedPlan([plainRule<Route>("pass", ...times(n - 1, (i) => header(`x-${i}`)))]),
    "33 headers that are looked at or set: a table holds at most 32",
    (bytes) => withSection(bytes, L.SECTION_HEADERS, (s) => oneMore(s, 0, 2)),
    "section HDRS has too many entries",
  ],
  [
    "rules",
    L.MAX_RULES,
    (n) => routedPlan(times(n, () => plainRule<Route>("pass"))),
    "1025 rules: a table holds at most 1024",
    (bytes) => withSection(bytes, L.SECTION_RULES, (s) => oneMore(s, 0, L.RULE_ENTRY)),
    "section RULE has too many rules",
  ],
  [
    "predicates",
    L.MAX_PREDICATES,
    (n) => {
      const predicates = times(n, (i) => host(`h${i}`));
      return routedPlan(
        times(Math.ceil(n / 128), (i) =>
          plainRule<Route>("pass", ...predicates.slice(128 * i, 128 * (i + 1))),
        ),
      );
    },
    "4097 predicates: a table holds at most 4096",
    (bytes) => withSection(bytes, L.SECTION_RULES, (s) => oneMore(s, L.RULES_PREDICATES, L.PREDICATE_ENTRY)),
    "section RULE has too many predicates",
  ],
  [
    "listeners",
    L.MAX_LISTENERS,
    (n) => plainPlan({ listeners: times(n, (i) => plainListener({ name: `l${i}` })) }),
    "257 listeners: a table holds at most 256",
    (bytes) => withSection(bytes, L.SECTION_LISTENERS, (s) => oneMore(s, 0, L.LISTENER_ENTRY, 2)),
    "section LSTN has too many listeners",
  ],
  [
    "replies",
    L.MAX_REPLIES,
    (n) => plainPlan({ replies: times(n, (i) => ({ status: 400 + i, body: "no" })) }),
    "65 replies: a table holds at most 64",
    (bytes) => withSection(bytes, L.SECTION_REPLIES, (s) => oneMore(s, 0, L.REPLY_ENTRY, 2)),
    "section REPL has too many replies",
  ],
  [
    "bytes of a body with a wiki",
    L.MAX_JOB_LIMIT,
    (n) => plainPlan({ jobs: { ...JOBS, limit: n } }),
    "16777217 bytes of a body with a wiki: a table holds at most 16777216",
    (bytes) => withSection(bytes, L.SECTION_JOBS, (s) => s.with(L.JOBS_LIMIT, 1)),
    "section JOBS has too large a limit",
  ],
  [
    "bytes of held bodies",
    L.MAX_HELD_BYTES,
    (n) => plainPlan({ jobs: { ...JOBS, heldBytes: n } }),
    "1073741825 bytes of held bodies: a table holds at most 1073741824",
    (bytes) => withSection(bytes, L.SECTION_JOBS, (s) => s.with(L.JOBS_HELD_BYTES, 1)),
    "section JOBS holds too many bytes",
  ],
  [
    "seconds for which a job is held",
    L.MAX_HELD_SECONDS,
    (n) => plainPlan({ jobs: { ...JOBS, heldSeconds: n } }),
    "3601 seconds for which a job is held: a table holds at most 3600",
    (bytes) =>
      withSection(bytes, L.SECTION_JOBS, (s) => s.with(L.JOBS_HELD_SECONDS, s[L.JOBS_HELD_SECONDS]! + 1)),
    "section JOBS holds for too many seconds",
  ],
  [
    "rules from a wiki to its host",
    L.MAX_CANONICAL_RULES,
    (n) => {
      const rules = times(n, () => ({ tail: "wiki", suffix: ".wikipedia.org", dashes: true }));
      return plainPlan({ canonical: { rules, exceptions: [] } });
    },
    "65 rules from a wiki to its host: a table holds at most 64",
    (bytes) => withSection(bytes, L.SECTION_CANONICAL, (s) => oneMore(s, 0, L.CANONICAL_RULE, 2)),
    "section CANO has too many rules",
  ],
  [
    "deployments",
    L.MAX_DEPLOYMENTS,
    (n) => plainPlan({ deployments: deployments(n), clusters: times(n, (i) => [`d${i}-one`]) }),
    "257 deployments: a table holds at most 256",
    (bytes) => withSection(bytes, L.SECTION_DEPLOYMENTS, (s) => oneMore(s, 0, 4, 2)),
    "section DEPL has too many deployments",
  ],
  [
    "releases",
    L.MAX_RELEASES,
    (n) => plainPlan(releases(n)),
    "257 releases: a table holds at most 256",
    (bytes) => withSection(bytes, L.SECTION_RELEASES, (s) => oneMore(s, 0, L.RELEASE_ENTRY, 2)),
    "section RLSE has too many releases",
  ],
  [
    "pairs of release and group",
    L.MAX_PLACEMENTS,
    (n) => {
      const wikis = times(n, (i) => ({
        id: `w${i}`,
        release: i % 256,
        group: `g${i >> 8}`,
        installed: true,
      }));
      return plainPlan({ ...releases(256), wikis });
    },
    "4097 pairs of release and group: a table holds at most 4096",
    (bytes) =>
      withSection(bytes, L.SECTION_RELEASES, (s) => oneMore(s, L.RELEASES_PLACEMENTS, L.PLACEMENT_ENTRY, 2)),
    "section RLSE has too many placements",
  ],
  [
    "bytes of a string",
    L.MAX_STRING_BYTES,
    (n) => plainPlan({ clusters: [["c".repeat(n)]] }),
    `"${"c".repeat(256)}" has 256 bytes: at most 255`,
    (bytes) => {
      const table = new Table(bytes);
      const strings = stringsOf(table).map((text) => text.replace(/^c{255}$/, "c".repeat(256)));
      return withSection(bytes, L.SECTION_STRINGS, () => encodeStrings(strings));
    },
    "section STRS string 3 is out of bounds",
  ],
  [
    "bytes of a stem",
    L.MAX_STRING_BYTES,
    (n) => plainPlan({ wikis: [{ id: "w".repeat(n), release: 0, group: null, installed: true }] }),
    `"${"w".repeat(256)}" has 256 bytes: at most 255`,
    // A stem's length is one byte: what is one past it is stems of 256 different lengths and one more.
    (bytes) =>
      withSection(bytes, L.SECTION_STEMS, () => {
        const section = new Uint8Array(L.STEMS_GROUPS + 4 * 257);
        new DataView(section.buffer).setUint32(0, 257, true);
        return section;
      }),
    "section STEM has too many groups",
  ],
  [
    "different strings",
    L.MAX_STRINGS,
    (n) => {
      const clusters = times(254, (d) => times(255, (r) => `c${d}.${r}`));
      const most = plainPlan({ ...releases(255), deployments: deployments(254), clusters });
      const more = n - new Table(bytesOf(most)).stringCount;
      return {
        ...most,
        listeners: routedPlan([plainRule<Route>("pass", host(...times(more, (i) => `h${i}`)))]).listeners,
      };
    },
    "more than 65535 different strings",
    (bytes) => {
      const table = new Table(bytes);
      const strings = [...stringsOf(table), "one more"];
      return withSection(bytes, L.SECTION_STRINGS, () => encodeStrings(strings));
    },
    "section STRS has too many strings",
  ],
];

describe("a limit is one constant:", () => {
  for (const [name, most, plan, packer, past, reader] of LIMITS) {
    it(`${name}: the packer writes ${most}, and refuses one more, as filter and decoder do`, async () => {
      const bytes = bytesOf(plan(most));
      expect(await verdictOn(bytes)).toBe(null);
      const tooMuch = () => bytesOf(plan(most + 1));
      expect(tooMuch).toThrow(EncodeError);
      expect(tooMuch).toThrow(packer);
      expect(await verdictOn(past(bytes))).toBe(reader);
    });
  }

  it("different strings: the table at the limit has that many", () => {
    const [, most, plan] = LIMITS.find(([name]) => name === "different strings")!;
    expect(new Table(bytesOf(plan(most))).stringCount).toBe(most);
  });

  it("predicates of a rule: the packer writes 255 and refuses one more, which no table could say", async () => {
    const plan = (count: number) =>
      routedPlan([plainRule<Route>("pass", ...times(count, (i) => host(`h${i}`)))]);
    const bytes = bytesOf(plan(L.MAX_RULE_PREDICATES));
    expect(await verdictOn(bytes)).toBe(null);
    expect(new Table(bytes).rule(0).when).toHaveLength(255);
    expect(() => bytesOf(plan(256))).toThrow("256 predicates of a rule: a table holds at most 255");
  });

  it("trusted hops: the packer writes 255 and refuses one more, which no table could say", async () => {
    const plan = (trustedHops: number) =>
      plainPlan({ listeners: [plainListener({ trust: "internal", trustedHops })] });
    const bytes = bytesOf(plan(L.MAX_TRUSTED_HOPS));
    expect(await verdictOn(bytes)).toBe(null);
    expect(new Table(bytes).listeners[0]!.trustedHops).toBe(255);
    expect(() => bytesOf(plan(256))).toThrow("256 trusted hops of a listener: a table holds at most 255");
  });

  it("held jobs: the packer writes 65535 and refuses one more, which no table could say", async () => {
    const plan = (heldStreams: number) => plainPlan({ jobs: { ...JOBS, heldStreams } });
    const bytes = bytesOf(plan(L.MAX_HELD_STREAMS));
    expect(await verdictOn(bytes)).toBe(null);
    expect(new Table(bytes).jobs).toEqual({ ...JOBS, heldStreams: 65535 });
    expect(() => bytesOf(plan(65536))).toThrow("65536 held jobs: a table holds at most 65535");
  });

  it("sections: 64, unknown ones included, and not one more", async () => {
    const optional = times(L.MAX_SECTIONS + 1, (i) => ({
      name: 0x61616161 + i * 256,
      bytes: new Uint8Array(0),
    }));
    const withSections = (count: number) =>
      rebuilt(bytesOf(plainPlan()), (sections) => [
        ...sections,
        ...optional.slice(0, count - sections.length),
      ]);
    expect(await verdictOn(withSections(64))).toBe(null);
    expect(await verdictOn(withSections(65))).toBe("65 sections: too many");
  });

  it.each([
    ["WIKI", L.SECTION_WIKIS],
    ["HOST", L.SECTION_HOSTS],
  ])(
    "keys: a section %s of one too many is refused for its size, one of that many for its length",
    async (letters, name) => {
      const withKeys = (keys: number) =>
        withSection(bytesOf(plainPlan()), name, (section) => {
          const view = new DataView(section.buffer);
          for (const at of [L.KEYS_COUNT, L.KEYS_SLOTS, L.KEYS_BUCKETS]) view.setUint32(at, keys, true);
          return section;
        });
      expect(await verdictOn(withKeys(L.MAX_KEYS))).toBe(`section ${letters} is not as long as its entries`);
      expect(await verdictOn(withKeys(L.MAX_KEYS + 1))).toBe(`section ${letters} has impossible sizes`);
      const limit = limitsOf(plainPlan()).filter(({ most }) => most === L.MAX_KEYS);
      expect(limit.map(({ what }) => what)).toEqual(["wikis", "exact hosts"]);
    },
  );

  it("stems: more than 24 bits can number are refused", async () => {
    const ofStems = (counts: number[]) =>
      withSection(bytesOf(plainPlan()), L.SECTION_STEMS, () => {
        const section = new DataView(new ArrayBuffer(4 + 4 * counts.length));
        section.setUint32(0, counts.length, true);
        // Stems of no bytes, so that the section stays short.
        for (const [i, count] of counts.entries()) section.setUint32(4 + 4 * i, count * 256, true);
        return new Uint8Array(section.buffer);
      });
    expect(await verdictOn(ofStems([L.MAX_STEMS]))).toBe(null);
    expect(await verdictOn(ofStems([L.MAX_STEMS, 1]))).toBe("section STEM has too many stems");
  });

  it("bytes of a table: 64 MiB, and not one more", async () => {
    const rest = bytesOf(plainPlan(), "").length;
    const exact = bytesOf(plainPlan(), "x".repeat(L.MAX_TABLE_BYTES - rest));
    expect(exact.length).toBe(L.MAX_TABLE_BYTES);
    expect(await verdictOn(exact)).toBe(null);
    expect(() => bytesOf(plainPlan(), "x".repeat(L.MAX_TABLE_BYTES - rest + 1))).toThrow(
      "the table has 67108865 bytes: at most 67108864 are read",
    );
    const tooLong = new Uint8Array(L.MAX_TABLE_BYTES + 1);
    tooLong.set(exact.subarray(0, L.HEADER_BYTES));
    expect(await verdictOn(tooLong)).toBe("67108865 bytes: too large for a table");
  });
});

describe("strings", () => {
  it("are printable ASCII for the packer and for the reader", async () => {
    expect(() => bytesOf(plainPlan({ clusters: [["wéb"]] }))).toThrow(
      '"wéb": only printable ASCII may stand in a table',
    );
    for (const byte of [0x1f, 0x7f, 0xe9]) {
      const bytes = withSection(bytesOf(plainPlan()), L.SECTION_STRINGS, (section) =>
        section.with(section.length - 1, byte),
      );
      expect(await verdictOn(bytes)).toBe("section STRS holds a byte that is not printable ASCII");
    }
  });
});

describe("a farm", () => {
  const rules = (count: number) => ({
    deployments: `{ default: web, rules: [${times(count, (i) => `{ path: /p${i}, deployment: web }`).join(", ")}] }`,
  });

  it("that uses 80 % of a limit packs with a warning", () => {
    // One rule is every farm's: addresses pass through.
    expect(warningsOf(compileFarm(rules(818)).farm)).toEqual([]);
    expect(warningsOf(compileFarm(rules(819)).farm)).toEqual([
      "farm.yaml: 820 rules: a table holds at most 1024",
    ]);
    expect(warningsOf(compileFarm(rules(1023)).farm)).toEqual([
      "farm.yaml: 1024 rules: a table holds at most 1024",
    ]);
  });

  it("that is past a limit is refused at its file", () => {
    expect(problemsWith(rules(1024))).toEqual(["farm.yaml: 1025 rules: a table holds at most 1024"]);
  });
});
