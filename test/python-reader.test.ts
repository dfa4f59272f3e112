/** The reader in Python, written from docs/table-format.md, agrees with the decoder: so the page is enough. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import type { Plan, Route } from "../scripts/plan.ts";
import { decide } from "../scripts/table/decide.ts";
import type { Answer, Request, Where } from "../scripts/table/request.ts";
import type { Table } from "../scripts/table/table.ts";
import { loadSuites, requestOf, wheresOf } from "./suite/cases.ts";
import { needsData, SuiteFarm } from "./suite/farms.ts";
import { DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, TODAY, tableOf } from "./support/farms.ts";
import { folderOf } from "./support/folder.ts";
import { anyPlan, plainRule, routedPlan } from "./support/plans.ts";
import { askPython } from "./support/python-reader.ts";
import { requestsFor, wheresFor } from "./support/requests.ts";

type Asked = [Request, Where];

/** It reads no bodies, as a proxy that routes before it has one. */
const decided = (table: Table, asked: readonly Asked[]): Answer[] =>
  asked.map(([request, where]) => decide(table, request, { ...where, bodiless: true }).answer);

describe("the reader in Python", () => {
  it("is short: at most 250 lines, not counting blank ones, of at most 120 characters", () => {
    const folder = projectPath("examples/readers/python");
    expect(readdirSync(folder).filter((name) => name.endsWith(".py"))).toEqual([
      "ask.py",
      "pointsman_table.py",
    ]);
    const lines = readFileSync(`${folder}/pointsman_table.py`, "utf8").split("\n");
    expect(lines.filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(250);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });

  const suites = loadSuites();
  for (const farm of new Set(suites.map((suite) => suite.farm))) {
    const isSkipped = needsData(farm) && DATA_IS_ABSENT;
    it.skipIf(isSkipped)(`answers the suite's cases of ${farm}${isSkipped ? WHY_SKIPPED : ""}`, () => {
      const known = new SuiteFarm(farm);
      const cases = suites.filter((suite) => suite.farm === farm).flatMap((suite) => suite.cases);
      const asked = cases.flatMap((one) =>
        one.only ? [] : wheresOf(one).map((where) => ({ one, where, request: requestOf(one) })),
      );
      const questions = asked.map(({ request, where }): Asked => [request, where]);
      const answers = askPython(known.table, questions);
      const byDecoder = decided(known.table, questions);
      const wrong = asked.flatMap(({ one, where, request }, i) => {
        const needsBody = decide(known.table, request, where).trail.wikiFrom === "body";
        const expected = needsBody ? byDecoder[i] : known.answer(one, where.secondary);
        return isDeepStrictEqual(answers[i], expected)
          ? []
          : [{ place: one.place, ask: one.ask, where, got: answers[i], expected }];
      });
      expect(wrong).toEqual([]);
    });
  }

  /** Compares the answers to so many generated requests, anywhere. */
  const compare = (plan: Plan, count: number) => {
    const table = tableOf(plan);
    const asked = fc.sample(fc.tuple(requestsFor(plan), fc.constantFrom(...wheresFor(plan))), count);
    const answers = askPython(table, asked);
    const wrong = decided(table, asked).flatMap((expected, i) =>
      isDeepStrictEqual(answers[i], expected) ? [] : [{ asked: asked[i], got: answers[i], expected }],
    );
    expect(wrong).toEqual([]);
  };

  for (const name of ["small", "production", "labs"] as const) {
    const isSkipped = name !== "small" && DATA_IS_ABSENT;
    it.skipIf(isSkipped)(
      `agrees about generated requests to the farm ${name}${isSkipped ? WHY_SKIPPED : ""}`,
      () => compare(loadFarm(name).plan, 5_000),
    );
  }

  it("does what docs/readers.md says", () => {
    const [, program] = /^```python\n([\s\S]*?)^```$/m.exec(
      readFileSync(projectPath("docs/readers.md"), "utf8"),
    )!;
    const farm = new Farm(projectPath("examples/three-wikis/farm.yaml"));
    const { bytes } = tableOf(compile(farm, TODAY).plan);
    const cwd = folderOf({ "farm.table": Buffer.from(bytes), "program.py": program! });
    const env = { ...process.env, PYTHONPATH: projectPath("examples/readers/python") };
    const { stdout, stderr } = spawnSync("python3", ["-B", "program.py"], { cwd, env, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe("mw-api-group1 1.47.0-wmf.1\n");
  });

  it("finds no parameter by a name that PHP gives to none", () => {
    const when = { subject: "query", name: "a.b", test: "present", not: false } as const;
    const table = tableOf(routedPlan([plainRule<Route>("pass", when)]));
    const asked = ["/?a.b=1", "/?a_b=1", "/?a%20b=1"].map(
      (target): Asked => [
        { authority: "x.example", target },
        { listener: null, secondary: false },
      ],
    );
    expect(askPython(table, asked)).toEqual(decided(table, asked));
    expect(decided(table, asked).map(({ kind }) => kind)).toEqual(["route", "route", "route"]);
  });

  it("agrees about generated farms", () => {
    for (const plan of fc.sample(anyPlan, 20)) compare(plan, 100);
  });
});
