/** Tables that are refused, and the sentence for each. */
import { describe, expect, it } from "vitest";
import * as L from "../../assembly/layout.ts";
import {
  uncheckedBytesOf as bytesOf,
  HELD,
  plainListener,
  plainPlan,
  plainRule,
  rebuilt,
  routedPlan,
  verdictOn,
  withSection,
} from "../../test/support/plans.ts";
import { emitBytes, headerBytes, stringsOf } from "../../test/support/sections.ts";
import { encodeStrings } from "../encode/encode.ts";
import type { Plan, Predicate, Route } from "../plan.ts";
import { Table } from "./table.ts";

/** One integer of the section is another. */
function put(plan: Plan, name: number, at: number, value: number, bytes: 1 | 2 | 4 = 2): Uint8Array {
  return withSection(bytesOf(plan), name, (section) => {
    const view = new DataView(section.buffer);
    if (bytes === 1) view.setUint8(at, value);
    else if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    return section;
  });
}

/** The last of the section's bytes is gone. */
const shorter = (plan: Plan, name: number) => withSection(bytesOf(plan), name, (s) => s.slice(0, -1));

const rulesOf = (...when: Predicate[]) => routedPlan([plainRule<Route>("pass", ...when)]);
const header: Predicate = { subject: "header", test: "exact", not: false, name: "x-a", values: ["a"] };
const share: Predicate = { subject: "cookie", test: "share", not: false, name: "a", salt: "s", share: 1 };
const cookie: Predicate = { subject: "cookie", test: "exact", not: false, name: "c", values: ["a"] };
const option: Predicate = {
  subject: "header",
  test: "option",
  not: true,
  name: "x-a",
  option: "o",
  values: ["a"],
};
const address: Predicate = { subject: "host", test: "address", not: false };

const jobs = { field: "database", limit: 100, host: "never", ...HELD } as const;
const body = { ...plainRule<Route>({ deployment: 0 }), wiki: "body" } as const;

const NO_STRING = 999;
/** In a section of one entry: where its fields are. */
const READ = L.REWRITES_BODY;
const RULE = L.RULES_BODY;
const PREDICATE = L.RULES_BODY + L.RULE_ENTRY;
const LISTENER = L.LISTENERS_BODY;

const suffix = { kind: "suffix", prefix: "", labels: 1, from: ".a", to: ".b" } as const;
const path = { kind: "path", from: "a", under: "" } as const;
const stems = plainPlan({
  hosts: [{ host: "a.example", destination: { path: 0, else: 0 } }],
  patterns: [{ kind: "family", prefix: "", suffix: ".org", dashes: false, path: 0 }],
  paths: [
    {
      ...{ target: false, segments: [null], closed: false, parts: [0] },
      ...{ dashes: false, lower: false, replacements: [] },
    },
  ],
});
const ELSE = L.PATHS_BODY + L.PATH_ENTRY;
/** The slot of WIKI that the one wiki leaves. */
const empty = 1 - new Table(bytesOf(stems)).find(new Table(bytesOf(stems)).wikis, "awiki");
const readOnlys = plainPlan({
  deployments: [
    { name: "web", readOnly: null },
    { name: "other", readOnly: null },
    { name: "third", readOnly: 0 },
  ],
  clusters: [["a"], ["b"], ["c"]],
});
const listeners = plainPlan({
  listeners: [plainListener({ name: "one" }), plainListener({ name: "two" })],
});
const lists = plainPlan({
  listeners: [
    plainListener({
      routes: [plainRule<Route>("pass")],
      assets: [plainRule({ release: 0 })],
      reads: [plainRule({ readOnly: 1 })],
    }),
  ],
});
const canonical = plainPlan({
  wikis: ["awiki", "bwiki"].map((id) => ({ id, release: 0, group: null, installed: true })),
  hosts: [{ host: "a.example", destination: null }],
  canonical: {
    rules: [{ tail: "wiki", suffix: ".org", dashes: true }],
    exceptions: [
      { wiki: "awiki", host: "a.example" },
      { wiki: "bwiki", host: null },
    ],
  },
});
const EXCEPTION = L.CANONICAL_BODY + L.CANONICAL_RULE;

