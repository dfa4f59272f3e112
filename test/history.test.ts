/**
 * What `pack` says of the public history of a large farm, packed one state after the other. A part of it by default;
 * POINTSMAN_STATES=847 takes all.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Packed, packFarm } from "../scripts/commands/pack.ts";
import { survey } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { compareVersions } from "../scripts/farm/version-order.ts";
import { changesBetween } from "../scripts/guards/changes.ts";
import { SourceError } from "../scripts/sources/problem.ts";
import { DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";
import { folderOf } from "./support/folder.ts";
import { states } from "./support/history.ts";

const STATES = Number(process.env.POINTSMAN_STATES ?? 40);
const TIMEOUT = 60_000 + STATES * 2000;
const FARM = readFileSync(projectPath("examples/wikimedia/farm.yaml"), "utf8");

describe.skipIf(DATA_IS_ABSENT)(`${STATES} real states, packed one after the other${WHY_SKIPPED}`, () => {
  it(
    "meet no guard where releases take their version from their group",
    () => {
      const folder = folderOf({ "farm.yaml": FARM });
      let old: Packed | null = null;
      let changed = 0;
      for (const { date, subject } of states(folder, STATES)) {
        const packed = pack(folder, old);
        expect(packed.findings, `${date} ${subject}`).toEqual([]);
        if (old && old.table.digest !== packed.table.digest) {
          changed++;
          expect(changesBetween(old.table, packed.table, compareVersions).moved.length).toBeLessThanOrEqual(
            11,
          );
        }
        old = packed;
      }
      expect(changed).toBeGreaterThan(STATES / 2);
    },
    TIMEOUT,
  );

  it(
    "are told or refused where releases state the versions of the state before, and a hundred wikis are elsewhere",
    () => {
      const folder = folderOf({ "farm.yaml": FARM });
      let old: Packed | null = null;
      let text = FARM;
      const counts = { elsewhere: 0, guarded: 0, stranded: 0 };
      for (const { date, subject } of states(folder, STATES)) {
        const next = stating(folder);
        writeFileSync(join(folder, "farm.yaml"), text);
        text = next;
        let packed: Packed;
        try {
          packed = pack(folder, old);
        } catch (error) {
          if (!(error instanceof SourceError)) throw error;
          expect(error.message, `${date} ${subject}`).toMatch(/ which no release has /);
          expect(error.message.split("\n").length).toBeLessThan(5);
          counts.stranded++;
          continue;
        }
        const elsewhere = wikisElsewhere(packed, folder);
        const told = packed.warnings.map((one) => Number(/: (\d+) of \d+ wikis of/.exec(one)?.[1] ?? 0));
        expect(
          told.reduce((a, b) => a + b),
          `${date} ${subject}`,
        ).toBe(elsewhere);
        if (elsewhere >= 100) counts.elsewhere++;
        const moved = old ? changesBetween(old.table, packed.table, compareVersions).moved.length : 0;
        expect(packed.findings.some(({ guard }) => guard === "wikis-change-release")).toBe(moved > 20);
        if (moved > 20) counts.guarded++;
        old = packed;
      }
      expect(counts.elsewhere).toBeGreaterThan(STATES / 4);
      expect(counts.guarded).toBeGreaterThan(STATES / 4);
      expect(counts.stranded).toBeGreaterThan(0);
    },
    TIMEOUT,
  );
});

function pack(folder: string, old: Packed | null): Packed {
  const source = { "mediawiki-config": folder };
  return packFarm({ farm: join(folder, "farm.yaml"), source, today: TODAY, strip: true }, old?.table);
}

/** The farm with each release's version stated as its group has it now. */
function stating(folder: string): string {
  writeFileSync(join(folder, "farm.yaml"), FARM);
  const farm = new Farm(join(folder, "farm.yaml"), { "mediawiki-config": folder });
  const { list } = survey(farm, TODAY).releases;
  return list.reduce(
    (text, { name, version }) =>
      text.replace(`  ${name}: { from: group }`, `  ${name}: { version: ${version} }`),
    FARM,
  );
}

/** By the table alone: wikis whose release is not called as their group. */
function wikisElsewhere({ table }: Packed, folder: string): number {
  const own = new Set(new Farm(join(folder, "farm.yaml"), { "mediawiki-config": folder }).keys(["releases"]));
  let count = 0;
  for (const { slot } of table.keys(table.wikis)) {
    const { release, group } = table.placement(slot);
    if (group !== null && own.has(group) && table.release(release).name !== group) count++;
  }
  return count;
}
