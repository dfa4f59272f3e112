/** Who an Envoy says it is. */
import { describe, expect, it } from "vitest";
import { readIdentity } from "./identity.ts";

describe("an Envoy's word of who it is", () => {
  it.each([
    [
      { id: "edge-1", cluster: "edge", locality: { region: "eu", zone: "esams", sub_zone: "a" } },
      ["edge-1", "edge", "eu/esams/a"],
    ],
    [{ id: "a", cluster: "", locality: { region: "eu" } }, ["a", "", "eu"]],
    [{ id: "a", locality: { zone: "esams" } }, ["a", "", "/esams"]],
    [{ id: "a", cluster: 7, locality: "eu" }, ["a", "", ""]],
  ])("is read: %j", (node, [id, cluster, locality]) => {
    expect(readIdentity(JSON.stringify({ state: "LIVE", node }))).toEqual({ id, cluster, locality });
  });

  it.each(["{", "null", "[]", "7", '{"node": null}', '{"node": {"id": ""}}', '{"node": {"id": 7}}'])(
    "is none: %s",
    (text) => {
      expect(readIdentity(text)).toMatch(/^its answer is no JSON: |^it has no node id: /);
    },
  );
});
