/** From a farm's files to the bytes of its table. */
import { describe, expect, it } from "vitest";
import { compileFarm, warningsOf } from "../../test/support/farm-text.ts";
import { plainPlan } from "../../test/support/plans.ts";
import { encode } from "../encode/encode.ts";
import { Table } from "../table/table.ts";
import { encodeFarm, warnOfLimits } from "./encode-farm.ts";

const OPTIONS = { generation: 1, names: null };

describe("a farm's table", () => {
  it("that no reader would take is an error at the farm file", () => {
    const { farm } = compileFarm();
    const plan = plainPlan({ clusters: [["c".repeat(256)]] });
    expect(() => encodeFarm(farm, plan, OPTIONS)).toThrow(/farm\.yaml: "c+" has 256 bytes: at most 255$/);
  });

  it("that uses 80 % of what only the finished table tells is a warning", () => {
    const warned = (deployments: number) => {
      const names = (count: number, letter: string) => Array.from({ length: count }, (_, i) => letter + i);
      const releases = names(250, "r").map((name) => ({ name, version: "1.0" }));
      const clusters = names(deployments, "c").map((cluster) => names(250, `${cluster}.`));
      const named = names(deployments, "d").map((name) => ({ name, readOnly: null }));
      const plan = plainPlan({ releases, clusters, deployments: named });
      const { farm } = compileFarm();
      warnOfLimits(farm, new Table(encode(plan, OPTIONS)));
      return warningsOf(farm);
    };
    expect(warned(200)).toEqual([]);
    expect(warned(210)[0]).toMatch(/^farm\.yaml: 52\d\d\d different strings: a table holds at most 65535$/);
  });
});
