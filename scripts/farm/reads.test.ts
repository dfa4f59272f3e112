/** Reads outside the primary data centre. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

const reads = (rules: string, more = "deployments: [web]") => ({ reads: `{ ${more}, rules: [${rules}] }` });

describe("reads", () => {
  it("give deployments a read-only one, and go there by share", () => {
    const { plan } = compileFarm({
      deployments: "{ default: web, rules: [{ path: /api, deployment: api }, { path: /x, deployment: x }] }",
      ...reads(
        "{ method: POST, primary: true }, { host: a, share: 0.0001 }, { share: 0.29 }",
        "deployments: [api, web]",
      ),
    });
    expect(plan.deployments).toEqual([
      { name: "web", readOnly: 4 },
      { name: "api", readOnly: 3 },
      { name: "x", readOnly: null },
      { name: "api-ro", readOnly: null },
      { name: "web-ro", readOnly: null },
    ]);
    expect(plan.clusters[4]).toEqual(["web-ro-one", "web-ro-two"]);
    expect(plan.listeners[0]!.reads.map(({ when, outcome }) => [when.length, outcome])).toEqual([
      [1, { readOnly: 0 }],
      [1, { readOnly: 1 }],
      [0, { readOnly: 2900 }],
    ]);
    expect(plan.shareCookie).toBe(null);
  });

  it("are cut by a cookie, and read-only deployments called, as the farm says", () => {
    const { plan } = compileFarm(
      reads("{ share: 1 }", "deployments: [web], suffix: .ro, share-by: { cookie: WMF-Uniq }"),
    );
    expect(plan.shareCookie).toBe("WMF-Uniq");
    expect(plan.deployments[1]!.name).toBe("web.ro");
  });

  it.each([
    [
      "a rule that says neither",
      reads("{ method: POST }"),
      "must have `primary: true` or a `share`, one of them",
    ],
    ["a rule that says both", reads("{ primary: true, share: 1 }"), "must have `primary: true` or a `share`"],
    ["more than all", reads("{ share: 1.5 }"), "must be at most 1"],
    ["a share of five decimals", reads("{ share: 0.00001 }"), "must have at most 4 decimals"],
    [
      "a rule for all before others",
      reads("{ share: 1 }, { share: 0 }"),
      "only the last rule may be for all",
    ],
    [
      "a deployment that no rule names",
      reads("{ share: 1 }", "deployments: [api]"),
      "no rule sends requests to `api`; there are `web`",
    ],
    ["no rules", reads(""), "must have at least 1 entry"],
  ])("are refused: %s", (_, parts, what) => {
    const problems = problemsWith(parts);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(what);
  });

  it("are refused where a read-only deployment would be a deployment that there is", () => {
    const deployments = "{ default: web, rules: [{ path: /x, deployment: web-ro }] }";
    expect(problemsWith({ ...reads("{ share: 1 }"), deployments })).toEqual([
      "farm.yaml:6:24: `web-ro` is a deployment already: a read-only deployment needs a name of its own",
    ]);
  });

  it("are refused for a backend that runs any version", () => {
    const debug = "{ header: x-debug, backends: { next: { any-version: true } } }";
    expect(problemsWith({ debug, ...reads("{ share: 1 }", "deployments: [next]") })).toEqual([
      "farm.yaml:7:24: no rule sends requests to `next`; there are `web`",
    ]);
  });
});
