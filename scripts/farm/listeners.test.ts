/** Listeners: their trust, their rules, and a farm that names none. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

const DEPLOYMENTS = "{ default: web, rules: [{ path: /api, deployment: api }] }";
const JOBS = "{ field: db, host: never, rules: [{ path: /job, deployment: job }] }";
const DEBUG = "{ header: x-debug, backends: { d1: {} } }";
const READS = "{ deployments: [web], rules: [{ share: 1 }] }";
const ALL = {
  deployments: DEPLOYMENTS,
  jobs: JOBS,
  debug: DEBUG,
  reads: READS,
  "pass-through": "[localhost]",
};

/** What each route of a listener looks at, in short. */
const showRoutes = ({ plan }: ReturnType<typeof compileFarm>, listener = 0) =>
  plan.listeners[listener]!.routes.map(({ when, outcome }) => {
    const [first] = when;
    const what = first && "values" in first ? first.values[0] : first?.test;
    if (outcome === "pass") return `${what} → pass`;
    return `${what} → ${"reply" in outcome ? plan.replies[outcome.reply]!.status : plan.deployments[outcome.deployment]!.name}`;
  });

describe("a farm without listeners", () => {
  it("has one that takes any name, with all that the farm says", () => {
    const compiled = compileFarm(ALL);
    const { plan } = compiled;
    expect(plan.listeners).toHaveLength(1);
    expect(plan.listeners[0]).toMatchObject({ name: null, trust: "edge", datacentre: null, deployment: 0 });
    expect(showRoutes(compiled)).toEqual([
      "/job → job",
      "address → pass",
      "localhost → pass",
      "d1 → d1",
      "present → 400",
      "/api → api",
    ]);
    expect(plan.listeners[0]!.reads).toHaveLength(1);
  });
});

describe("listeners", () => {
  const listeners = `{ edge: { trust: edge, debug: true }, 10: { trust: internal, datacentre: east, jobs: true, reads: true },
    api: { trust: internal, deployment: api }, own: { trust: internal, deployment: api, assets: false, rules: [{ path: /x, deployment: x }] } }`;

  it("come in the order of the file, each with what it turns on", () => {
    const compiled = compileFarm({
      ...ALL,
      assets: "[{ path: /static, release: two }]",
      listeners: listeners.replace("10:", "ten:"),
    });
    const { plan, names } = compiled;
    expect(plan.listeners.map(({ name, trust, datacentre }) => [name, trust, datacentre])).toEqual([
      ["edge", "edge", null],
      ["ten", "internal", "east"],
      ["api", "internal", null],
      ["own", "internal", null],
    ]);
    const passed = ["address → pass", "localhost → pass"];
    expect([0, 1, 2, 3].map((i) => showRoutes(compiled, i))).toEqual([
      [...passed, "d1 → d1", "present → 400", "/api → api"],
      ["/job → job", ...passed, "/api → api"],
      passed,
      [...passed, "/x → x"],
    ]);
    expect(plan.listeners.map(({ deployment }) => plan.deployments[deployment]!.name)).toEqual([
      "web",
      "web",
      "api",
      "api",
    ]);
    expect(plan.listeners.map(({ assets, reads }) => [assets.length, reads.length])).toEqual([
      [1, 0],
      [1, 1],
      [1, 0],
      [0, 0],
    ]);
    expect(names.listeners).toEqual(
      plan.listeners.map(({ routes, assets, reads }) => ({
        routes: routes.map((_, i) => (routes[i]!.when[0]!.test === "address" ? null : expect.any(String))),
        assets: assets.map(() => expect.any(String)),
        reads: reads.map(() => expect.any(String)),
      })),
    );
  });

  it("are refused where YAML reads their name as another number, and where there is none", () => {
    expect(problemsWith({ ...ALL, listeners: "{ 0x10: { trust: edge } }" })).toEqual([
      'farm.yaml:10:14: key `0x10` is read as another number: put it in quotes, as `"0x10"`',
    ]);
    expect(problemsWith({ listeners: "{}" })).toEqual([
      "farm.yaml:6:12: `listeners` must not be empty (`{}`)",
    ]);
  });

  it("turn on only what the farm says, and all of it", () => {
    expect(
      problemsWith({ listeners: "{ a: { trust: edge, jobs: true, debug: true, reads: true } }" }),
    ).toEqual([
      "farm.yaml:6:38: the farm has no `jobs` to turn on: add it, or remove this line",
      "farm.yaml:6:51: the farm has no `debug` to turn on: add it, or remove this line",
      "farm.yaml:6:64: the farm has no `reads` to turn on: add it, or remove this line",
    ]);
    const none = "{ a: { trust: edge, deployment: web, assets: false } }";
    expect(problemsWith({ ...ALL, assets: "[{ path: /static, release: one }]", listeners: none })).toEqual([
      "farm.yaml:6:1: no listener has `jobs: true`: add it to one, or remove `jobs`",
      "farm.yaml:7:1: no listener has `debug: true`: add it to one, or remove `debug`",
      "farm.yaml:8:1: no listener has `reads: true`: add it to one, or remove `reads`",
      "farm.yaml:10:1: every listener has `assets: false`: remove that from one, or remove these rules",
      "farm.yaml:5:30: every listener has `rules` or a `deployment` of its own, so no request comes to these: remove them",
    ]);
  });

  it("name no deployment beside those that the farm lists", () => {
    expect(
      problemsWith({
        deployments: "{ default: web, names: [web, api] }",
        jobs: "{ field: db, host: never, rules: [{ path: /job, deployment: wbe }] }",
        debug: DEBUG,
        listeners:
          "{ a: { trust: edge, jobs: true, debug: true, deployment: apo, rules: [{ path: /, deployment: x }] } }",
      }),
    ).toEqual([
      "farm.yaml:6:67: unknown deployment `wbe`; did you mean `web`?",
      "farm.yaml:8:69: unknown deployment `apo`; did you mean `api`?",
      "farm.yaml:8:105: unknown deployment `x`; there are `web`, `api`",
    ]);
  });
});

