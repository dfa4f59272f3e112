import { describe, expect, it } from "vitest";
import * as L from "../../assembly/layout.ts";
import { compileFarm } from "../farm/test-farm.ts";
import { filter } from "../filter.ts";
import { Table } from "../table/decode.ts";
import { EMIT_KIND_NAMES } from "../table/plan.ts";
import { bytesOf, plainPlan } from "../table/test-plans.ts";
import { withAllHeaders } from "./all-headers.ts";
import { Disagreement, Explainer } from "./explainer.ts";
import { questionOfLine, questionOfUrl } from "./question.ts";

/** A farm in which every situation occurs; a key a line from line 1 on. */
const FARM = {
  wikiversions: "{ awiki: v1, bwiki: v2, cwiki: v2, constructor: v2, lonely: v1, pinned: v2 }",
  releases: "{ one: { version: v1 }, two: { version: v2 }, three: { version: v2 } }",
  "default-release": "two",
  deployments: "{ default: web, rules: [{ path: { under: /w/api.php }, deployment: api }] }",
  groups: "{ one: { dblist: one }, two: { wikis: [bwiki, constructor, pinned] } }",
  dblists: "lists",
  "in-no-group": "warn",
  pins: "[{ wiki: pinned, release: three, reason: 'T1, a test', expires: 2026-12-31 }]",
  "read-as": '{ "{a}.beta.example": "{a}.example" }',
  hosts: `
  - { host: fixed.example, wiki: bwiki }
  - { host: gone.example, wiki: gone }
  - { host: up.example, path: "/{site}/{lang}", wiki: "{lang}{site}", replace: { site: { wikipedia: wiki } } }
  - { host: auth.example, target: "/{wiki}/", wiki: "{wiki}" }
  - { host: "*.under.example", wiki: awiki }
  - { host: "{label}.example", wiki: "{label}wiki" }
  - { host: "{label}.{family}.org", wiki: "{label}{family}" }`,
  "pass-through": "[localhost]",
  headers: "{ wiki: x-wiki }",
};
const LISTS = { "lists/one.dblist": "awiki\ncwiki\n" };

async function explainer(strip = false): Promise<Explainer> {
  const { plan, names } = compileFarm(FARM, LISTS);
  return Explainer.create(bytesOf(plan, strip ? null : JSON.stringify(names)), filter);
}

