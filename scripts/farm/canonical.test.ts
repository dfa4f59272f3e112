/** A wiki's own host, as farm.yaml says it. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, warningsOf } from "../../test/support/farm-text.ts";

const JOBS = "{ field: db, rules: [{ path: /job, deployment: job }] }";
const HOSTS = [
  "{ host: www.a.example, wiki: awiki }",
  "{ host: alias.example, wiki: b_xwiki, alias: true }",
  "{ host: '{label}.labels.example', labels: [l-m], wiki: '{label}wiki', dashes: underscores }",
  "{ host: '{label}.example', wiki: '{label}wiki', dashes: underscores }",
  "{ host: '{label}.special', wiki: '{label}wiki', dashes: underscores }",
];
const parts = (rules: string[], more: Record<string, string> = {}) => ({
  wikiversions: "{ awiki: v1, b_xwiki: v2, cwiki: v1, l_mwiki: v1 }",
  hosts: `[${HOSTS.join(", ")}]`,
  jobs: JOBS,
  "canonical-hosts": `[${rules.join(", ")}]`,
  ...more,
});
const EXAMPLE = "{ host: '{label}.example', wiki: '{label}wiki', dashes: underscores }";
const RULE = { tail: "wiki", suffix: ".example", dashes: true };

describe("the host of a wiki", () => {
  it("is warned about where the list of a rule has no wikis", () => {
    const rule = "{ host: '{label}.special', wiki: '{label}wiki', in: none }";
    const lists = { dblists: "d", ...parts([rule, EXAMPLE]) };
    const { farm } = compileFarm(lists, { "d/none.dblist": "# none\n" });
    expect(warningsOf(farm)).toEqual([
      expect.stringMatching(/^farm\.yaml:\d+:\d+: `none` has no wikis, so the rule is for no wiki$/),
    ]);
  });

  it("is an exact one that is its own, and else what the first rule says", () => {
    expect(compileFarm(parts([EXAMPLE])).plan.canonical).toEqual({
      rules: [RULE],
      exceptions: [{ wiki: "awiki", host: "www.a.example" }],
    });
  });

  it("is by another rule than the first where a rule is for some wikis", () => {
    const special = "{ host: '{label}.special', wiki: '{label}wiki', in: [b_xwiki], dashes: underscores }";
    const { plan, names } = compileFarm(parts([special, EXAMPLE]));
    expect(plan.canonical).toEqual({
      rules: [RULE, { ...RULE, suffix: ".special" }],
      exceptions: [
        { wiki: "awiki", host: "www.a.example" },
        { wiki: "b_xwiki", host: 1 },
      ],
    });
    expect(names.canonical).toEqual(["farm.yaml:8", "farm.yaml:8"]);
  });

  it("is by a rule for some wikis that says the same as one for all: no exception, and no second rule", () => {
    const some = EXAMPLE.replace("{ ", "{ in: [b_xwiki], ");
    const special = "{ host: '{label}.special', wiki: '{label}wiki', in: lists, dashes: underscores }";
    const { plan } = compileFarm(parts([some, special, EXAMPLE], { dblists: "d" }), {
      "d/lists.dblist": "b_xwiki\ncwiki\nelsewhere\n",
    });
    expect(plan.canonical.rules).toHaveLength(2);
    expect(plan.canonical.exceptions).toEqual([
      { wiki: "awiki", host: "www.a.example" },
      { wiki: "cwiki", host: 1 },
    ]);
  });

  it("is one that a label makes where no rule leads back, or there is none", () => {
    const other = "{ host: '{label}.other', wiki: '{label}wiki', in: [l_mwiki] }";
    const labelled = { wiki: "l_mwiki", host: "l-m.labels.example" };
    expect(compileFarm(parts([other, EXAMPLE])).plan.canonical.exceptions).toContainEqual(labelled);
    expect(compileFarm(parts([])).plan.canonical.exceptions).toEqual([
      { wiki: "awiki", host: "www.a.example" },
      labelled,
    ]);
  });

  it("is none where nothing says it: a warning, and an exception from what a rule would say", () => {
    const some = EXAMPLE.replace("{ ", "{ in: [b_xwiki], ");
    const { plan, farm } = compileFarm(parts([some]));
    expect(plan.canonical).toEqual({
      rules: [RULE],
      exceptions: [
        { wiki: "awiki", host: "www.a.example" },
        { wiki: "cwiki", host: null },
        { wiki: "l_mwiki", host: "l-m.labels.example" },
      ],
    });
    expect(warningsOf(farm)).toEqual([
      "farm.yaml:7:1: no host belongs to `cwiki`: their jobs keep the host that they arrive with",
    ]);
  });

  it("is left out of a table whose jobs keep their host, and checked all the same", () => {
    const never = { jobs: JOBS.replace("{ ", "{ host: never, ") };
    expect(compileFarm(parts([EXAMPLE], never)).plan.canonical).toEqual({ rules: [], exceptions: [] });
    expect(compileFarm(parts([EXAMPLE], { jobs: "" })).plan.canonical).toEqual({ rules: [], exceptions: [] });
    expect(problemsWith(parts(["{ host: '{label}.other', wiki: '{label}wiki' }"], never))).toHaveLength(2);
  });

  it.each([
    [
      "a host that leads nowhere",
      "{ host: '{label}.other', wiki: '{label}wiki', in: [cwiki] }",
      "8:27: `c.other` of `cwiki` leads to no wiki by the farm's hosts: add `{ host: c.other, wiki: cwiki }` to `hosts`, before all patterns",
    ],
    [
      "a host that leads elsewhere",
      "{ host: '{label}x.example', wiki: '{label}wiki' }",
      "8:27: `canonical-hosts.0.host` must be `{label}.suffix`, as `{label}.wikipedia.org` (`'{label}x.example'`)",
    ],
    [
      "a host whose dashes lead elsewhere",
      "{ host: '{label}.a.example', wiki: '{label}wiki', in: [cwiki] }",
      "8:27: `c.a.example` of `cwiki` leads to `c.awiki` by the farm's hosts: add `{ host: c.a.example, wiki: cwiki }` to `hosts`, before all patterns",
    ],
    [
      "a wiki without a label",
      "{ host: '{label}.example', wiki: awiki }",
      "8:52: `canonical-hosts.0.wiki` must be `{label}` and a suffix, as `{label}wiki` (`awiki`)",
    ],
    [
      "a wiki that there is not",
      "{ host: '{label}.example', wiki: '{label}wiki', in: [awiki, bwiki] }",
      "8:79: `bwiki` is not in wikiversions: remove it here, or correct its name",
    ],
    [
      "a list without a folder of them",
      "{ host: '{label}.example', wiki: '{label}wiki', in: some }",
      "8:71: the farm names a dblist, but no folder of dblists: add `dblists: FOLDER`",
    ],
  ])("is refused: %s", (_, rule, problem) => {
    expect(problemsWith(parts([rule]))).toEqual([`farm.yaml:${problem}`]);
  });

  it("is refused where hosts that would be read as others lead to it", () => {
    const rewrites = { rewrite: '{ "{a}.example": "{a}.special" }', hosts: `[${HOSTS[4]}]` };
    expect(problemsWith(parts([EXAMPLE], rewrites))).toContainEqual(
      expect.stringContaining("farm.yaml:8:27: `c.example` of `cwiki` leads to no wiki by the farm's hosts"),
    );
  });

  it("is refused for a new chapter with the label to add, and where", () => {
    const chapters = {
      wikiversions: "{ be_xwikimedia: v1, zz_ywikimedia: v1 }",
      hosts:
        "[{ host: '{label}.m.example', labels: [be-x], wiki: '{label}wikimedia', dashes: underscores }, { host: '{label}.m.example', wiki: '{label}wiki', dashes: underscores }]",
    };
    const rule = "{ host: '{label}.m.example', wiki: '{label}wikimedia', dashes: underscores }";
    expect(problemsWith(parts([rule], chapters))).toEqual([
      "farm.yaml:8:27: `zz-y.m.example` of `zz_ywikimedia` leads to `zz_ywiki` by the farm's hosts: add `zz-y` to the `labels` at farm.yaml:6",
    ]);
  });

  it("is only for wikis that there are, unless the farm warns of such", () => {
    const rule = "{ host: '{label}.example', wiki: '{label}wiki', in: [awiki, removedwiki] }";
    const { farm } = compileFarm(parts([rule], { "not-in-wikiversions": "warn" }));
    expect(warningsOf(farm)).toContainEqual(
      expect.stringMatching(/`removedwiki` is not in wikiversions: remove it here, or correct its name$/),
    );
  });
});

describe("an alias", () => {
  it.each(["host: '*.x.example'", "host: '{label}.x.example'", "host: x.example, path: '/{a}'"])(
    "is not said of %s",
    (host) => {
      const wiki = host.includes("label") ? "'{label}wiki'" : host.includes("path") ? "'{a}'" : "awiki";
      const [problem, ...others] = problemsWith({ hosts: `[{ ${host}, wiki: ${wiki}, alias: true }]` });
      expect(others).toEqual([]);
      expect(problem).toContain("`alias` needs a whole host and a wiki");
    },
  );
});