/** A flaw in a table that is otherwise sound, and what the readers say of it. */
const FLAWS: [says: string, bytes: () => Uint8Array][] = [
  [
    "STEM has groups that are not in order",
    () => withGroups({ length: 0, count: 2 }, { length: 0, count: 2 }),
  ],
  [
    "STEM has groups that are not in order",
    () => withGroups({ length: 1, count: 0 }, { length: 0, count: 2 }),
  ],
  ["HDRS is cut short", () => withSection(bytesOf(plainPlan()), L.SECTION_HEADERS, (s) => s.slice(0, 3))],
  ["HDRS is not as long as its entries", () => shorter(plainPlan(), L.SECTION_HEADERS)],
  [
    "HDRS refers to a string that is not there",
    () => put(plainPlan(), L.SECTION_HEADERS, L.HEADERS_BODY, NO_STRING),
  ],
  ...["", "X-a", "x_a", ":path", "x a"].map((name): [string, () => Uint8Array] => [
    "HDRS header 0 has no proper name",
    () => bytesOf(plainPlan({ emit: [{ kind: "cluster", name }] })),
  ]),
  ["HDRS header 1 has no proper name", () => twice()],
  ["RWRT is not as long as its entries", () => shorter(plainPlan({ rewrites: [path] }), L.SECTION_REWRITES)],
  [
    "RWRT entry 0 is of an unknown kind",
    () => put(plainPlan({ rewrites: [path] }), L.SECTION_REWRITES, READ, 2, 1),
  ],
  ["RWRT entry 1 comes after a suffix entry", () => bytesOf(plainPlan({ rewrites: [suffix, path] }))],
  ["RWRT entry 0 has no labels", () => bytesOf(plainPlan({ rewrites: [{ ...suffix, labels: 0 }] }))],
  [
    "RWRT refers to a string that is not there",
    () => put(plainPlan({ rewrites: [suffix] }), L.SECTION_REWRITES, READ + L.REWRITE_PREFIX, NO_STRING),
  ],
  [
    "PATT refers to a string that is not there",
    () => put(stems, L.SECTION_PATTERNS, L.PATTERNS_BODY + L.PATTERN_PREFIX, NO_STRING),
  ],
  [
    "PATT pattern 0 has no such path form",
    () => put(stems, L.SECTION_PATTERNS, L.PATTERNS_BODY + L.PATTERN_DESTINATION, 0, 4),
  ],
  [
    "PATT pattern 0 has no such path form",
    () => put(stems, L.SECTION_PATTERNS, L.PATTERNS_BODY + L.PATTERN_DESTINATION, L.NO_DESTINATION - 1, 4),
  ],
  ["PATH form 0 makes no sense", () => put(stems, L.SECTION_PATHS, L.PATHS_BODY + L.PATH_LITERAL, NO_STRING)],
  ["PATH form 0 makes no sense", () => put(stems, L.SECTION_PATHS, L.PATHS_BODY + L.PATH_FLAGS, 16, 1)],
  ["PATH is not as long as its entries", () => put(stems, L.SECTION_PATHS, L.PATHS_ELSES, 2, 4)],
  ["PATH wiki beside a form 0 is not there", () => put(stems, L.SECTION_PATHS, ELSE + L.ELSE_FORM, 1)],
  [
    "PATH wiki beside a form 0 is not there",
    () => put(stems, L.SECTION_PATHS, ELSE + L.ELSE_WIKI, 0xffff, 4),
  ],
  ["PATH wiki beside a form 0 is not there", () => put(stems, L.SECTION_PATHS, ELSE + L.ELSE_WIKI, empty, 4)],
  [
    "RWRT refers to a string that is not there",
    () => put(plainPlan({ rewrites: [path] }), L.SECTION_REWRITES, READ + L.REWRITE_TO, L.NONE),
  ],
  ["REPL is cut short", () => withSection(bytesOf(plainPlan()), L.SECTION_REPLIES, (s) => s.slice(0, 1))],
  [
    "REPL is not as long as its entries",
    () => shorter(plainPlan({ replies: [{ status: 404, body: "" }] }), L.SECTION_REPLIES),
  ],
  ...[0, 200, 399, 600, 65535].map((status): [string, () => Uint8Array] => [
    "REPL reply 0 has no proper status",
    () => bytesOf(plainPlan({ replies: [{ status, body: "" }] })),
  ]),
  [
    "REPL refers to a string that is not there",
    () =>
      put(
        plainPlan({ replies: [{ status: 404, body: "" }] }),
        L.SECTION_REPLIES,
        L.REPLIES_BODY + L.REPLY_TEXT,
        L.NONE,
      ),
  ],
  ...[L.RELEASES_UNKNOWN_HOST, L.RELEASES_MISSING, L.RELEASES_NOT_INSTALLED].flatMap(
    (at): [string, () => Uint8Array][] => [
      [
        "RLSE has no outcome for a request without a wiki",
        () => put(plainPlan(), L.SECTION_RELEASES, at, L.OUTCOME_PASS, 1),
      ],
      [
        "RLSE has no outcome for a request without a wiki",
        () => put(plainPlan(), L.SECTION_RELEASES, at, L.OUTCOME_REPLY, 1),
      ],
      [
        "RLSE has no outcome for a request without a wiki",
        () => put(plainPlan(), L.SECTION_RELEASES, at + L.OUTCOME_VALUE, 1),
      ],
    ],
  ),
  [
    "RLSE placement 0 has an unknown flag",
    () =>
      put(
        plainPlan(),
        L.SECTION_RELEASES,
        L.RELEASES_BODY + L.RELEASE_ENTRY + L.PLACEMENT_FLAGS,
        L.PLACEMENT_FLAG_NOT_INSTALLED + 1,
        1,
      ),
  ],
  [
    "DEPL deployment 0 has no proper read-only deployment",
    () => put(plainPlan(), L.SECTION_DEPLOYMENTS, L.DEPLOYMENTS_BODY + L.DEPLOYMENT_READ_ONLY, 0),
  ],
  [
    "DEPL deployment 0 has no proper read-only deployment",
    () => put(plainPlan(), L.SECTION_DEPLOYMENTS, L.DEPLOYMENTS_BODY + L.DEPLOYMENT_READ_ONLY, 1),
  ],
  [
    "DEPL deployment 1 has no proper read-only deployment",
    () =>
      put(
        readOnlys,
        L.SECTION_DEPLOYMENTS,
        L.DEPLOYMENTS_BODY + L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_READ_ONLY,
        2,
      ),
  ],
  [
    "DEPL refers to a string that is not there",
    () => put(plainPlan(), L.SECTION_DEPLOYMENTS, L.DEPLOYMENTS_BODY + L.DEPLOYMENT_ENTRY, L.NONE),
  ],
  ["JOBS is not as long as its entries", () => shorter(plainPlan(), L.SECTION_JOBS)],
  [
    "JOBS refers to a string that is not there",
    () => put(plainPlan(), L.SECTION_JOBS, L.JOBS_FIELD, NO_STRING),
  ],
  ["JOBS has an unknown mode for Host", () => put(plainPlan(), L.SECTION_JOBS, L.JOBS_HOST, 3, 1)],
  [
    "JOBS has too large a limit",
    () => put(plainPlan(), L.SECTION_JOBS, L.JOBS_LIMIT, L.MAX_JOB_LIMIT + 1, 4),
  ],
  [
    "JOBS holds too many bytes",
    () => put(plainPlan({ jobs }), L.SECTION_JOBS, L.JOBS_HELD_BYTES, L.MAX_HELD_BYTES + 1, 4),
  ],
  [
    "JOBS holds fewer bytes than one body may have",
    () => put(plainPlan({ jobs }), L.SECTION_JOBS, L.JOBS_HELD_BYTES, jobs.limit - 1, 4),
  ],
  [
    "JOBS holds for too many seconds",
    () => put(plainPlan({ jobs }), L.SECTION_JOBS, L.JOBS_HELD_SECONDS, L.MAX_HELD_SECONDS + 1),
  ],
  ["JOBS holds no job", () => put(plainPlan({ jobs }), L.SECTION_JOBS, L.JOBS_HELD_STREAMS, 0)],
  ["JOBS holds no job", () => put(plainPlan({ jobs }), L.SECTION_JOBS, L.JOBS_HELD_SECONDS, 0)],
  [
    "RULE rule 0 has predicates that are not there",
    () => put(rulesOf(header), L.SECTION_RULES, RULE + L.RULE_FIRST_PREDICATE, 1),
  ],
  ...[0, 6].map((outcome): [string, () => Uint8Array] => [
    "RULE rule 0 has an unknown outcome",
    () => put(rulesOf(header), L.SECTION_RULES, RULE + L.RULE_OUTCOME, outcome, 1),
  ]),
  ...[{ deployment: 1 }, { reply: 0 }].map((outcome): [string, () => Uint8Array] => [
    "RULE rule 0 has an unknown outcome",
    () => bytesOf(routedPlan([plainRule<Route>(outcome)])),
  ]),
  [
    "RULE rule 0 has an unknown outcome",
    () => bytesOf(plainPlan({ listeners: [plainListener({ assets: [plainRule({ release: 1 })] })] })),
  ],
  [
    "RULE rule 0 has an unknown outcome",
    () => bytesOf(plainPlan({ listeners: [plainListener({ reads: [plainRule({ readOnly: 10001 })] })] })),
  ],
  ...[L.RULE_FLAG_NO_WIKI | L.RULE_FLAG_BODY, 8].map((flags): [string, () => Uint8Array] => [
    "RULE rule 0 has flags that make no sense",
    () => put(routedPlan([body], { jobs }), L.SECTION_RULES, RULE + L.RULE_FLAGS, flags, 1),
  ]),
  ...[L.RULE_FLAG_NO_WIKI, L.RULE_FLAG_BODY].map((flags): [string, () => Uint8Array] => [
    "RULE rule 0 has flags that make no sense",
    () => put(rulesOf(), L.SECTION_RULES, RULE + L.RULE_FLAGS, flags, 1),
  ]),
  ["RULE rule 0 reads bodies, and JOBS names no field", () => bytesOf(routedPlan([body]))],
  ...[0, 8].map((subject): [string, () => Uint8Array] => [
    "RULE predicate 0 is unknown to this reader",
    () => put(rulesOf(header), L.SECTION_RULES, PREDICATE + L.PREDICATE_SUBJECT, subject, 1),
  ]),
  ...[0, 10, L.TEST_NOT, 0x40 | L.TEST_EXACT].map((test): [string, () => Uint8Array] => [
    "RULE predicate 0 is unknown to this reader",
    () => put(rulesOf(header), L.SECTION_RULES, PREDICATE + L.PREDICATE_TEST, test, 1),
  ]),
  [
    "RULE predicate 0 has a share of more than all",
    () => put(rulesOf(share), L.SECTION_RULES, PREDICATE + L.PREDICATE_SHARE, L.SHARE_WHOLE + 1),
  ],
  [
    "RULE refers to a string that is not there",
    () => put(rulesOf(share), L.SECTION_RULES, PREDICATE + L.PREDICATE_SALT, L.NONE),
  ],
  [
    "RULE predicate 0 has no proper name",
    () => put(rulesOf(header), L.SECTION_RULES, PREDICATE + L.PREDICATE_NAME, 2),
  ],
  [
    "RULE predicate 0 has no proper name",
    () => put(rulesOf(cookie), L.SECTION_RULES, PREDICATE + L.PREDICATE_NAME, NO_STRING),
  ],
  [
    "RULE predicate 0 has no proper name",
    () => put(rulesOf(address), L.SECTION_RULES, PREDICATE + L.PREDICATE_NAME, 0),
  ],
  ["RULE predicate 0 has no proper name", () => bytesOf(rulesOf({ ...cookie, name: "" }))],
  [
    "RULE predicate 0 is about a cookie, and HDRS has no cookie",
    () => renamed(bytesOf(rulesOf(cookie)), "cookie", "x-other"),
  ],
  [
    "RULE predicate 0 has too few values, or too many",
    () => bytesOf(rulesOf({ ...header, values: [] } as Predicate)),
  ],
  [
    "RULE predicate 0 has too few values, or too many",
    () => bytesOf(rulesOf({ ...option, values: [] } as Predicate)),
  ],
  [
    "RULE predicate 0 has too few values, or too many",
    () => put(rulesOf(address), L.SECTION_RULES, PREDICATE + L.PREDICATE_VALUES, 1),
  ],
  [
    "RULE refers to a string that is not there",
    () => put(rulesOf(header), L.SECTION_RULES, PREDICATE + L.PREDICATE_VALUES, NO_STRING),
  ],
  ["LSTN has no listener", () => bytesOf(plainPlan({ listeners: [] }))],
  ["LSTN is not as long as its entries", () => shorter(plainPlan(), L.SECTION_LISTENERS)],
  ["LSTN has no proper name of the share's cookie", () => bytesOf(plainPlan({ shareCookie: "" }))],
  [
    "LSTN has no proper name of the share's cookie",
    () => put(plainPlan(), L.SECTION_LISTENERS, L.LISTENERS_SHARE_COOKIE, NO_STRING),
  ],
  [
    "LSTN cuts shares by a cookie, and HDRS has no cookie",
    () => renamed(bytesOf(plainPlan({ shareCookie: "id" })), "cookie", "x-other"),
  ],
  [
    "LSTN listener 0 has no name of its own",
    () => bytesOf(plainPlan({ listeners: [plainListener({ name: "" })] })),
  ],
  [
    "LSTN listener 1 has no name of its own",
    () => put(listeners, L.SECTION_LISTENERS, LISTENER + L.LISTENER_ENTRY + L.LISTENER_NAME, L.NONE),
  ],
  [
    "LSTN listener 1 has no name of its own",
    () => bytesOf({ ...listeners, listeners: [listeners.listeners[0]!, listeners.listeners[0]!] }),
  ],
  ["LSTN listener 1 has no name of its own", () => renamed(bytesOf(listeners), "two", "one")],
  [
    "LSTN listener 0 has an unknown flag",
    () => put(plainPlan(), L.SECTION_LISTENERS, LISTENER + L.LISTENER_FLAGS, 2, 1),
  ],
  [
    "LSTN listener 0 is an edge and trusts hops",
    () => put(plainPlan(), L.SECTION_LISTENERS, LISTENER + L.LISTENER_TRUSTED_HOPS, 1, 1),
  ],
  [
    "LSTN refers to a string that is not there",
    () => put(plainPlan(), L.SECTION_LISTENERS, LISTENER + L.LISTENER_DATACENTRE, NO_STRING),
  ],
  [
    "LSTN listener 0 has no such deployment",
    () => bytesOf(plainPlan({ listeners: [plainListener({ deployment: 1 })] })),
  ],
  ...[L.LISTENER_ROUTES, L.LISTENER_ASSETS, L.LISTENER_READS].flatMap(
    (range): [string, () => Uint8Array][] => [
      [
        "LSTN listener 0 has rules that are not there",
        () => put(lists, L.SECTION_LISTENERS, LISTENER + range, 3),
      ],
      [
        "LSTN listener 0 has rules of a kind that is not allowed there",
        () => put(lists, L.SECTION_LISTENERS, LISTENER + range, range === L.LISTENER_ASSETS ? 2 : 1),
      ],
      [
        "LSTN listener 0 has rules that are not there",
        () => put(lists, L.SECTION_LISTENERS, LISTENER + range + L.RANGE_COUNT, 4),
      ],
    ],
  ),
  [
    "EMIT header 0 is not in HDRS, or occurs twice",
    () => put(plainPlan(), L.SECTION_EMIT, L.EMIT_BODY + L.EMIT_HEADER, 1, 1),
  ],
  [
    "EMIT header 1 is not in HDRS, or occurs twice",
    () =>
      withSection(bytesOf(plainPlan()), L.SECTION_EMIT, () =>
        emitBytes([
          { kind: "cluster", header: 0 },
          { kind: "wiki", header: 0 },
        ]),
      ),
  ],
  ...["connection", "host", "transfer-encoding", "upgrade"].map((name): [string, () => Uint8Array] => [
    "EMIT header 0 has no proper name",
    () => renamed(bytesOf(plainPlan()), "x-cluster", name),
  ]),
  ["CANO is cut short", () => withSection(bytesOf(plainPlan()), L.SECTION_CANONICAL, (s) => s.slice(1))],
  ["CANO is not as long as its entries", () => shorter(canonical, L.SECTION_CANONICAL)],
  [
    "CANO is not as long as its entries",
    () => put(canonical, L.SECTION_CANONICAL, L.CANONICAL_EXCEPTIONS, 0x20000002, 4),
  ],
  [
    "CANO rule 0 has an unknown flag",
    () => put(canonical, L.SECTION_CANONICAL, L.CANONICAL_BODY + L.CANONICAL_FLAGS, 2, 1),
  ],
  [
    "CANO refers to a string that is not there",
    () => put(canonical, L.SECTION_CANONICAL, L.CANONICAL_BODY + L.CANONICAL_TAIL, L.NONE),
  ],
  [
    "CANO exception 1 is out of order",
    () => put(canonical, L.SECTION_CANONICAL, EXCEPTION + L.EXCEPTION_ENTRY, slotsOf(canonical)[0]!, 4),
  ],
  [
    "CANO exception 0 is out of bounds",
    () => put(canonical, L.SECTION_CANONICAL, EXCEPTION + L.EXCEPTION_VALUE, NO_STRING, 4),
  ],
  [
    "CANO exception 1 is out of bounds",
    () => put(canonical, L.SECTION_CANONICAL, EXCEPTION + L.EXCEPTION_ENTRY, 99, 4),
  ],
];