const WEB = "deployment web: no rule matches, the default";
const SITUATIONS: [situation: string, url: string, why: string, stripped: string][] = [
  [
    "a fixed host",
    "fixed.example/",
    `the host is a fixed one (farm.yaml:12): wiki bwiki; in two (farm.yaml:6): release two, which runs its version v2; ${WEB}`,
    `the host is a fixed one: wiki bwiki; in two: release two, which runs its version v2; ${WEB}`,
  ],
  [
    "a host with a label",
    "a.example/w/api.php?x",
    "the host matches {label}.example → {label}wiki (farm.yaml:17): wiki awiki; in one (dblist one): release one, which runs its version v1; deployment api: path at or under /w/api.php (farm.yaml:5)",
    "the host matches {label}.example → {label}wiki: wiki awiki; in one: release one, which runs its version v1; deployment api: path at or under /w/api.php",
  ],
  [
    "a host with a family",
    "b.wiki.org/",
    `the host matches {label}.{family}.org → {label}{family} (farm.yaml:18): wiki bwiki; in two (farm.yaml:6): release two, which runs its version v2; ${WEB}`,
    `the host matches {label}.{family}.org → {label}{family}: wiki bwiki; in two: release two, which runs its version v2; ${WEB}`,
  ],
  [
    "a host with a suffix",
    "x.under.example/",
    `the host matches *.under.example → awiki (farm.yaml:16): wiki awiki; in one (dblist one): release one, which runs its version v1; ${WEB}`,
    `the host matches *.under.example → awiki: wiki awiki; in one: release one, which runs its version v1; ${WEB}`,
  ],
  [
    "a path form",
    "up.example/wikipedia/b/x",
    `the host is a fixed one (farm.yaml:14), read from path /{1}/{2} as {2}{1} with {1} wikipedia as wiki (farm.yaml:14): wiki bwiki; in two (farm.yaml:6): release two, which runs its version v2; ${WEB}`,
    `the host is a fixed one, read from path /{1}/{2} as {2}{1} with {1} wikipedia as wiki: wiki bwiki; in two: release two, which runs its version v2; ${WEB}`,
  ],
  [
    "a path form that the path does not fit",
    "auth.example/bwiki",
    `the host is a fixed one (farm.yaml:15), read from target /{1}/ as {1} (farm.yaml:15): no wiki; the default release two; ${WEB}`,
    `the host is a fixed one, read from target /{1}/ as {1}: no wiki; the default release two; ${WEB}`,
  ],
  [
    "a host that is read as another",
    "fixed.beta.example/",
    `the host is read as fixed.example (farm.yaml:10); the host is a fixed one (farm.yaml:12): wiki bwiki; in two (farm.yaml:6): release two, which runs its version v2; ${WEB}`,
    `the host is read as fixed.example; the host is a fixed one: wiki bwiki; in two: release two, which runs its version v2; ${WEB}`,
  ],
  [
    "a pin",
    "auth.example/pinned/",
    `the host is a fixed one (farm.yaml:15), read from target /{1}/ as {1} (farm.yaml:15): wiki pinned; pinned to release three until 2026-12-31: T1, a test; ${WEB}`,
    `the host is a fixed one, read from target /{1}/ as {1}: wiki pinned; in two: release three, which runs its version v2; ${WEB}`,
  ],
  [
    "a wiki that is not on its group's release",
    "c.example/",
    `the host matches {label}.example → {label}wiki (farm.yaml:17): wiki cwiki; in one (dblist one), but release one does not run its version v2: release two does; ${WEB}`,
    `the host matches {label}.example → {label}wiki: wiki cwiki; in one: release two, which runs its version v2; ${WEB}`,
  ],
  [
    "a wiki in no group",
    "auth.example/lonely/",
    `the host is a fixed one (farm.yaml:15), read from target /{1}/ as {1} (farm.yaml:15): wiki lonely; in no group, but release two does not run its version v1: release one does; ${WEB}`,
    `the host is a fixed one, read from target /{1}/ as {1}: wiki lonely; in no group: release one, which runs its version v1; ${WEB}`,
  ],
  [
    "a wiki with the name of something else",
    "auth.example/constructor/",
    `the host is a fixed one (farm.yaml:15), read from target /{1}/ as {1} (farm.yaml:15): wiki constructor; in two (farm.yaml:6): release two, which runs its version v2; ${WEB}`,
    `the host is a fixed one, read from target /{1}/ as {1}: wiki constructor; in two: release two, which runs its version v2; ${WEB}`,
  ],
  [
    "a missing wiki",
    "z.example/",
    `the host matches {label}.example → {label}wiki (farm.yaml:17): zwiki is no wiki of the table; the default release two; ${WEB}`,
    `the host matches {label}.example → {label}wiki: zwiki is no wiki of the table; the default release two; ${WEB}`,
  ],
  [
    "a fixed host whose wiki is missing",
    "gone.example/",
    `the host is a fixed one (farm.yaml:13): no wiki; the default release two; ${WEB}`,
    `the host is a fixed one: no wiki; the default release two; ${WEB}`,
  ],
  [
    "an unknown host",
    "a.other/",
    `no rule knows the host: no wiki; the default release two; ${WEB}`,
    `no rule knows the host: no wiki; the default release two; ${WEB}`,
  ],
  [
    "a host that passes through",
    "localhost:80/",
    "not ours, passes through: host localhost (farm.yaml:19)",
    "not ours, passes through: host localhost",
  ],
  [
    "an address",
    "10.0.0.1/",
    "not ours, passes through: no host name, or an IP address",
    "not ours, passes through: no host name, or an IP address",
  ],
];

