/** A file of hosts as part of a farm. */
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
      "hosts.tsv:1: `awikk` is not in wikiversions, so its host has no wiki: remove the host, or correct the wiki's name",
    ]);
    expect(warningsOf(withFile("a.example\tcwiki\n", { "not-in-wikiversions": "ignore" }).farm)).toEqual([]);
  });

  test("leads to wikis that are not in wikiversions with one warning, and in time", () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `h${i}.example\tw${i}wiki\n`).join("");
    const { farm } = withFile(`a.example\tawiki\n${lines}`);
    expect(farm.warnings).toHaveLength(1);
    expect(farm.warnings[0]!.message).toMatch(
      /hosts\.tsv:2: `w0wiki`, .* and 2980 more are not in wikiversions, so their hosts have no wiki: remove/,
    );
  });

  test("is refused line by line", () => {
    expect(problemsWith(FARM, { "hosts.tsv": "a.example awiki\nA.example\tawiki\n" })).toEqual([
      "hosts.tsv:1: `a.example awiki` is not a host, a tab and a wiki: put a tab between the two",
      "hosts.tsv:2: `A.example` is not a host in lower case: write `a.example`",
    ]);
  });

  test("may be written in any letters: a host that stands twice in two ways of writing is found", () => {
    const { plan } = withFile("bücher.example\tawiki\n");
    expect(plan.hosts).toEqual([{ host: "xn--bcher-kva.example", destination: { wiki: 0 } }]);
    const text = "bücher.example\tawiki\nxn--bcher-kva.example\tbwiki\n";
    expect(problemsWith(FARM, { "hosts.tsv": text })).toEqual([
      "hosts.tsv:2: `xn--bcher-kva.example` stands twice, first at hosts.tsv:1",
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
      "hosts.tsv:1: `a.beta.example` is rewritten before rules see it: write the host ending in `.example`",
    ]);
  });
});