const slotsOf = (plan: Plan) => {
  const table = new Table(bytesOf(plan));
  return Array.from({ length: table.exceptionCount }, (_, i) => table.exception(i).slot);
};

/** The table with another text in the place of a string. */
function renamed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const table = new Table(bytes);
  const strings = stringsOf(table);
  return withSection(bytes, L.SECTION_STRINGS, () =>
    encodeStrings(strings.map((text) => (text === from ? to : text))),
  );
}

/** HDRS has the same name twice. */
function twice(): Uint8Array {
  const table = new Table(bytesOf(plainPlan()));
  const strings = stringsOf(table);
  const number = strings.indexOf("x-cluster");
  return withSection(bytesOf(plainPlan()), L.SECTION_HEADERS, () => headerBytes([number, number]));
}

function withGroups(...groups: { length: number; count: number }[]): Uint8Array {
  return withSection(bytesOf(plainPlan()), L.SECTION_STEMS, () => {
    const section = new DataView(new ArrayBuffer(L.STEMS_GROUPS + 4 * groups.length));
    section.setUint32(0, groups.length, true);
    for (const [i, { length, count }] of groups.entries()) {
      const group = ((count << L.STEMS_COUNT_SHIFT) | length) >>> 0;
      section.setUint32(L.STEMS_GROUPS + 4 * i, group, true);
    }
    return new Uint8Array(section.buffer);
  });
}

