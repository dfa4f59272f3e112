import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

const RELEASES =
  "{ one: { version: v1 }, two: { version: v2 }, ten: { version: v10 }, also-ten: { version: v10 } }";

describe("assets", () => {
  it("go to a release by name, or to the newest, which the names tell", () => {
    const { plan, names } = compileFarm({
      releases: RELEASES,
      assets: "[{ path: { under: /static }, release: two }, { path: [/x, { prefix: /y }], release: newest }]",
    });
    const [listener] = plan.listeners;
    expect(listener!.assets.map(({ outcome }) => outcome)).toEqual([
      { release: 1 },
      { release: 2 },
      { release: 2 },
    ]);
    expect(names.newest).toBe("ten");
    expect(names.listeners[0]!.assets).toEqual(["farm.yaml:6", "farm.yaml:6", "farm.yaml:6"]);
  });

  it("go to a release that is called newest", () => {
    const { plan, names } = compileFarm({
      releases: "{ one: { version: v1 }, two: { version: v2 }, newest: { version: v1 } }",
      assets: "[{ path: /x, release: newest }]",
    });
    expect(plan.listeners[0]!.assets[0]!.outcome).toEqual({ release: 2 });
    expect(names.newest).toBe(null);
  });

  it("are refused for a release that there is not", () => {
    expect(problemsWith({ assets: "[{ path: /x, release: tow }]" })).toEqual([
      "farm.yaml:6:31: unknown release `tow`; did you mean `two`?",
    ]);
  });

  it("go to no release that was added for a stranded wiki, if the farm has one of its own", () => {
    const assets = "[{ path: { under: /static }, release: newest }]";
    const wikiversions = "{ awiki: v1, bwiki: v2, cwiki: v9 }";
    const { plan } = compileFarm({ wikiversions, assets, "on-stranded": "spill" });
    expect(plan.listeners[0]!.assets[0]!.outcome).toEqual({ release: 1 });
    const all = { releases: "{}", spill: "version-named", "default-release": "v1" };
    const { plan: spilled } = compileFarm({ wikiversions, assets, ...all });
    expect(spilled.listeners[0]!.assets[0]!.outcome).toEqual({ release: 2 });
  });
});
