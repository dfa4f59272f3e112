/** Hosts of farm.yaml become patterns and exact hosts of the table. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, warningsOf } from "../../test/support/farm-text.ts";

const hosts = (...rules: string[]) => ({ hosts: `[${rules.map((rule) => `{ ${rule} }`).join(", ")}]` });
const planOf = (...rules: string[]) => compileFarm(hosts(...rules)).plan;
const refused = (...rules: string[]) => problemsWith(hosts(...rules));

describe("hosts", () => {
  it("that are exact lead to their wiki, sorted by name", () => {
    expect(planOf("host: b.example, wiki: bwiki", "host: a.example, wiki: awiki").hosts).toEqual([
      { host: "a.example", destination: { wiki: 0 } },
      { host: "b.example", destination: { wiki: 1 } },
    ]);
  });

  it("with a suffix or a label are patterns, in the order of the file", () => {
    const plan = planOf(
      "host: '*.b.example', wiki: bwiki",
      "host: '{label}.example', wiki: '{label}wiki', dashes: underscores",
      "host: '{label}.other', wiki: '{label}'",
      "host: '{label}.{family}.org', wiki: '{label}{family}'",
    );
    expect(plan.patterns).toEqual([
      { kind: "fixed", suffix: ".b.example", destination: { wiki: 1 } },
      { kind: "join", prefix: "", suffix: ".example", tail: "wiki", dashes: true, path: null },
      { kind: "join", prefix: "", suffix: ".other", tail: "", dashes: false, path: null },
      { kind: "family", prefix: "", suffix: ".org", dashes: false, path: null },
    ]);
  });

  it("with a list of labels are exact hosts, one a label", () => {
    const plan = planOf(
      "host: '{label}.example', labels: [a, no-b, 'no'], wiki: '{label}wiki', dashes: underscores",
    );
    expect(plan.hosts).toEqual([
      { host: "a.example", destination: { wiki: 0 } },
      { host: "no-b.example", destination: null },
      { host: "no.example", destination: null },
    ]);
  });

  it("whose wiki is not in wikiversions have none: a warning, without a guess at another wiki", () => {
    const { farm, plan } = compileFarm(hosts("host: c.example, wiki: awik"));
    expect(plan.hosts).toEqual([{ host: "c.example", destination: null }]);
    expect(warningsOf(farm)).toEqual([
      "farm.yaml:6:34: `awik` is not in wikiversions, so its host has no wiki: remove the host, or correct the wiki's name",
    ]);
  });

  it("whose wiki is not in wikiversions are no warning where the farm ignores such wikis", () => {
    const { farm } = compileFarm({
      ...hosts("host: c.example, wiki: awik"),
      "not-in-wikiversions": "ignore",
    });
    expect(warningsOf(farm)).toEqual([]);
  });

  it.each([
    [
      "what is no wiki ID",
      ["host: a.example, wiki: A.wiki"],
      "6:34: `A.wiki` is not a wiki ID: use letters, digits, `_` and `-`, beginning with a letter or digit",
    ],
    [
      "one that stands twice",
      ["host: a.example, wiki: awiki", "host: a.example, wiki: bwiki"],
      "6:51: `a.example` stands twice, first at farm.yaml:6",
    ],
    [
      "one that a label of another makes",
      ["host: '{label}.example', labels: [a], wiki: '{label}wiki'", "host: a.example, wiki: bwiki"],
      "6:80: `a.example` stands twice, first at farm.yaml:6",
    ],
    [
      "a label host whose wiki lacks the label",
      ["host: '{label}.example', wiki: awiki"],
      "6:42: with the host `{label}.example` the wiki must be `{label}` and a suffix, as `{label}wiki`, not `awiki`",
    ],
    [
      "a family host whose wiki is not label and family",
      ["host: '{label}.{family}.org', wiki: '{label}wiki'"],
      "6:47: with the host `{label}.{family}.org` the wiki must be `{label}{family}`, not `{label}wiki`",
    ],
    [
      "labels of a host that has none",
      ["host: a.example, labels: [a], wiki: awiki"],
      "6:36: `labels` need a host of the form `{label}.suffix`",
    ],
  ])("refuse %s", (_, rules, problem) => {
    expect(refused(...rules)).toEqual([`farm.yaml:${problem}`]);
  });

  it.each([
    ["an exact host under a suffix", "*.b.example", "awiki", "x.b.example", "bwiki"],
    ["an exact host with a label", "{label}.example", "{label}wiki", "a.example", "awiki"],
    ["an exact host with a family", "{label}.{family}.org", "{label}{family}", "a.wiki.org", "awiki"],
    ["a suffix under a suffix", "*.example", "awiki", "*.b.example", "bwiki"],
    ["the same suffix", "*.example", "awiki", "*.example", "bwiki"],
    [
      "a label under a family",
      "{label}.{family}.org",
      "{label}{family}",
      "{label}.wikipedia.org",
      "{label}wiki",
    ],
    ["a family under a label", "{label}.org", "{label}wiki", "{label}.{family}.org", "{label}{family}"],
    ["a name before a label", "{label}.example", "{label}wiki", "www.{label}.example", "{label}wiki"],
    ["more names before it", "a.{label}.example", "{label}wiki", "a.b.{label}.example", "{label}wiki"],
    ["an exact host with a name", "www.{label}.example", "{label}wiki", "www.a.example", "awiki"],
    ["a name under a family", "{label}.{family}.org", "{label}{family}", "www.{label}.a.org", "{label}wiki"],
  ])("refuse what a pattern before has already: %s", (_, first, firstWiki, second, secondWiki) => {
    const [one, two] = [`host: '${first}', wiki: '${firstWiki}'`, `host: '${second}', wiki: '${secondWiki}'`];
    const problems = refused(one, two);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^farm\.yaml:6:\d+: /);
    expect(problems[0]).toContain(
      `\`${second}\` is never reached: the host at farm.yaml:6 takes it before; put this one first`,
    );
    if (first !== second) expect(planOf(two, one).patterns.length).toBeGreaterThan(0);
  });

  it.each([
    ["a suffix's own bare name", "*.b.example", "awiki", "b.example"],
    ["a host of fewer labels than a family needs", "{label}.{family}.org", "{label}{family}", "a.org"],
    ["a family that is not of letters", "{label}.{family}.org", "{label}{family}", "a.b2.org"],
    ["a host without the name before the label", "www.{label}.example", "{label}wiki", "w.a.example"],
    ["a host in which name and suffix are one", "www.{label}.example", "{label}wiki", "www.example"],
  ])("accept what a pattern before does not match: %s", (_, first, wiki, second) => {
    expect(planOf(`host: '${first}', wiki: '${wiki}'`, `host: ${second}, wiki: bwiki`).hosts).toHaveLength(1);
  });
});

it("a name before a label matches hosts of letters and digits: a family is no family of all of them", () => {
  const plan = planOf(
    "host: '{label}.{family}.org', wiki: '{label}{family}'",
    "host: 'www.{label}.org', wiki: '{label}wiki'",
  );
  expect(plan.patterns.map(({ kind }) => kind)).toEqual(["family", "join"]);
});

describe("rewrite", () => {
  const beta = '{ "{a}.{b}.beta.example": "{a}.{b}.example" }';

  it("puts one suffix in the place of another after so many labels", () => {
    expect(compileFarm({ rewrite: beta }).plan.rewrites).toEqual([
      { kind: "suffix", prefix: "", labels: 2, from: ".beta.example", to: ".example" },
    ]);
  });

  it("keeps the order of the file", () => {
    const two = '{ "{a}.z.example": "{a}.example", "{a}.b.example": "{a}.example" }';
    expect(compileFarm({ rewrite: two }).plan.rewrites.map(({ from }) => from)).toEqual([
      ".z.example",
      ".b.example",
    ]);
  });

  it("takes away names before the captures", () => {
    expect(compileFarm({ rewrite: '{ "m.x.{a}.{b}.org": "{a}.{b}.example" }' }).plan.rewrites).toEqual([
      { kind: "suffix", prefix: "m.x.", labels: 2, from: ".org", to: ".example" },
    ]);
    expect(
      problemsWith({
        rewrite: '{ "m.{a}.{b}.org": "{a}.{b}.org" }',
        ...hosts("host: m.a.wiki.org, wiki: awiki", "host: m.a.org, wiki: awiki", "host: m.org, wiki: awiki"),
      }),
    ).toEqual([
      "farm.yaml:7:17: `m.a.wiki.org` is rewritten before rules see it: write the host without `m.` and ending in `.org`",
    ]);
  });

  it.each([
    '"{a}.beta.example": "{b}.example"',
    '"{a}.{b}.beta.example": "{a}.example"',
    "beta.example: example",
    '"{a}.beta.example": example',
    '"a.{b}.example": "a.{b}.other"',
    '"{b}.example": "a.{b}.other"',
  ])("refuses sides that do not begin with the same captures: %s", (pair) => {
    expect(problemsWith({ rewrite: `{ ${pair} }` })).toEqual([
      "farm.yaml:6:12: the right side must begin with the captures of the left, as `{a}.{b}.beta.example: {a}.{b}.example` or `m.{a}.{b}.org: {a}.{b}.org`",
    ]);
  });

  it("takes the host out of the path's first segment, before any suffix", () => {
    const rewrite = `{ "{a}.{b}.beta.example": "{a}.{b}.example", "gate.example/{host}/v1": "{host}/v1", "*.any/{host}": "{host}" }`;
    const { plan, names } = compileFarm({ rewrite });
    expect(plan.rewrites).toEqual([
      { kind: "path", from: "gate.example", under: "/v1" },
      { kind: "path", from: ".any", under: "" },
      { kind: "suffix", prefix: "", labels: 2, from: ".beta.example", to: ".example" },
    ]);
    expect(names.rewrites).toEqual(["farm.yaml:6", "farm.yaml:6", "farm.yaml:6"]);
  });

  it.each([
    '"gate.example/v1/{host}": "{host}"',
    '"gate.example/{name}": "{name}"',
    '"/{host}": "{host}"',
    '"Gate/{host}": "{host}"',
    '"gate.example/{host}/": "{host}/"',
  ])("refuses what has no host in the first segment: %s", (pair) => {
    expect(problemsWith({ rewrite: `{ ${pair} }` })).toEqual([
      "farm.yaml:6:12: must be a host or `*.suffix`, and `{host}` in the path's first segment, as `gateway.example/{host}/v1: {host}/v1`",
    ]);
  });

  it("refuses a path that becomes another", () => {
    expect(problemsWith({ rewrite: '{ "gate.example/{host}/v1": "{host}/v2" }' })).toEqual([
      "farm.yaml:6:38: must repeat what follows the first slash, `{host}/v1`",
    ]);
  });

  it("leaves a host that it rewrites out of reach of the hosts, which is an error", () => {
    expect(problemsWith({ rewrite: beta, ...hosts("host: a.b.beta.example, wiki: awiki") })).toEqual([
      "farm.yaml:7:17: `a.b.beta.example` is rewritten before rules see it: write the host ending in `.example`",
    ]);
    const rules = "{ default: web, rules: [{ host: a.b.beta.example, deployment: web }] }";
    const tested = {
      rewrite: beta,
      "pass-through": "[a.b.beta.example, '*.b.beta.example']",
      deployments: rules,
    };
    expect(problemsWith(tested).map((problem) => problem.replace(/:\d+:\d+/, ""))).toEqual([
      "farm.yaml: `a.b.beta.example` is rewritten before rules see it: write the host ending in `.example`",
      "farm.yaml: `a.b.beta.example` is rewritten before rules see it: write the host ending in `.example`",
    ]);
    const reached = hosts("host: b.beta.example, wiki: awiki", "host: x.a.b.beta.example, wiki: bwiki");
    expect(compileFarm({ rewrite: beta, ...reached }).plan.hosts).toHaveLength(2);
  });
});

describe("the places that explain shows", () => {
  it("are the farm file's name and line, on any machine", () => {
    const { names } = compileFarm({
      ...hosts("host: a.example, wiki: awiki", "host: '*.b.example', path: '/{wiki}', wiki: '{wiki}'"),
      rewrite: '{ "{a}.beta": "{a}.example" }',
      "pass-through": "[localhost]",
      groups: "{ g: { wikis: [awiki, bwiki] } }",
    });
    expect(names).toEqual({
      farm: "t",
      realm: "production",
      hosts: { "a.example": "farm.yaml:6" },
      patterns: ["farm.yaml:6"],
      paths: ["farm.yaml:6"],
      rewrites: ["farm.yaml:7"],
      listeners: [{ routes: [null, "farm.yaml:8"], assets: [], reads: [] }],
      canonical: [],
      newest: null,
      groups: { g: "farm.yaml:9" },
      within: {},
      pins: {},
      moved: {},
    });
  });
});

describe("labels and captures", () => {
  it("go with one label, and each capture with one segment", () => {
    expect(
      problemsWith(hosts('host: "{label}.{family}.example", labels: [a], wiki: "{label}{family}"'))[0],
    ).toMatch(/`labels` need a host of the form `\{label\}\.suffix`$/);
    expect(problemsWith(hosts('host: p.example, path: "/{p}/{p}", wiki: "{p}"'))).toEqual([
      "farm.yaml:6:34: `/{p}/{p}` has a capture twice",
    ]);
  });
});
