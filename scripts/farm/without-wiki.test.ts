/** Requests for hosts and IDs that are no wiki's. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

describe("requests without a wiki", () => {
  it("go to the default release where the farm says nothing", () => {
    const toDefault = { release: 1 };
    const { plan } = compileFarm({ "default-release": "two" });
    expect(plan.wikiless).toEqual({ unknownHost: toDefault, missing: toDefault, notInstalled: toDefault });
    expect(plan.replies).toEqual([]);
  });

  it("go where the farm says, or are answered; the same answer is there once", () => {
    const { plan } = compileFarm(
      {
        dblists: "d",
        "without-wiki":
          "{ unknown-host: { status: 404, body: nothing }, missing: { release: two }, not-installed: { dblist: soon, status: 404, body: nothing } }",
      },
      { "d/soon.dblist": "bwiki\nzwiki\n" },
    );
    expect(plan.wikiless).toEqual({
      unknownHost: { reply: 0 },
      missing: { release: 1 },
      notInstalled: { reply: 0 },
    });
    expect(plan.replies).toEqual([{ status: 404, body: "nothing" }]);
    expect(plan.wikis.map(({ id, installed }) => [id, installed])).toEqual([
      ["awiki", true],
      ["bwiki", false],
    ]);
  });

  it("for a wiki that is not installed go to the default release, or to another", () => {
    const soon = { "d/soon.dblist": "bwiki\n" };
    const outcome = (more: string) =>
      compileFarm({ dblists: "d", "without-wiki": `{ not-installed: { dblist: soon${more} } }` }, soon).plan
        .wikiless.notInstalled;
    expect(outcome("")).toEqual({ release: 0 });
    expect(outcome(", release: two")).toEqual({ release: 1 });
  });

  it.each([
    [
      "a release that there is not",
      "{ missing: { release: tow } }",
      "6:37: unknown release `tow`; did you mean `two`?",
    ],
    [
      "a status of success",
      "{ missing: { status: 200, body: x } }",
      "6:36: `without-wiki.missing.status` must be at least 400 (`200`)",
    ],
    [
      "a list without a folder of them",
      "{ not-installed: { dblist: x } }",
      "6:42: the farm names a dblist, but no folder of dblists: add `dblists: FOLDER`",
    ],
  ])("are refused: %s", (_, value, problem) => {
    expect(problemsWith({ "without-wiki": value })).toEqual([`farm.yaml:${problem}`]);
  });
});
