/** What clients get for a wiki whose version no release runs, from the filter itself. */
import { describe, expect, it } from "vitest";
import { Explainer } from "../scripts/explain/explainer.ts";
import { questionOfUrl } from "../scripts/explain/question.ts";
import { filter } from "../scripts/filter.ts";
import { decide } from "../scripts/table/decide.ts";
import { compileFarm } from "./support/farm-text.ts";
import { FilterReader, tableOf } from "./support/farms.ts";
import { bytesOf } from "./support/plans.ts";

const FARM = {
  wikiversions: "{ awiki: v1, bwiki: v3 }",
  groups: "{ one: { wikis: [awiki, bwiki] } }",
  hosts: "[{ host: '{label}.example', wiki: '{label}wiki' }]",
  jobs: "{ field: database, rules: [{ path: /job, deployment: job }] }",
  "canonical-hosts": "[{ host: '{label}.example', wiki: '{label}wiki' }]",
  listeners: "{ main: { trust: internal, jobs: true } }",
  "on-stranded": "reply",
  "stranded-reply": "{ status: 503, body: between two versions }",
};

describe("on-stranded: reply", () => {
  const table = tableOf(compileFarm(FARM).plan);
  const ask = async (request: Parameters<typeof decide>[1]) => {
    const answer = (await FilterReader.on(table)).decide(request);
    expect(answer).toEqual(decide(table, request).answer);
    return answer;
  };

  it("answers requests for the wiki, and routes those for others", async () => {
    expect(await ask({ authority: "b.example", target: "/" })).toEqual({
      kind: "reply",
      status: 503,
      body: "between two versions",
    });
    expect(await ask({ authority: "a.example", target: "/" })).toMatchObject({
      wiki: "awiki",
      cluster: "web-one",
    });
  });

  it("sends a job for it to no release of another version", async () => {
    const job = { authority: "a.example", target: "/job", method: "POST", body: '{"database":"bwiki"}' };
    expect(await ask(job)).toMatchObject({ wiki: "bwiki", version: "v3", cluster: "job-v3" });
  });

  it("is explained as what it is", async () => {
    const { plan, names } = compileFarm(FARM);
    const explainer = await Explainer.create(bytesOf(plan, JSON.stringify(names)), filter);
    expect(explainer.explain(questionOfUrl("b.example/")).why).toBe(
      "the host matches {label}.example → {label}wiki (farm.yaml:7): bwiki has no release that runs its version; such a wiki is answered with 503",
    );
  });
});
