/** What farm.yaml may say, and the errors for what it may not. */
import { describe, expect, it } from "vitest";
import { compileFarm, farmText, problemsWith, problemsWithText } from "../../test/support/farm-text.ts";

describe("farm.yaml", () => {
  it("needs no more than a name, wikis, releases and a deployment", () => {
    expect(compileFarm().plan).toMatchObject({
      wikis: [
        { id: "awiki", release: 0, group: null, installed: true },
        { id: "bwiki", release: 1, group: null, installed: true },
      ],
      clusters: [["web-one", "web-two"]],
      emit: [{ kind: "cluster", name: "x-mw-cluster" }],
    });
  });

  it("names the missing keys", () => {
    expect(problemsWithText("farm: t\nwikiversions: { awiki: v1 }\n")).toEqual([
      "farm.yaml:1:1: missing key `releases`",
      "farm.yaml:1:1: missing key `default-release`",
      "farm.yaml:1:1: missing key `deployments`",
    ]);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      "an unknown key, with the nearest known one",
      { relases: "{}" },
      "6:1: unknown key `relases`; did you mean `releases`?",
    ],
    [
      "an unknown key inside, with the nearest known one",
      { hosts: "[{ host: a.example, wki: awiki, wiki: awiki }]" },
      "6:28: unknown key `wki` in `hosts.0`; did you mean `wiki`?",
    ],
    [
      "a list where a mapping goes",
      { releases: "[one]" },
      "3:11: `releases` must be a mapping, not a list (`[one]`)",
    ],
    ["text where a list goes", { pins: "none" }, "6:7: `pins` must be a list, not text (`none`)"],
    [
      "a number where a version goes",
      { releases: "{ one: { version: 1.5 } }" },
      "3:29: `releases.one.version` must be text, not the number 1.5: put it in quotes (`1.5`)",
    ],
    [
      "a release with a version and a values file",
      { releases: "{ one: { version: v1, values: one.yaml } }" },
      "3:18: `releases.one` must have one of `version`, `values` and `from: group` (`{ version: v1, values: one.yaml } }`)",
    ],
    [
      "a release without a version",
      { releases: "{ one: {} }" },
      "3:18: `releases.one` must have one of `version`, `values` and `from: group` (`{} }`)",
    ],
    [
      "a version with php-",
      { releases: "{ one: { version: php-v1 } }" },
      "3:29: `releases.one.version` must be without `php-` (`php-v1`)",
    ],
    [
      "a group with both a dblist and wikis",
      { groups: "{ g: { dblist: g, wikis: [awiki] } }" },
      "6:14: `groups.g` must have a `dblist` or `wikis`, one of them (`{ dblist: g, wikis: [awiki] } }`)",
    ],
    [
      "a group with neither",
      { groups: "{ g: {} }" },
      "6:14: `groups.g` must have a `dblist` or `wikis`, one of them (`{} }`)",
    ],
    [
      "a choice that there is not",
      { "in-no-group": "wran" },
      "6:14: `in-no-group` must be `error` or `warn`; did you mean `warn`? (`wran`)",
    ],
    [
      "a day that there is not",
      { pins: "[{ wiki: awiki, release: one, reason: x, expires: 2026-02-30 }]" },
      "6:57: `pins.0.expires` must be a day as `2026-12-31` (`2026-02-30`)",
    ],
    [
      "a pin without a reason",
      { pins: "[{ wiki: awiki, release: one, expires: 2026-12-31 }]" },
      "6:8: missing key `reason` in `pins.0`",
    ],
    [
      "a header with a meaning of its own",
      { headers: "{ wiki: host }" },
      "6:18: `headers.wiki` must not be a header that has a meaning of its own (`host`)",
    ],
    [
      "a header in capitals",
      { headers: "{ wiki: X-Wiki }" },
      "6:18: `headers.wiki` must be a header's name in lower case: letters, digits and `-` (`X-Wiki`)",
    ],
    ["a header for what the filter does not know", { headers: "{ wki: x-wiki }" }, "6:12: unknown key"],
    [
      "a rule that tests nothing",
      { deployments: "{ default: web, rules: [{ deployment: api }] }" },
      "5:38: `deployments.rules.0` must say which requests it is for: `host`, `path`, `method`, `header`, `cookie`, `query`, `client` or `not` (`{ deployment: api }] }`)",
    ],
    [
      "a path that ends in a slash where a boundary is meant",
      { deployments: "{ default: web, rules: [{ path: { under: /w/ }, deployment: api }] }" },
      "5:55: `deployments.rules.0.path.under` must not end with `/` (`/w/`)",
    ],
    [
      "what is no wiki ID",
      { wikiversions: "{ _wiki: v1 }" },
      "2:17: key `_wiki` must be a wiki ID: letters, digits, `_` and `-`, beginning with a letter or digit",
    ],
    [
      "a host in other letters",
      { hosts: "[{ host: bücher.example, wiki: awiki }]" },
      "6:17: `hosts.0.host` must be written as punycode, `xn--bcher-kva.example`",
    ],
    [
      "a test of a host in other letters",
      { "pass-through": "[bücher.example]" },
      "6:16: `pass-through.0` must be written as punycode, `xn--bcher-kva.example`",
    ],
    [
      "a host that is an address",
      { hosts: "[{ host: 10.0.0.1, wiki: awiki }]" },
      "6:17: `hosts.0.host` must not be an IP address",
    ],
    ["hosts of which none is left", { hosts: "[]" }, "6:8: `hosts` must not be empty: leave the key out"],
    ["others to read as of which none is left", { rewrite: "{}" }, "6:10: `rewrite` must not be empty"],
    [
      "replacements of which none is left",
      { hosts: '[{ host: a.example, path: "/{s}", wiki: "{s}", replace: { s: {} } }]' },
      "6:69: `hosts.0.replace.s` must not be empty",
    ],
    [
      "a number in the order of versions",
      { "version-order": "[1.46]" },
      "6:17: `version-order.0` must be text, not the number 1.46: put it in quotes",
    ],
    [
      "what is no version there",
      { "version-order": '["*", php-1]' },
      "6:22: `version-order.1` must be a version or `*`",
    ],
    [
      "a path with a zero byte",
      { "hosts-file": '"a\\0b"' },
      "6:13: `hosts-file` must be a path, without control",
    ],
    [
      "no wikiversions",
      { wikiversions: "" },
      "1:1: missing key `wikiversions`, which must be a file, as `wikiversions.json`, or the wikis themselves",
    ],
    [
      "nothing in wikiversions",
      { wikiversions: " " },
      "2:13: `wikiversions` must be a file, as `wikiversions.json`, or the wikis",
    ],
    [
      "a list in wikiversions",
      { wikiversions: "[a]" },
      "2:15: `wikiversions` must be a file, as `wikiversions.json`, or the wikis",
    ],
    [
      "a default version with `php-`",
      { "default-version": "{ version: php-1, dblist: all }" },
      "6:29: `default-version.version` must be without `php-`",
    ],
  ])("refuses %s", (_, parts, problem) => {
    const problems = problemsWith(parts);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`farm.yaml:${problem}`);
  });

  it.each([
    "A.example",
    "a..example",
    ".a.example",
    "a.example.",
    "*a.example",
    "*",
    "{lable}.example",
    "{family}.example",
    "a.*.example",
    "{label}.a.{label}.example",
    ".{label}.example",
    "a.example:80",
    "a b",
    "__proto__",
  ])("refuses the host %s", (host) => {
    const [problem, ...others] = problemsWith({ hosts: `[{ host: "${host}", wiki: awiki }]` });
    expect(others).toEqual([]);
    expect(problem).toBe(
      `farm.yaml:6:17: \`hosts.0.host\` must be a host in lower case, \`*.suffix\`, \`{label}.suffix\` or \`{label}.{family}.suffix\` (\`"${host}"\`)`,
    );
  });

  it.each([
    ["wikiversions", { wikiversions: "{ awiki: v1, bwiki: v2, __proto__: v2 }" }],
    ["releases", { releases: "{ one: { version: v1 }, two: { version: v2 }, __proto__: {} }" }],
    [
      "a rule's cookies",
      { deployments: "{ default: web, rules: [{ cookie: { a: x, __proto__: y }, deployment: d }] }" },
    ],
    ["the farm", { __proto__x: "1" }],
  ])("refuses the key `__proto__` of %s, which would be lost", (_, parts) => {
    const text = farmText(parts).replace("__proto__x", "__proto__");
    expect(problemsWithText(text)).toEqual([
      expect.stringMatching(/^farm\.yaml:\d+:\d+: key `__proto__` cannot be a name here: choose another$/),
    ]);
  });

  it("reads other special names as any other", () => {
    const { farm, plan } = compileFarm({
      wikiversions: "{ constructor: v1, toString: v2 }",
      releases: "{ one: { version: v1 }, hasOwnProperty: { version: v2 } }",
      groups: "{ valueOf: { wikis: [constructor, toString] } }",
      hosts: "[{ host: constructor, wiki: toString }]",
    });
    expect(farm.wikis.ids).toEqual(["constructor", "toString"]);
    expect(plan.wikis.map(({ release, group }) => [release, group])).toEqual([
      [0, "valueOf"],
      [1, "valueOf"],
    ]);
    expect(plan.hosts).toEqual([{ host: "constructor", destination: { wiki: 1 } }]);
  });

  it("tells several problems together, in the order of the file", () => {
    const text = farmText({
      releases: "{ one: {}, two: { version: 2 } }",
      hosts: "[{ host: A, wiki: awiki }]",
      clutser: "x",
    });
    expect(problemsWithText(text).map((problem) => /^farm\.yaml:(\d+)/.exec(problem)?.[1])).toEqual([
      "3",
      "3",
      "6",
      "7",
    ]);
  });

  it("tells problems with groups and with hosts together", () => {
    const problems = problemsWith({
      groups: "{ g: { wikis: [awiki, cwiki] } }",
      hosts: "[{ host: '{label}.example', wiki: awiki }]",
    });
    expect(problems).toEqual([
      "farm.yaml:6:31: `cwiki` is in group `g` but not in wikiversions: add it there, take it out of the list, or say `not-in-wikiversions: warn`",
      "farm.yaml:7:42: with the host `{label}.example` the wiki must be `{label}` and a suffix, as `{label}wiki`, not `awiki`",
    ]);
  });

  it.each([
    ["releases", "{ 1.50: { version: v1 }, two: { version: v2 } }", "3:13", "1.50"],
    ["groups", "{ 0x10: { wikis: [awiki, bwiki] } }", "6:11", "0x10"],
    ["wikiversions", "{ 010: v1, bwiki: v2 }", "2:17", "010"],
  ])("refuses a key of %s that YAML reads as another number", (mapping, value, at, key) => {
    expect(problemsWith({ [mapping]: value })).toEqual([
      `farm.yaml:${at}: key \`${key}\` is read as another number: put it in quotes, as \`"${key}"\``,
    ]);
  });
});

