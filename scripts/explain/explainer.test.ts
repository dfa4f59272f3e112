/** Answers of the filter, and the reasons given for them. */
import { describe, expect, it } from "vitest";
import { ats102 } from "../../host-sim/index.ts";
import { compileFarm } from "../../test/support/farm-text.ts";
import { bytesOf, plainPlan, plainRule, routedPlan } from "../../test/support/plans.ts";
import { decode } from "../encode/decode.ts";
import { filter } from "../filter.ts";
import { EMIT_KIND_NAMES, type Predicate, type Route } from "../plan.ts";
import { Table } from "../table/table.ts";
import { withAllHeaders } from "./all-headers.ts";
import { Disagreement, Explainer, type ExplainerOptions } from "./explainer.ts";
import { type Question, questionOfLine, questionOfUrl } from "./question.ts";
import { whereOf } from "./where.ts";

/** A farm in which every situation occurs; a key a line from line 1 on. */
const FARM = {
  wikiversions: "{ awiki: v1, bwiki: v2, cwiki: v2, constructor: v2, lonely: v1, pinned: v2 }",
  releases: "{ one: { version: v1 }, two: { version: v2 }, three: { version: v2 } }",
  "default-release": "two",
  deployments:
    "{ default: web, rules: [{ path: { under: /w/api.php }, deployment: api }, { path: /some, not: { client: 10.0.0.0/9 }, share: 0.1, share-by: { cookie: who }, deployment: some }] }",
  groups: "{ one: { dblist: one }, two: { wikis: [bwiki, constructor, pinned] } }",
  dblists: "lists",
  "in-no-group": "warn",
  pins: "[{ wiki: pinned, release: three, reason: 'T1, a test', expires: 2026-12-31 }]",
  rewrite: '{ "{a}.beta.example": "{a}.example" }',
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
const SOME = "path /some and not client's address in 10.0.0.0/9 and 10 % by cookie who";
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
    "a request outside a share",
    "a.example/some",
    `not in the share of: ${SOME} (farm.yaml:5); the host matches {label}.example → {label}wiki (farm.yaml:17): wiki awiki; in one (dblist one): release one, which runs its version v1; ${WEB}`,
    `not in the share of: ${SOME}; the host matches {label}.example → {label}wiki: wiki awiki; in one: release one, which runs its version v1; ${WEB}`,
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
    "a path that servers read in two ways",
    "up.example/wikipedia/b/x/..%2F..%2Fa",
    "the host is a fixed one (farm.yaml:14), read from path /{1}/{2} as {2}{1} with {1} wikipedia as wiki (farm.yaml:14), which can be read as another wiki's, or as none's, by other rules for `%XX`, `//` and dots: answered with 400",
    "the host is a fixed one, read from path /{1}/{2} as {2}{1} with {1} wikipedia as wiki, which can be read as another wiki's, or as none's, by other rules for `%XX`, `//` and dots: answered with 400",
  ],
  [
    "a path form that the path does not fit",
    "auth.example/bwiki",
    `the host is a fixed one (farm.yaml:15), read from target /{1}/ as {1} (farm.yaml:15): no wiki; the default release two; ${WEB}`,
    `the host is a fixed one, read from target /{1}/ as {1}: no wiki; the default release two; ${WEB}`,
  ],
  [
    "a host that is rewritten",
    "fixed.beta.example/",
    `the host is rewritten to fixed.example (farm.yaml:10); the host is a fixed one (farm.yaml:12): wiki bwiki; in two (farm.yaml:6): release two, which runs its version v2; ${WEB}`,
    `the host is rewritten to fixed.example; the host is a fixed one: wiki bwiki; in two: release two, which runs its version v2; ${WEB}`,
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
    `the host is a fixed one (farm.yaml:15), read from target /{1}/ as {1} (farm.yaml:15): wiki lonely; in no group: release one, which runs its version v1; ${WEB}`,
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
      host: null,
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

/** Listeners, jobs, debugging, assets, reads, and replies to requests without a wiki. */
const LARGER = {
  wikiversions: "{ awiki: v1, bwiki: v2 }",
  rewrite: '{ "gate.example/{host}/v1": "{host}/v1" }',
  hosts: `
  - { host: "{label}.example", wiki: "{label}wiki" }`,
  "canonical-hosts": '[{ host: "{label}.example", wiki: "{label}wiki" }]',
  "pass-through": "[localhost]",
  deployments: "{ default: web, rules: [{ path: { under: /v1 }, deployment: api }] }",
  jobs: "{ field: db, host: if-unknown, rules: [{ method: POST, path: /job, deployment: job }] }",
  debug: "{ header: x-debug, option: backend, backends: { dbg: { any-version: true } } }",
  assets: "[{ path: { prefix: /static/ }, release: newest }]",
  "without-wiki": "{ missing: { status: 404, body: no such wiki }, unknown-host: { release: two } }",
  reads: "{ suffix: -ro, deployments: [web], rules: [{ method: POST, primary: true }, { share: 1 }] }",
  listeners: `
  edge: { trust: edge, jobs: true, debug: true, reads: true, datacentre: here }
  mesh: { trust: internal, deployment: api }`,
};

describe("an explanation", () => {
  const ask = async (question: Partial<Question> & { url: string }, options: ExplainerOptions = {}) => {
    const { plan, names } = compileFarm(LARGER);
    const asked = await Explainer.create(bytesOf(plan, JSON.stringify(names)), filter, options);
    const { url, ...rest } = question;
    return asked.explain({ ...questionOfUrl(url), ...rest });
  };
  const job = (body: string) => ({ url: "old.example/job", method: "POST", body });

  it("of a job says what the body names, and what Host becomes", async () => {
    const answer = await ask(job('{"db":"bwiki"}'));
    expect(answer).toMatchObject({ wiki: "bwiki", cluster: "job-two", host: "b.example" });
    expect(answer.why).toMatch(/^the body names the wiki bwiki; .*; Host becomes b\.example$/);
    expect((await ask(job('{"db":"zwiki"}'))).why).toMatch(
      /^the body names zwiki, which is no wiki of the table; /,
    );
    expect((await ask(job("x"))).why).toMatch(/^the body names no wiki; the default release one; /);
    const conflict = await ask(job('{"db":"awiki","db":"bwiki"}'));
    expect(conflict).toMatchObject({ status: 400, cluster: null, headers: {} });
    expect(conflict.why).toBe("the body names two different wikis: answered with 400");
  });

  it("on a host that has no body yet is by Host", async () => {
    const answer = await ask({ ...job('{"db":"bwiki"}'), url: "a.example/job" }, { profile: ats102 });
    expect(answer).toMatchObject({ wiki: "awiki", cluster: "job-one", host: null });
  });

  it("in ATS is of what the filter learns there, or of what ATS answers by itself", async () => {
    const inAts = (question: Parameters<typeof ask>[0]) => ask(question, { profile: ats102 });
    expect(await inAts({ url: "a.example//w/x" })).toMatchObject({ wiki: "awiki", status: null });
    expect(await inAts({ url: "a.example:x/" })).toMatchObject({
      status: 400,
      why: "ats-10.2 answers by itself: a bad port in Host",
    });
    const chunked = { url: "a.example/", headers: { "Transfer-Encoding": ["chunked"] } };
    expect(await inAts(chunked)).toMatchObject({ status: 411, cluster: null });
    expect(await ask(chunked)).toMatchObject({ status: null, wiki: "awiki" });
    for (const values of [["backend=dbg, x"], ["backend=dbg, x", "y"], ['"backend=dbg", x', "y"]])
      expect(await inAts({ url: "a.example/", headers: { "X-Debug": values } })).toMatchObject({
        status: 400,
      });
  });

  it("of debugging names the backend, and of an unknown one the reply", async () => {
    const known = await ask({ url: "a.example/", headers: { "X-Debug": ["backend=dbg"] } });
    expect(known).toMatchObject({ cluster: "dbg", status: null });
    expect(known.why).toMatch(/deployment dbg: header x-debug with backend=dbg \(farm\.yaml:\d+\)$/);
    const unknown = await ask({ url: "a.example/", headers: { "X-Debug": ["backend=x"] } });
    expect(unknown).toMatchObject({ status: 400, cluster: null });
    expect(unknown.why).toMatch(/^answered with 400: header x-debug present \(farm\.yaml:\d+\)$/);
  });

  it("knows assets, gateways, and requests without a wiki", async () => {
    expect(await ask({ url: "a.example/static/x" })).toMatchObject({ wiki: "awiki", cluster: "web-two" });
    expect((await ask({ url: "a.example/static/x" })).why).toMatch(
      /; release two for path beginning with \/static\//,
    );
    const gate = await ask({ url: "gate.example/a.example/v1/x" });
    expect(gate).toMatchObject({ wiki: "awiki", cluster: "api-one" });
    expect(gate.why).toMatch(/^the path's first segment is the host \(farm\.yaml:\d+\); /);
    const missing = await ask({ url: "z.example/" });
    expect(missing).toMatchObject({ status: 404, wiki: null });
    expect(missing.why).toMatch(/zwiki is no wiki of the table; a missing wiki is answered with 404$/);
    const invalid = await ask({ url: "z.elsewhere/" });
    expect(invalid).toMatchObject({ cluster: "web-two" });
    expect(invalid.why).toMatch(/^no rule knows the host: no wiki; release two, as the farm says; /);
  });

  it("is that of the listener and the data centre", async () => {
    expect((await ask({ url: "a.example/" }, { listener: "mesh" })).cluster).toBe("api-one");
    expect((await ask({ url: "a.example/" }, { secondary: true })).cluster).toBe("web-ro-one");
    const post = await ask({ url: "a.example/", method: "POST" }, { secondary: true });
    expect(post.cluster).toBe("web-one");
    expect(post.why).toMatch(/; read in the primary data centre: method POST \(farm\.yaml:\d+\); /);
    await expect(ask({ url: "a.example/" }, { listener: "nowhere" })).rejects.toThrow(
      'the table has no listener "nowhere"',
    );
    const table = new Table(bytesOf(compileFarm(LARGER).plan));
    expect(whereOf(table, {})).toEqual({ listener: "edge", secondary: false });
    expect(whereOf(table, { primary: "there" })).toEqual({ listener: "edge", secondary: true });
    expect(whereOf(table, { datacentre: "there", primary: "there" }).secondary).toBe(false);
    expect(whereOf(table, { listener: "mesh", primary: "there" }).secondary).toBe(false);
    expect(() => whereOf(table, { listener: "x" })).toThrow('no listener "x"; there are edge, mesh');
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
    expect(all.emit).toEqual(EMIT_KIND_NAMES.map((kind) => ({ kind, name: headers[kind] })));
    expect(all.generation).toBe(table.generation);
    expect(decode(all)).toEqual({ ...decode(table), emit: all.emit });
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

it("agrees with the decoder where the question does not say who asks, however a share is cut", async () => {
  for (let n = 0; n < 16; n++) {
    const share: Predicate = { subject: "client", test: "share", not: false, salt: `${n}`, share: 5000 };
    const asked = await Explainer.create(bytesOf(routedPlan([plainRule<Route>("pass", share)])), filter);
    expect(() => asked.explain(questionOfUrl("https://other.example/"))).not.toThrow();
  }
});
