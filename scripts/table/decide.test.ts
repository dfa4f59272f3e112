/** Decisions of the reader in TypeScript. */
import { describe, expect, it } from "vitest";
import { CONFLICT_TEXT } from "../../assembly/layout.ts";
import { bytesOf, HELD, plainListener, plainPlan, plainRule } from "../../test/support/plans.ts";
import type { Listener, Plan, Predicate, Route, Rule } from "../plan.ts";
import { decide, UnknownListener } from "./decide.ts";
import type { Request, Where } from "./request.ts";
import { Table } from "./table.ts";

const under = (path: string): Predicate => ({ subject: "path", test: "under", not: false, values: [path] });
const debugging = { subject: "header", test: "present", not: false, name: "x-debug" } as const;
const routes: Rule<Route>[] = [
  { ...plainRule<Route>({ deployment: 2 }, under("/rpc")), wiki: "body" },
  { ...plainRule<Route>({ deployment: 0 }, under("/none")), wiki: "none" },
  plainRule<Route>({ reply: 1 }, under("/no")),
  plainRule<Route>("pass", under("/pass")),
  { ...plainRule<Route>({ deployment: 0 }, debugging), debug: true },
];

/** A farm of everything: `web` has a read-only one, `awiki` runs the new release, `cwiki` is not installed. */
function farm(parts: Partial<Plan> = {}, listener: Partial<Listener> = {}): Table {
  const plan = plainPlan({
    wikis: [
      { id: "awiki", release: 1, group: "g", installed: true },
      { id: "b_wiki", release: 0, group: null, installed: true },
      { id: "cwiki", release: 1, group: "g", installed: false },
    ],
    hosts: [
      { host: "none.example", destination: null },
      { host: "paths.example", destination: { path: 0 } },
      { host: "special.example", destination: { wiki: 0 } },
    ],
    rewrites: [
      { kind: "path", from: "rest.example", under: "/v1" },
      { kind: "path", from: ".any.example", under: "" },
      { kind: "suffix", prefix: "", labels: 1, from: ".test", to: ".wiki.example" },
    ],
    patterns: [{ kind: "join", prefix: "", suffix: ".wiki.example", tail: "wiki", dashes: true, path: null }],
    paths: [
      {
        target: false,
        segments: [null],
        closed: false,
        parts: [0],
        dashes: false,
        lower: false,
        replacements: [],
      },
    ],
    listeners: [
      plainListener({
        name: "edge",
        routes,
        assets: [plainRule({ release: 0 }, under("/static"))],
        reads: [
          plainRule({ readOnly: 0 }, under("/far")),
          plainRule({ readOnly: 5000 }, under("/half")),
          plainRule({ readOnly: 10000 }, under("/read-only")),
        ],
        ...listener,
      }),
      plainListener({ name: "jobs", deployment: 2, trust: "internal" }),
    ],
    shareCookie: "who",
    replies: [
      { status: 404, body: "no such wiki" },
      { status: 400, body: "no" },
    ],
    deployments: [
      { name: "web", readOnly: 1 },
      { name: "web-ro", readOnly: null },
      { name: "jobs", readOnly: null },
    ],
    releases: [
      { name: "old", version: "1" },
      { name: "new", version: "2" },
    ],
    wikiless: { unknownHost: { release: 0 }, missing: { reply: 0 }, notInstalled: { release: 1 } },
    clusters: ["web", "web-ro", "jobs"].map((name) => [`${name}-old`, `${name}-new`]),
    jobs: { field: "database", limit: 1000, host: "if-unknown", ...HELD },
    canonical: {
      rules: [{ tail: "wiki", suffix: ".wiki.example", dashes: true }],
      exceptions: [{ wiki: "awiki", host: "special.example" }],
    },
    ...parts,
  });
  return new Table(bytesOf(plan));
}

const table = farm();
const ask = (request: Partial<Request>, where: Partial<Where> = {}, of = table) =>
  decide(
    of,
    { authority: "a.wiki.example", target: "/", ...request },
    { listener: null, secondary: false, ...where },
  );
const answer = (...args: Parameters<typeof ask>) => ask(...args).answer;
/** The cluster, or what the proxy answers itself. */
const cluster = (...args: Parameters<typeof ask>) => {
  const told = answer(...args);
  return told.kind === "pass" ? "passes" : told.kind === "reply" ? told.status : told.cluster;
};

