/** The example of a farm that is no wikis. */
import { describe, expect, it } from "vitest";
import { packFarm } from "../scripts/commands/pack.ts";
import { Explainer } from "../scripts/explain/explainer.ts";
import { questionOfUrl } from "../scripts/explain/question.ts";
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
    const explainer = await Explainer.create(packed.bytes, filter, whereOf(new Table(packed.bytes), {}));
    expect(explainer.explain({ ...questionOfUrl(`https://${host}/x`), client: null })).toMatchObject({
      wiki,
      cluster,
    });
  });
});