describe("clusters and headers", () => {
  const twoDots = { releases: "{ 1.0: { version: v1 }, 1-0: { version: v2 } }", "default-release": '"1.0"' };

  it("a cluster's name has the release, or its slug where a dot may not stand", () => {
    const releases = {
      releases: "{ 1.47.0-wmf.1: { version: v1 }, B_2: { version: v2 } }",
      "default-release": "B_2",
    };
    expect(compileFarm({ ...releases, cluster: '"{deployment}:{release}"' }).plan.clusters).toEqual([
      ["web:1.47.0-wmf.1", "web:B_2"],
    ]);
    expect(compileFarm({ ...releases, cluster: '"{deployment}-{release-slug}"' }).plan.clusters).toEqual([
      ["web-1-47-0-wmf-1", "web-b-2"],
    ]);
  });

  it("two releases of the same slug are refused, as they would share a cluster", () => {
    const template = '"{deployment}-{release-slug}"';
    expect(
      problemsWith({
        ...twoDots,
        releases: '{ "1.0": { version: v1 }, 1-0: { version: v2 } }',
        cluster: template,
      }),
    ).toEqual([
      "farm.yaml:6:10: `{deployment}-{release-slug}` gives web of release 1.0 and web of release 1-0 the same cluster `web-1-0`",
    ]);
  });

  it("a deployment may have a template of its own, and its read-only one another", () => {
    const { plan } = compileFarm({
      deployments:
        "{ default: web, rules: [{ path: /api, deployment: api }], clusters: { web: 'outbound|4450||web-{release}', api-ro: '{deployment}.{release-slug}' } }",
      reads: "{ deployments: [api], rules: [{ share: 1 }] }",
    });
    expect(plan.clusters).toEqual([
      ["outbound|4450||web-one", "outbound|4450||web-two"],
      ["api-one", "api-two"],
      ["api-ro.one", "api-ro.two"],
    ]);
  });

  it.each([
    ["{ wbe: '{release}' }", "5:81: no rule sends requests to `wbe`; did you mean `web`?"],
    [
      "{ web: 'a/{release}' }",
      "5:86: `a/{release}` is no cluster template: it may hold `{deployment}`, `{release}` and `{release-slug}` and letters, digits, `.:|-_`",
    ],
    [
      "{ api: 'web-{release}' }",
      "5:86: `web-{release}` gives api of release one the same cluster `web-one` as web of release one",
    ],
    [
      "{ next: '{release}' }",
      "5:81: `next` has one cluster for all releases: say its `cluster` in `debug.backends`",
    ],
    ["{}", "must not be empty: leave the key out"],
  ])("the templates %s are refused", (clusters, what) => {
    const problems = problemsWith({
      deployments: `{ default: web, rules: [{ path: /, deployment: api }], clusters: ${clusters} }`,
      debug: "{ header: x-debug, backends: { next: { any-version: true } } }",
    });
    expect(problems[0]).toContain(what);
  });

  it("a template that leaves the release out is refused", () => {
    expect(problemsWith({ cluster: '"{deployment}"' })).toEqual([
      "farm.yaml:6:10: `{deployment}` gives web of release one and web of release two the same cluster `web`",
    ]);
  });

  it.each(['"{deploymnt}-{release}"', '"{deployment} {release}"', '"{deployment}/{release}"'])(
    "the template %s is refused",
    (template) => {
      expect(problemsWith({ cluster: template })[0]).toBe(
        `farm.yaml:6:10: \`${template.slice(1, -1)}\` is no cluster template: it may hold \`{deployment}\`, \`{release}\` and \`{release-slug}\` and letters, digits, \`.:|-_\``,
      );
    },
  );

  it("an empty template is refused", () => {
    expect(problemsWith({ cluster: '""' })).toEqual(['farm.yaml:6:10: `cluster` must not be empty (`""`)']);
  });

  it("two headers of one name are refused, the cluster's own default included", () => {
    expect(problemsWith({ headers: "{ wiki: x-a, group: x-a }" })).toEqual([
      "farm.yaml:6:10: two headers have the name `x-a`: give one of them another name",
    ]);
    expect(problemsWith({ headers: "{ wiki: x-mw-cluster }" })).toEqual([
      "farm.yaml:6:10: two headers have the name `x-mw-cluster`: give one of them another name",
    ]);
  });

  it("headers are emitted in one order, whatever that of the file", () => {
    const { plan } = compileFarm({ headers: "{ version: x-v, wiki: x-w, cluster: x-c }" });
    expect(plan.emit).toEqual([
      { kind: "cluster", name: "x-c" },
      { kind: "wiki", name: "x-w" },
      { kind: "version", name: "x-v" },
    ]);
  });
});

describe("deployment rules", () => {
  it("name no deployment beside those that the farm lists", () => {
    const misspelt = "{ default: web, names: [web, api], rules: [{ path: /x, deployment: apo }] }";
    expect(problemsWith({ deployments: misspelt })).toEqual([
      "farm.yaml:5:81: unknown deployment `apo`; did you mean `api`?",
    ]);
    expect(problemsWith({ deployments: "{ default: wbe, names: [api, other] }" })).toEqual([
      "farm.yaml:5:25: unknown deployment `wbe`; there are `api`, `other`",
    ]);
  });
});