describe("a table is refused", () => {
  it.each(FLAWS.map(([says, bytes], i) => ({ says, bytes, i })))(
    "$i: section $says",
    async ({ says, bytes }) => {
      expect(await verdictOn(bytes())).toBe(`section ${says}`);
    },
  );

  it("without one of the sections, by its name", async () => {
    const good = bytesOf(plainPlan());
    const { sections } = new Table(good);
    expect(sections).toHaveLength(16);
    for (const { name } of sections) {
      const without = rebuilt(good, (all) => all.filter((section) => section.name !== name));
      expect(await verdictOn(without)).toMatch(/^section [A-Z]{4} is missing$/);
    }
  });

  it("for no value that one of these fields may have", async () => {
    const plans = [
      plainPlan({ rewrites: [path, path, suffix] }),
      plainPlan({ rewrites: [{ kind: "path", from: ".a", under: "/x" }] }),
      plainPlan({
        replies: [
          { status: 400, body: "" },
          { status: 599, body: "x" },
        ],
      }),
      plainPlan({
        replies: [{ status: 404, body: "" }],
        wikiless: { unknownHost: { reply: 0 }, missing: { release: 0 }, notInstalled: { reply: 0 } },
      }),
      routedPlan([body, { ...body, wiki: "none", debug: true }], { jobs: { ...jobs, host: "always" } }),
      rulesOf(header, cookie, option, address),
      readOnlys,
      lists,
      listeners,
      canonical,
    ];
    for (const plan of plans) expect(await verdictOn(bytesOf(plan))).toBe(null);
  });
});
