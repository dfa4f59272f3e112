import { describe, expect, test } from "vitest";
import { compileFarm, problemsWith, warningsOf } from "../../test/support/farm-text.ts";

const FARM = { "hosts-file": "hosts.tsv" };
const withFile = (text: string, parts = {}) => compileFarm({ ...FARM, ...parts }, { "hosts.tsv": text });

describe("a file of hosts", () => {
  test("means what exact hosts mean, with comments, blank lines and white space around", () => {
    const { plan, names } = withFile("# ours\n\na.example\tawiki\n b.example \t bwiki # ours too\r\n");
    const hosts = "[{ host: a.example, wiki: awiki }, { host: b.example, wiki: bwiki }]";
    expect(plan).toEqual(compileFarm({ hosts }).plan);
    expect(names.hosts).toEqual({ "a.example": "hosts.tsv:3", "b.example": "hosts.tsv:4" });
  });

  test("stands before a pattern that matches its hosts", () => {
    const { plan } = withFile("a.example\tbwiki\n", {
      hosts: '[{ host: "{label}.example", wiki: "{label}wiki" }]',
    });
    expect(plan.hosts).toEqual([{ host: "a.example", destination: { wiki: 1 } }]);
  });

  test("gives wikis their own hosts", () => {
    const jobs = "{ field: db, rules: [{ path: /job, deployment: jobs }] }";
    const { plan } = withFile("a.example\tawiki\nb.example\tbwiki\nc.example\tawiki\n", { jobs });
    expect(plan.canonical.exceptions).toEqual([
      { wiki: "awiki", host: "a.example" },
      { wiki: "bwiki", host: "b.example" },
    ]);
  });

  test("is warned about for a wiki that is not in wikiversions", () => {
    const { farm, plan } = withFile("a.example\tawikk\n");
    expect(plan.hosts).toEqual([{ host: "a.example", destination: null }]);
    expect(farm.warnings.map(({ message }) => message.replace(/^.*\//, ""))).toEqual([
      "hosts.tsv:1: `awikk` is not in wikiversions, so its host has no wiki; did you mean `awiki`?",
    ]);
    expect(warningsOf(withFile("a.example\tcwiki\n", { "not-in-wikiversions": "ignore" }).farm)).toEqual([]);
  });

  test("is refused line by line", () => {
    const bad = "a.example awiki\nA.example\tawiki\na.example\ta-wiki\n\tawiki\n";
    expect(problemsWith(FARM, { "hosts.tsv": bad })).toEqual([
      "hosts.tsv:1: `a.example awiki` is not a host, a tab and a wiki",
      "hosts.tsv:2: `A.example` is not a host in lower case",
      "hosts.tsv:3: `a-wiki` is not a wiki ID: use lower-case letters, digits and `_`",
      "hosts.tsv:4: `awiki` is not a host, a tab and a wiki",
    ]);
  });

  test("is refused for a host that stands twice, in it or in the farm file as well", () => {
    const text = "a.example\tawiki\na.example\tbwiki\n";
    const hosts = "[{ host: a.example, wiki: awiki }]";
    expect(problemsWith({ ...FARM, hosts }, { "hosts.tsv": text })).toEqual([
      "hosts.tsv:2: `a.example` stands twice, first at hosts.tsv:1",
      "farm.yaml:7:17: `a.example` stands twice, first at hosts.tsv:1",
    ]);
  });

  test("is refused for a host that is rewritten", () => {
    const parts = { ...FARM, rewrite: '{ "{a}.beta.example": "{a}.example" }' };
    expect(problemsWith(parts, { "hosts.tsv": "a.beta.example\tawiki\n" })).toEqual([
      "hosts.tsv:1: `a.beta.example` is rewritten first: write the host ending in `.example`",
    ]);
  });
});
