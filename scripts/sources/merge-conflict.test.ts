/** Merge conflicts in every kind of source. */
import { describe, expect, it } from "vitest";
import { problemsWith, problemsWithText } from "../../test/support/farm-text.ts";

const between = (ours: string, theirs: string) =>
  `<<<<<<< HEAD\n${ours}\n=======\n${theirs}\n>>>>>>> 1234abc (x)\n`;
const WHAT =
  "a merge conflict: keep one of the two sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`";

describe("a merge conflict is called one", () => {
  it("in wikiversions.json", () => {
    const text = `{\n${between('"awiki": "php-1.0"', '"awiki": "php-1.1"')}}\n`;
    expect(problemsWith({ wikiversions: "w.json" }, { "w.json": text })).toEqual([`w.json:2: ${WHAT}`]);
  });

  it("in a dblist, and once", () => {
    const farm = { dblists: "d", groups: "{ x: { dblist: x } }" };
    const problems = problemsWith(farm, { "d/x.dblist": `awiki\n${between("bwiki", "cwiki")}` });
    expect(problems).toEqual([`d/x.dblist:2: ${WHAT}`]);
  });

  it("in farm.yaml, and in a file of hosts", () => {
    expect(problemsWithText(between("farm: a", "farm: b"))).toEqual([`farm.yaml:1: ${WHAT}`]);
    const hosts = { "h.tsv": `a.example\tawiki\n${between("b.example\tbwiki", "c.example\tbwiki")}` };
    expect(problemsWith({ "hosts-file": "h.tsv" }, hosts)).toEqual([`h.tsv:2: ${WHAT}`]);
  });

  it("only where git's markers begin a line", () => {
    const text = '{ "awiki": "php-1.0",\n"bwiki": "<<<<<<< HEAD" }';
    const [problem] = problemsWith({ wikiversions: "w.json" }, { "w.json": text });
    expect(problem).toMatch(/^w\.json:2:\d+: `<<<<<<< HEAD` is not a version/);
  });
});