describe("a decision", () => {
  it("has the wiki's release, its group and its version", () => {
    expect(answer({})).toEqual({
      kind: "route",
      wiki: "awiki",
      group: "g",
      release: "new",
      version: "2",
      deployment: "web",
      cluster: "web-new",
      host: null,
      debug: false,
    });
  });

  it("is that of the listener, which must be one of the table's unless it has no name", () => {
    expect(cluster({}, { listener: "edge" })).toBe("web-new");
    expect(cluster({ target: "/pass" }, { listener: "jobs" })).toBe("jobs-new");
    expect(() => answer({}, { listener: "other" })).toThrow(UnknownListener);
    expect(() => answer({}, { listener: "other" })).toThrow('the table has no listener "other"');
    const nameless = new Table(bytesOf(plainPlan()));
    expect(cluster({}, { listener: "other" }, nameless)).toBe("web-one");
    expect(ask({}, { listener: "other" }, nameless).trail.listener).toBe(null);
  });

  it("is the first rule's that matches: another deployment, a reply, none at all", () => {
    expect(cluster({ target: "/pass" })).toBe("passes");
    expect(answer({ target: "/no/x" })).toEqual({ kind: "reply", status: 400, body: "no" });
    expect(ask({ target: "/no/x" }).trail).toMatchObject({
      rule: 2,
      listener: "edge",
      pathForRules: "/no/x",
    });
    expect(answer({ headers: [["X-Debug", ""]] })).toMatchObject({ cluster: "web-new", debug: true });
  });

  it("is no wiki's where a rule says so", () => {
    const { answer, trail } = ask({ target: "/none" });
    expect(answer).toMatchObject({ wiki: null, group: null, cluster: "web-old" });
    expect(trail).toMatchObject({ wikiFrom: "none", key: null, wrong: null, source: { kind: "nothing" } });
  });

  it.each<[string, string, string, number | string]>([
    ["unknown.example", "/", "unknownHost", "web-old"],
    ["", "/", "unknownHost", "web-old"],
    ["paths.example", "x", "unknownHost", "web-old"],
    ["paths.example", "/dwiki", "missing", 404],
    ["x.wiki.example", "/", "missing", 404],
    ["none.example", "/", "missing", 404],
    ["c.wiki.example", "/", "notInstalled", "web-new"],
  ])("of %s%s (%s) is what the farm says: %s", (authority, target, wrong, expected) => {
    expect(cluster({ authority, target })).toBe(expected);
    expect(ask({ authority, target }).trail.wrong).toBe(wrong);
    if (expected !== 404) expect(answer({ authority, target })).toMatchObject({ wiki: null, group: null });
  });

  it("of a file of a named release is that release's, whatever the wiki, and no reply stands in its way", () => {
    const target = "/static/x.css";
    expect(answer({ target })).toMatchObject({ wiki: "awiki", group: "g", release: "old", version: "1" });
    expect(answer({ target, authority: "x.wiki.example" })).toMatchObject({ wiki: null, cluster: "web-old" });
    expect(answer({ target, authority: "c.wiki.example" })).toMatchObject({ wiki: null, cluster: "web-old" });
    expect(ask({ target }).trail.asset).toBe(routes.length);
  });
});

describe("a rewrite", () => {
  it("takes the host from the path, where what follows is meant, and then another suffix", () => {
    const rest = (target: string) => ask({ authority: "rest.example:80", target }).trail;
    expect(rest("/A.Wiki.Example:1/v1/x?y")).toMatchObject({
      host: "a.wiki.example",
      pathRewrite: 0,
      suffixRewrite: null,
      pathForRules: "/v1/x",
    });
    expect(rest("/a.test/v1")).toMatchObject({ host: "a.wiki.example", pathRewrite: 0, suffixRewrite: 2 });
    expect(rest("/10.0.0.1/v1").address).toBe(true);
    for (const target of ["/a.test/v1x", "/a.test/v2", "/a.test", "//v1", "/a.test?/v1", "a.test/v1", ""]) {
      expect(rest(target)).toMatchObject({ host: "rest.example", pathRewrite: null });
    }
  });

  it("of a suffix takes what is longer than it", () => {
    const read = (authority: string) => ask({ authority, target: "/a.test/" }).trail.pathRewrite;
    expect(read("x.any.example")).toBe(1);
    expect(read(".any.example")).toBe(null);
    expect(read("any.example")).toBe(null);
    expect(read("a.rest.example")).toBe(null);
  });

  it("of the path applies once", () => {
    const { trail } = ask({ authority: "rest.example", target: "/x.any.example/v1/a.test/" });
    expect(trail).toMatchObject({ host: "x.any.example", pathRewrite: 0, pathForRules: "/v1/a.test/" });
  });
});

