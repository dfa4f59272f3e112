/**
 * What `pack` says of the public history of a large farm, packed one state after the other. A part of it by default;
 * POINTSMAN_STATES=847 takes all.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Packed, packFarm } from "../scripts/commands/pack.ts";
import { asText, inShort } from "../scripts/diff/formats.ts";
import { survey } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { GUARD_NAMES } from "../scripts/farm/guard-limits.ts";
import { SourceError } from "../scripts/sources/problem.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";
import { folderOf } from "./support/folder.ts";
import { states } from "./support/history.ts";
import { farmByGroup } from "./support/values-files.ts";

const STATES = Number(process.env.POINTSMAN_STATES ?? 40);
const TIMEOUT = 60_000 + STATES * 2000;
const FARM = farmByGroup();

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
        if (packed.diff) {
          changed++;
          expect(packed.diff.same, `${date} ${subject}`).toBe(false);
          expect(movedIn(packed)).toBeLessThanOrEqual(11);
          // A normal change is seen at a glance, and in short in a line of the terminal or two.
          expect(asText(packed.diff).split("\n").length, `${date} ${subject}`).toBeLessThan(10);
          expect(inShort(packed.diff).length).toBeLessThanOrEqual(2);
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
      const fired = new Map<string, number>();
      let longest = 0;
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
          told.reduce((a, b) => a + b, 0),
          `${date} ${subject}`,
        ).toBe(elsewhere);
        if (elsewhere >= 100) counts.elsewhere++;
        const moved = movedIn(packed);
        const lines = packed.diff ? asText(packed.diff).split("\n").length : 0;
        expect(lines, `${date} ${subject}`).toBeLessThan(24);
        longest = Math.max(longest, lines);
        for (const { guard } of packed.findings) fired.set(guard, (fired.get(guard) ?? 0) + 1);
        expect(packed.findings.some(({ guard }) => guard === "wikis-change-release")).toBe(moved > 20);
        if (moved > 20) counts.guarded++;
        old = packed;
      }
      expect(counts.elsewhere).toBeGreaterThan(STATES / 4);
      expect(counts.guarded).toBeGreaterThan(STATES / 4);
      expect(counts.stranded).toBeGreaterThan(0);
      if (STATES > 40) console.log({ states: STATES, ...counts, fired: Object.fromEntries(fired), longest });
    },
    TIMEOUT,
  );
});

it.skipIf(DATA_IS_ABSENT)(`docs/operations.md shows the diff of three months${WHY_SKIPPED}`, () => {
  const folder = folderOf({ "farm.yaml": FARM });
  const at = (state: string, old: Packed | null) => {
    cpSync(join(DATA, "trains", state), folder, { recursive: true });
    return pack(folder, old);
  };
  const { diff } = at("2026-08-19T08-group1", at("2026-05-06T16-wiki-closed-mid-train", null));
  expect(readFileSync(projectPath("docs/operations.md"), "utf8")).toContain(
    `\n\`\`\`text\n${asText(diff!)}\`\`\`\n`,
  );
});

describe.skipIf(DATA_IS_ABSENT)(`damaged copies of real states${WHY_SKIPPED}`, () => {
  const fired = new Set<string>();
  const THURSDAY = "2026-08-20T08-group2";

  /** What the guards say where this copy of the state follows the state. */
  function damaged(state: string, change: (folder: string) => void): Record<string, string> {
    const folder = folderOf({ "farm.yaml": FARM });
    cpSync(join(DATA, "trains", state), folder, { recursive: true });
    const old = pack(folder, null);
    change(folder);
    const { findings } = pack(folder, old);
    for (const { guard } of findings) fired.add(guard);
    return Object.fromEntries(findings.map(({ guard, what }) => [guard, what]));
  }

  /** Writes wikiversions.json anew, each wiki with what `runs` says, and without those for which that is null. */
  function rewrite(folder: string, runs: (wiki: string, version: string) => string | null): void {
    const file = join(folder, "wikiversions.json");
    const versions = Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, string>);
    const kept = versions
      .map(([wiki, version]) => [wiki, runs(wiki, version)])
      .filter(([, now]) => now !== null);
    writeFileSync(file, JSON.stringify(Object.fromEntries(kept), null, 1));
  }

  /** Wikis of a group of the state, by its dblist. */
  function listed(folder: string, group: string): Set<string> {
    return new Set(readFileSync(join(folder, "dblists", `${group}.dblist`), "utf8").split("\n"));
  }

  function relist(folder: string, name: string, keeps: (wiki: string) => boolean): void {
    const file = join(folder, "dblists", `${name}.dblist`);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    const kept = lines.filter((line) => line.startsWith("#") || keeps(line));
    writeFileSync(file, `${kept.join("\n")}\n`);
  }

  it("are stopped: the merge of 2026-05-06 that would have moved 11 wikis, versions by group alone", () => {
    const state = "2026-05-06T16-wiki-closed-mid-train";
    const found = damaged(state, (copy) => {
      const group0 = listed(copy, "group0");
      rewrite(copy, (wiki, version) => (group0.has(wiki) ? "php-1.47.0-wmf.1" : version));
    });
    expect(found["move-changes-version"]).toMatch(
      /^11 wikis get another version while no release does \(`arwikinews`, .*; 11 from group1, 1.46.0-wmf.26, to group0, 1.47.0-wmf.1\), and at most 5 may$/,
    );
  });

  it("are stopped: a farm with last week's stated versions", () => {
    const stated = FARM.replaceAll(/\{ from: group \}/g, "{ version: 1.47.0-wmf.15 }").replace(
      "testwikis: { version: 1.47.0-wmf.15 }",
      "testwikis: { version: 1.47.0-wmf.16 }",
    );
    const found = damaged(THURSDAY, (copy) => writeFileSync(join(copy, "farm.yaml"), stated));
    expect(found["wikis-change-release"]).toMatch(
      /^1069 wikis change release .* 5\d\d from group1 to testwikis/,
    );
    expect(found["release-empties"]).toContain("3 releases have no wiki left");
  });

  it("are stopped: a family's wikis taken out everywhere, half of a list, two promotions that crossed", () => {
    const without = damaged(THURSDAY, (copy) => {
      const isLost = (wiki: string) => wiki.endsWith("wikinews");
      rewrite(copy, (wiki, version) => (isLost(wiki) ? null : version));
      for (const name of ["all", "closed", "group0", "group1"]) relist(copy, name, (wiki) => !isLost(wiki));
    });
    expect(without["wikis-vanish"]).toMatch(
      /^36 of 1072 wikis are gone .*, which is 3.4 %, and at most 1 % may$/,
    );
    let half = 0;
    const halved = damaged(THURSDAY, (copy) => relist(copy, "group2", () => half++ % 2 === 0));
    expect(halved["source-shrinks"]).toContain("the wikis of group2: 346 before, 173 now");
    const crossed = damaged("2026-08-19T08-group1", (copy) => {
      const [group1, group2] = [listed(copy, "group1"), listed(copy, "group2")];
      rewrite(copy, (wiki, version) => {
        if (group1.has(wiki)) return "php-1.47.0-wmf.15";
        return group2.has(wiki) ? "php-1.47.0-wmf.16" : version;
      });
    });
    expect(crossed["version-goes-back"]).toMatch(/^550 wikis go back .* while others go forward \(346\)/);
  });

  it("make every guard fire", () => {
    expect([...fired].sort()).toEqual([...GUARD_NAMES].sort());
  });
});

function movedIn({ diff }: Packed): number {
  const ways = diff?.wikis.ways.filter(({ from, to }) => from !== to) ?? [];
  return ways.reduce((sum, { wikis }) => sum + wikis.length, 0);
}

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