describe("why", () => {
  for (const [situation, url, why, stripped] of SITUATIONS) {
    it(`says it of ${situation}, with places and lists, and without in a stripped table`, async () => {
      const question = questionOfUrl(url);
      expect((await explainer()).explain(question).why).toBe(why);
      expect((await explainer(true)).explain(question).why).toBe(stripped);
    });
  }
});

describe("an answer", () => {
  it("is what the filter did, with the farm's own headers alone", async () => {
    expect((await explainer()).explain(questionOfUrl("a.example/w/api.php"))).toMatchObject({
      wiki: "awiki",
      group: "one",
      release: "one",
      version: "v1",
      deployment: "api",
      cluster: "api-one",
      status: null,
      headers: { "x-mw-cluster": "api-one", "x-wiki": "awiki" },
    });
  });

  it("to an unknown host is the default's, without a wiki", async () => {
    const answer = (await explainer()).explain(questionOfUrl("a.other"));
    expect(answer).toMatchObject({
      wiki: null,
      group: null,
      release: "two",
      version: "v2",
      deployment: "web",
      cluster: "web-two",
    });
    expect(answer.headers).toEqual({ "x-mw-cluster": "web-two" });
  });

  it("to what passes through is null throughout", async () => {
    const { why: _, ...answer } = (await explainer()).explain(questionOfUrl("localhost"));
    expect(answer).toEqual({
      wiki: null,
      group: null,
      release: null,
      version: null,
      deployment: null,
      cluster: null,
      status: null,
      headers: {},
    });
  });

  it.each(["a.example", "a.other", "localhost"])(
    "has nothing of what a client sends: %s",
    async (authority) => {
      const headers = {
        "X-MW-Cluster": ["api-three", "x"],
        "x-wiki": "evil",
        "x-pointsman-explain-group": "evil",
      };
      const line = JSON.stringify({ authority, path: "/", headers });
      const asked = await explainer();
      expect(asked.explain(questionOfLine(line))).toEqual(asked.explain(questionOfUrl(authority)));
    },
  );

  it("copes with authorities and paths of any length and alphabet", async () => {
    const asked = await explainer();
    for (const authority of [
      "",
      "é".repeat(300),
      `${"a".repeat(300)}.example`,
      "a\u2028.example",
      "\ud800",
    ]) {
      for (const path of ["", "x", `/${"y".repeat(50_000)}`, "/\u0000\n", "/é?é"]) {
        expect(asked.explain({ ...questionOfUrl("x"), authority, path }).wiki).toBe(null);
      }
    }
  });
});

describe("a table with all headers", () => {
  const plan = plainPlan({ emit: [{ kind: "cluster", name: "x-own" }] });

  it("routes the same, keeps the farm's names, and adds the others", () => {
    const table = new Table(bytesOf(plan, "{}"));
    const { bytes, headers } = withAllHeaders(table);
    const all = new Table(bytes);
    expect(headers.cluster).toBe("x-own");
    expect(headers.wiki).toBe("x-pointsman-explain-wiki");
    expect(Array.from({ length: all.emitCount }, (_, i) => all.emit(i))).toEqual(
      EMIT_KIND_NAMES.map((kind, number) => ({ kind: number, name: headers[kind] })),
    );
    expect(all.generation).toBe(table.generation);
    for (const { name } of table.sections) {
      if (name === L.SECTION_STRINGS || name === L.SECTION_EMIT) continue;
      expect(all.section(name)).toEqual(table.section(name));
    }
  });
});

describe("a disagreement of filter and decoder", () => {
  it("is an error that names the request and both answers", async () => {
    const asked = await explainer();
    // A decoder of another table stands in for one that decodes wrongly.
    const other = compileFarm({ ...FARM, pins: "[]" }, LISTS);
    Object.assign(asked, { table: new Table(bytesOf(other.plan)) });
    expect(asked.explain(questionOfUrl("a.example")).wiki).toBe("awiki");
    const ask = () => asked.explain(questionOfUrl("auth.example/pinned/"));
    expect(ask).toThrow(Disagreement);
    expect(ask).toThrow(
      /^\{"authority":"auth\.example".*\}: the filter says cluster web-three, the decoder says web-two$/,
    );
  });
});