describe("a job", () => {
  const job = (wiki: string) => ({ target: "/rpc", body: JSON.stringify({ type: "x", database: wiki }) });

  it("goes to its wiki's release, installed or not", () => {
    expect(answer(job("awiki"))).toMatchObject({ wiki: "awiki", group: "g", cluster: "jobs-new" });
    expect(answer(job("cwiki"))).toMatchObject({ wiki: "cwiki", cluster: "jobs-new" });
    expect(ask(job("awiki")).trail).toMatchObject({ wikiFrom: "body", body: "text", key: "awiki" });
  });

  it("that names no wiki goes to the default release, with its own host", () => {
    for (const request of [job("x"), job("a-wiki"), { target: "/rpc" }, { target: "/rpc", body: "[" }]) {
      expect(answer(request)).toMatchObject({ wiki: null, group: null, cluster: "jobs-old", host: null });
    }
    expect(ask({ target: "/rpc" }).trail.body).toBe("none");
  });

  it("that names two is answered at once", () => {
    const body = '{"database":"awiki","database":"b_wiki"}';
    expect(answer({ target: "/rpc", body })).toEqual({ kind: "reply", status: 400, body: CONFLICT_TEXT });
    expect(ask({ target: "/rpc", body }).trail.body).toBe("conflict");
  });

  it("gets the wiki's own host never, if its own leads to no wiki, or always", () => {
    const host = (mode: "never" | "if-unknown" | "always", authority: string, wiki: string) => {
      const of = farm({ jobs: { field: "database", limit: 1000, host: mode, ...HELD } });
      const told = answer({ ...job(wiki), authority }, {}, of);
      return told && "host" in told ? told.host : told;
    };
    expect(host("never", "jobs", "b_wiki")).toBe(null);
    expect(host("if-unknown", "jobs", "b_wiki")).toBe("b-.wiki.example");
    expect(host("if-unknown", "x.wiki.example", "b_wiki")).toBe("b-.wiki.example");
    expect(host("if-unknown", "a.wiki.example", "b_wiki")).toBe(null);
    expect(host("if-unknown", "c.wiki.example", "b_wiki")).toBe(null);
    expect(host("always", "a.wiki.example", "b_wiki")).toBe("b-.wiki.example");
    expect(host("always", "jobs", "awiki")).toBe("special.example");
  });

  it("is its host's where the proxy does not wait for bodies", () => {
    expect(answer(job("b_wiki"), { bodiless: true })).toMatchObject({
      wiki: "awiki",
      cluster: "jobs-new",
      host: null,
    });
    const { answer: told, trail } = ask(
      { ...job("b_wiki"), authority: "x.wiki.example" },
      { bodiless: true },
    );
    expect(told).toMatchObject({ wiki: null, cluster: "jobs-old", host: null });
    expect(trail).toMatchObject({ body: null, key: "xwiki" });
  });

  it("is not asked for its file's release", () => {
    const assets = [plainRule({ release: 0 })];
    expect(cluster(job("awiki"), {}, farm({}, { assets }))).toBe("jobs-new");
  });
});

describe("a read in a secondary data centre", () => {
  const secondary = (request: Partial<Request>, where: Partial<Where> = {}, of = table) =>
    cluster(request, { secondary: true, ...where }, of);

  it("stays where the first rule that matches has it stay, and the deployment has a read-only one", () => {
    expect(secondary({ target: "/read-only" })).toBe("web-ro-new");
    expect(secondary({ target: "/far" })).toBe("web-new");
    expect(secondary({ target: "/" })).toBe("web-new");
    expect(cluster({ target: "/read-only" })).toBe("web-new");
    const reads = [plainRule({ readOnly: 10000 })];
    expect(secondary({ target: "/rpc" }, {}, farm({}, { reads }))).toBe("jobs-old");
    expect(secondary({ target: "/none" }, {}, farm({}, { reads }))).toBe("web-ro-old");
    expect(ask({ target: "/read-only" }, { secondary: true }).trail).toMatchObject({
      readOnly: true,
      read: routes.length + 3,
    });
    expect(ask({ target: "/far" }, { secondary: true }).trail).toMatchObject({
      readOnly: false,
      read: routes.length + 1,
    });
  });

  it("is a share of the clients, the same ones each time", () => {
    const clients = Array.from({ length: 2000 }, (_, i) => `192.0.2.${i}`);
    const staying = clients.filter((client) => secondary({ target: "/half", client }) === "web-ro-new");
    expect(staying.length).toBeGreaterThan(900);
    expect(staying.length).toBeLessThan(1100);
    for (const client of staying) expect(secondary({ target: "/half?x", client })).toBe("web-ro-new");
  });
});
