/** Releases that people try before they are their wikis'. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

const LISTENERS =
  "{ edge: { trust: edge, previews: true, allow-headers: [x-staff] }, mesh: { trust: internal } }";

describe("previews", () => {
  it("come before assets, and only on a listener that has them", () => {
    const { plan, names } = compileFarm({
      listeners: LISTENERS,
      previews: "[{ header: { x-staff: { present: true } }, release: two, any-version: true }]",
      assets: "[{ path: /static, release: one }]",
    });
    const [edge, mesh] = plan.listeners;
    const preview = {
      when: [{ not: false, subject: "header", name: "x-staff", test: "present" }],
      ...{ outcome: { release: 1 }, wiki: "host", debug: false },
    };
    expect(edge!.assets).toEqual([preview, ...mesh!.assets]);
    expect(mesh!.assets).toMatchObject([{ outcome: { release: 0 } }]);
    expect(names.listeners.map(({ assets }) => assets)).toEqual([
      ["farm.yaml:7", "farm.yaml:8"],
      ["farm.yaml:8"],
    ]);
  });

  it.each([
    [
      "a release that is none",
      "{ path: /, release: tow, any-version: true }",
      "6:32: unknown release `tow`; did you mean `two`?",
    ],
    [
      "another version in silence",
      "{ path: /, release: two }",
      "6:12: missing key `any-version` in `previews.0`",
    ],
    ["an own version", "{ path: /, release: two, any-version: false }", "must be `true`"],
    ["a rule for everything", "{ release: two, any-version: true }", "must say which requests it is for"],
    [
      "a header that no client may choose by",
      "{ header: { x-a: b }, release: two, any-version: true }",
      "a client would choose by the header `x-a`",
    ],
  ])("refuse %s", (_, rule, what) => {
    expect(problemsWith({ previews: `[${rule}]` })[0]).toContain(what);
  });

  it("want a listener that has them", () => {
    const previews = "[{ path: /, release: two, any-version: true }]";
    expect(problemsWith({ previews, listeners: "{ edge: { trust: edge } }" })).toEqual([
      "farm.yaml:6:1: no listener has `previews: true`: add it to one, or remove `previews`",
    ]);
    expect(problemsWith({ listeners: "{ edge: { trust: edge, previews: true } }" })).toEqual([
      "farm.yaml:6:45: the farm has no `previews` to turn on: add it, or remove this line",
    ]);
  });
});