describe("an edge listener", () => {
  const rule = (says: string) => `{ default: web, rules: [{ ${says}, deployment: api }] }`;
  const edge = (more = "") => `{ edge: { trust: edge${more} } }`;
  const refused =
    "a client of listener `edge` would choose by the header `x-api`: name it in the listener's `allow-headers`";

  it.each(['header: { x-api: "1" }', "path: /, header: { x-api: { present: true } }"])(
    "has no rule that looks at a header: %s",
    (says) => {
      const problems = problemsWith({ deployments: rule(says), listeners: edge() });
      expect(problems.map((problem) => problem.replace(/:\d+: /, ": "))).toEqual([`farm.yaml:5: ${refused}`]);
    },
  );

  it("has none in `not`, of reads, or of assets, either", () => {
    expect(
      problemsWith({
        deployments: rule("path: /, not: { header: { x-api: a } }"),
        assets: "[{ header: { x-api: a }, release: one }]",
        reads: "{ deployments: [web], rules: [{ header: { x-api: a }, share: 1 }] }",
        listeners: edge(", reads: true"),
      }),
    ).toEqual([`farm.yaml:5:66: ${refused}`, `farm.yaml:6:22: ${refused}`, `farm.yaml:7:50: ${refused}`]);
  });

  it("may have one that it allows", () => {
    const parts = { deployments: rule("header: { x-api: a, cookie: { contains: b } }") };
    expect(
      compileFarm({ ...parts, listeners: edge(", allow-headers: [x-api, cookie]") }).plan.listeners[0]!
        .routes,
    ).toHaveLength(2);
  });

  it("may have one that looks at anything else, and the header of debug", () => {
    const says = "host: a, path: /, method: GET, cookie: { x-api: a }, query: { x-api: a }";
    const parts = { deployments: rule(says), debug: DEBUG, listeners: edge(", debug: true") };
    expect(compileFarm(parts).plan.listeners[0]!.routes).toHaveLength(4);
  });

  it("allows others no header", () => {
    const listeners = "{ edge: { trust: edge }, other: { trust: edge, allow-headers: [x-api] } }";
    const problems = problemsWith({ deployments: rule("header: { x-api: a }"), listeners });
    expect(problems).toEqual([`farm.yaml:5:50: ${refused}`]);
  });

  it("without a name has to get one", () => {
    expect(problemsWith({ deployments: rule("header: { x-api: a }") })).toEqual([
      "farm.yaml:5:50: a client would choose by the header `x-api`: name the farm's `listeners`, with `allow-headers`",
    ]);
  });
});

describe("a header that we set", () => {
  it.each([
    ["a rule's", { deployments: "{ default: web, rules: [{ header: { x-a: b }, deployment: api }] }" }],
    ["that of debug", { debug: "{ header: x-a, backends: { d1: {} } }" }],
  ])("is not %s", (_, parts) => {
    const listeners = `{ mesh: { trust: internal, debug: ${"debug" in parts} } }`;
    const problems = problemsWith({ ...parts, headers: "{ wiki: x-a }", listeners });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("`x-a` is a header that Pointsman sets, so no rule may read it");
  });

  it("is not the one that says who asked", () => {
    expect(problemsWith({ headers: "{ wiki: x-forwarded-for }" })[0]).toContain("has a meaning of its own");
  });
});
