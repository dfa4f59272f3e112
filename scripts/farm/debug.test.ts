/** Requests that name a backend for debugging. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

const debug = (backends: string, more = "") => ({
  debug: `{ header: x-debug, backends: ${backends}${more} }`,
});

describe("backends for debugging", () => {
  it("are deployments of their own, with a cluster for each release, or one for all", () => {
    const { plan } = compileFarm(
      debug("{ b1: {}, next: { any-version: true }, other: { any-version: true, cluster: elsewhere } }"),
    );
    expect(plan.deployments.map(({ name }) => name)).toEqual(["web", "b1", "next", "other"]);
    expect(plan.clusters.slice(1)).toEqual([
      ["b1-one", "b1-two"],
      ["next", "next"],
      ["elsewhere", "elsewhere"],
    ]);
  });

  it("may have several values of the option, in place of the name", () => {
    const { plan } = compileFarm(
      debug("{ b1: { values: [b1, old-b1] }, next: { any-version: true, values: [n] } }"),
    );
    const values = plan.listeners[0]!.routes.flatMap(({ when }) =>
      when.flatMap((one) => (one.test === "option" ? [one.values] : [])),
    );
    expect(values).toEqual([["b1", "old-b1"], ["n"]]);
    expect(plan.clusters[1]).toEqual(["b1-one", "b1-two"]);
  });

  it("share no value", () => {
    expect(problemsWith(debug("{ b1: { values: [a, a] }, b2: { values: [x, b3] }, b3: {} }"))).toEqual([
      "farm.yaml:6:43: the value `a` is twice",
      "farm.yaml:6:92: the value `b3` is of `b2` already",
    ]);
  });

  it("are chosen by an option of the header, and any other value is refused", () => {
    const { plan, names } = compileFarm(
      debug("{ b1: {} }", ", unknown: { status: 404, body: no such backend }"),
    );
    expect(plan.listeners[0]!.routes.slice(1)).toEqual([
      {
        when: [
          {
            not: false,
            subject: "header",
            name: "x-debug",
            test: "option",
            option: "backend",
            values: ["b1"],
          },
        ],
        outcome: { deployment: 1 },
        wiki: "host",
        debug: true,
      },
      {
        when: [{ not: false, subject: "header", name: "x-debug", test: "present" }],
        outcome: { reply: 0 },
        wiki: "host",
        debug: false,
      },
    ]);
    expect(plan.replies).toEqual([{ status: 404, body: "no such backend" }]);
    expect(names.listeners[0]!.routes).toEqual([null, "farm.yaml:6", "farm.yaml:6"]);
  });

  it("need not be among the deployments that the farm lists", () => {
    const { plan } = compileFarm({ ...debug("{ b1: {} }"), deployments: "{ default: web, names: [web] }" });
    expect(plan.deployments.map(({ name }) => name)).toEqual(["web", "b1"]);
  });

  it.each([
    ["none", "{}", "6:37: `debug.backends` must not be empty (`{} }`)"],
    [
      "a cluster for a backend that has one for each release",
      "{ b1: { cluster: x } }",
      "6:43: `debug.backends.b1` has a `cluster` of its own, which needs `any-version: true` (`{ cluster: x } } }`)",
    ],
    [
      "the cluster of a release",
      "{ b1: { any-version: true, cluster: web-two } }",
      "6:39: `b1` has the same cluster `web-two` as web of release two: give it another",
    ],
    [
      "the cluster of another backend",
      "{ b1: { any-version: true }, b2: { any-version: true, cluster: b1 } }",
      "6:66: `b2` has the same cluster `b1` as b1: give it another",
    ],
    [
      "any version under a deployment's name",
      "{ web: { any-version: true } }",
      "6:39: `web` is also a deployment, whose clusters run one version each: give the backend another name",
    ],
  ])("are refused: %s", (_, backends, problem) => {
    expect(problemsWith(debug(backends))).toEqual([`farm.yaml:${problem}`]);
  });

  it("may be a deployment that rules name as well", () => {
    const { plan } = compileFarm(debug("{ web: {} }"));
    expect(plan.deployments).toEqual([{ name: "web", readOnly: null }]);
  });
});
