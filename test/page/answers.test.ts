/** The filter in the page: every real host case, and cases of the suite as the CLI answers them. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import type { Explanation } from "../../scripts/explain/explainer.ts";
import type { AskedAt } from "../../scripts/explain/where.ts";
import type { InConsole } from "../../scripts/page/in-console.ts";
import { type Case, loadSuites } from "../suite/cases.ts";
import { SuiteFarm } from "../suite/farms.ts";
import { folder, run, setUpCli } from "../support/cli.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { answerOfHostCase, hostCases } from "../support/host-cases.ts";
import { describeInChromium } from "./chromium.ts";
import { openFile, openPage } from "./open-page.ts";

setUpCli();

const REALMS = ["production", "labs"] as const;

/** A line of `explain --stdin`. */
type Line = Record<string, unknown>;

const ask = (page: Page, lines: Line[], at: AskedAt = {}): Promise<Explanation[]> =>
  page.evaluate(
    ({ lines, at }) => (globalThis as unknown as { pointsman: InConsole }).pointsman.explain(lines, at),
    { lines, at },
  );

describeInChromium("The filter in the page", (browser) => {
  const farms = new Map<string, SuiteFarm>();
  const pages = new Map<string, Page>();

  beforeAll(async () => {
    if (DATA_IS_ABSENT) return;
    for (const realm of REALMS) {
      const farm = new SuiteFarm(realm);
      farms.set(realm, farm);
      const { page } = await openPage(browser());
      await openFile(page, `${realm}.table`, farm.table.bytes);
      pages.set(realm, page);
    }
  });

  it.skipIf(DATA_IS_ABSENT)(
    `gives each host case its wiki, and a release of its version${WHY_SKIPPED}`,
    async () => {
      const versions = farms.get("production")!.versions();
      let asked = 0;
      for (const realm of REALMS) {
        const rows = hostCases().filter((row) => row.realm === realm && row.leftOut === null);
        const lines = rows.map(({ host, request_uri }) => ({ authority: host, path: request_uri }));
        const answers = await ask(pages.get(realm)!, lines);
        const wrong = rows.flatMap((row, i) => {
          // A proxy lets no blank through: PHP was asked without one.
          const isNone = row.request_uri.includes(" ");
          const expected = isNone ? { wiki: null, status: 400 } : answerOfHostCase(row, versions);
          const got = Object.fromEntries(
            Object.keys(expected).map((key) => [key, answers[i]![key as keyof Explanation]]),
          );
          return JSON.stringify(got) === JSON.stringify(expected) ? [] : [{ row, got, expected }];
        });
        expect(wrong.slice(0, 10)).toEqual([]);
        asked += rows.length;
      }
      expect(asked).toBe(5827);
    },
  );

  it.skipIf(DATA_IS_ABSENT)(`answers cases of the suite as the CLI does${WHY_SKIPPED}`, async () => {
    const cases = loadSuites().filter(({ farm }) => farm === "production");
    const table = join(folder, "production.table");
    writeFileSync(table, farms.get("production")!.table.bytes);
    let equal = 0;
    for (const listener of ["edge", "mesh"]) {
      const lines = cases
        .flatMap(({ cases }) => cases)
        .filter(
          ({ listeners }) =>
            listeners.includes(listener) || (listener === "edge" && listeners.includes(null)),
        )
        .map(lineOf);
      const input = lines.map((line) => JSON.stringify(line)).join("\n");
      const { out, code } = run(["explain", "--table", table, "--listener", listener, "--stdin"], { input });
      expect(code).toBe(0);
      const theirs = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(await ask(pages.get("production")!, lines, { listener })).toEqual(theirs);
      equal += lines.length;
    }
    expect(equal).toBeGreaterThan(300);
  });
});

function lineOf({ authority, path, method, headers, body, client }: Case): Line {
  const named: Record<string, string[]> = {};
  for (const [name, value] of headers) named[name] = [...(named[name] ?? []), value];
  return { authority, path, method, headers: named, body: body ?? null, client: client ?? null };
}
