/** Static files: which release serves them. */
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

  it("go to the newest by number, not by letters: a version that is out is newer than what came before it", () => {
    const newest = (...versions: string[]) => {
      const releases = `{ ${versions.map((version, i) => `r${i}: { version: "${version}" }`).join(", ")} }`;
      const parts = {
        wikiversions: `{ awiki: "${versions[0]}" }`,
        "default-release": "r0",
        assets: "[{ path: /x, release: newest }]",
      };
      return versions[Number(compileFarm({ ...parts, releases }).names.newest!.slice(1))];
    };
    expect(newest("1.46.0-rc.0", "1.46.0", "1.46.0-wmf.9")).toBe("1.46.0");
    expect(newest("REL1_43", "1.43.9", "1.44.0-wmf.1")).toBe("1.44.0-wmf.1");
  });

  it("are refused for the newest where nobody says which that is", () => {
    const parts = {
      releases: "{ one: { version: v1 }, two: { version: v2 }, m: { version: master } }",
      assets: "[{ path: /x, release: newest }]",
    };
    expect(problemsWith(parts)).toEqual([
      "farm.yaml:6:31: the farm does not say which of `v1`, `v2`, `master` is newer: add `master` to `version-order`, which orders names without a number",
    ]);
    expect(compileFarm({ ...parts, "version-order": "[master]" }).names.newest).toBe("m");
    expect(compileFarm({ ...parts, "version-order": '[master, "*"]' }).names.newest).toBe("two");
    const alone = { wikiversions: "{ awiki: master }", releases: "{ one: { version: master } }" };
    expect(compileFarm({ ...parts, ...alone }).names.newest).toBe("one");
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
