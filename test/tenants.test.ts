/** The example of a farm that is no wikis. */
import { describe, expect, it } from "vitest";
import { packFarm } from "../scripts/commands/pack.ts";
import { Explainer } from "../scripts/explain/explainer.ts";
import { type Question, questionOfUrl } from "../scripts/explain/question.ts";
import { whereOf } from "../scripts/explain/where.ts";
import { filter } from "../scripts/filter.ts";
import { Table } from "../scripts/table/table.ts";
import { projectPath } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";

describe("a farm that is no wikis (examples/tenants)", () => {
  const farm = projectPath("examples/tenants/farm.yaml");
  const packed = packFarm({ farm, source: {}, today: TODAY, strip: true });

  it("is packed without a warning", () => {
    expect(packed.warnings).toEqual([]);
  });

  it.each([
    ["wiki.acme.example", "acme-corp", "web-stable"],
    ["ACME.hosting.example", "acme-corp", "web-stable"],
    ["handbook.bolt.example", "Bolt", "web-stable"],
    ["xn--bcherei-n2a.example", "3F2504E0-4F89-41D3-9A0C-0305E82C3301", "web-next"],
    ["b.example", null, "web-stable"],
  ])("sends %s to %s, and to its version's cluster", async (host, wiki, cluster) => {
    expect(await explain(host, {})).toMatchObject({ wiki, cluster });
  });

  it.each([
    ["a client in the office", { client: "192.0.2.1" }, "web-canary-stable"],
    ["one of the twentieth", { headers: { cookie: ["session=s39"] } }, "web-canary-stable"],
    ["one of the others", { headers: { cookie: ["session=s1"] } }, "web-stable"],
    ["our own people", { headers: { "x-staff": ["next"] } }, "web-next"],
    ["our own people, of another mind", { headers: { "x-staff": ["stable"] } }, "web-stable"],
  ])("sends %s to a cluster of their own", async (_, more, cluster) => {
    expect(await explain("wiki.acme.example", more)).toMatchObject({ wiki: "acme-corp", cluster });
  });

  async function explain(host: string, more: Partial<Question>) {
    const explainer = await Explainer.create(packed.bytes, filter, whereOf(new Table(packed.bytes), {}));
    return explainer.explain({ ...questionOfUrl(`https://${host}/x`), ...more });
  }
});
