/** The real train states. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkFarm } from "../scripts/commands/check.ts";
import { packFarm } from "../scripts/commands/pack.ts";
import { readWikiversions } from "../scripts/sources/wikiversions.ts";
import { Table } from "../scripts/table/table.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";
import { folderOf } from "./support/folder.ts";
import { farmByGroup, sourcesOfState } from "./support/values-files.ts";

/** State of the train → wikis that are not on their group's release, wikis in no group. */
const STATES: Record<string, { moved: number; inNoGroup: string[] }> = {
  "2026-02-11T12-wiki-held-back": { moved: 1, inNoGroup: [] },
  "2026-05-06T16-wiki-closed-mid-train": { moved: 11, inNoGroup: [] },
  "2026-06-24T10-wiki-in-no-group": { moved: 0, inNoGroup: ["apiportalwiki"] },
  "2026-08-18T03-testwikis": { moved: 0, inNoGroup: [] },
  "2026-08-18T18-group0": { moved: 0, inNoGroup: [] },
  "2026-08-19T08-group1": { moved: 0, inNoGroup: [] },
  "2026-08-20T08-group2": { moved: 0, inNoGroup: [] },
};

describe.skipIf(DATA_IS_ABSENT)(`states of the train${WHY_SKIPPED}`, () => {
  it("are these seven", () => {
    expect(readdirSync(`${DATA}/trains`).sort()).toEqual(Object.keys(STATES));
  });

  for (const [state, { moved, inNoGroup }] of Object.entries(STATES)) {
    const folder = `${DATA}/trains/${state}`;
    const options = {
      farm: projectPath("examples/wikimedia/farm.yaml"),
      today: TODAY,
    };
    const asValuesSay = () => ({ ...options, source: sourcesOfState(folder, folderOf({})) });
    const byGroup = () => ({
      ...options,
      farm: join(folderOf({ "farm.yaml": farmByGroup() }), "farm.yaml"),
      source: { "mediawiki-config": folder },
    });

    it(`${state}: no wiki of the packed table is on a release of another version`, () => {
      const versions = readWikiversions(`${folder}/wikiversions.json`);
      const table = new Table(packFarm(asValuesSay()).bytes);
      const read = new Map<string, string>();
      for (const { key, slot } of table.keys(table.wikis)) {
        read.set(key, table.release(table.releaseOf(slot)).version);
      }
      expect(read).toEqual(new Map([...versions].map(([wiki, { version }]) => [wiki, version])));
    });

    it(`${state}: check names who is not on the group's release, and who is in no group`, () => {
      const report = checkFarm(asValuesSay());
      expect(report.moved.map(({ wiki }) => wiki)).toHaveLength(moved);
      expect(report.inNoGroup.map(({ wiki }) => wiki)).toEqual(inNoGroup);
      const ofGroup = new Map(report.releases.map(({ name, version }) => [name, version]));
      for (const { groupRelease, version } of report.moved)
        expect(ofGroup.get(groupRelease)).not.toBe(version);
      expect(report.releases.some((release) => release.fromGroup)).toBe(false);
    });

    it(`${state}: values files and \`from: group\` give the same table, and check tells them apart`, () => {
      expect(packFarm(byGroup()).table.digest).toBe(packFarm(asValuesSay()).table.digest);
      expect(checkFarm(byGroup()).releases.every((release) => release.fromGroup)).toBe(true);
    });
  }

  it("are told where wikiversions is ahead of the values files: nobody deployed group1", () => {
    const [before, after] = ["2026-08-18T18-group0", "2026-08-19T08-group1"].map(
      (one) => `${DATA}/trains/${one}`,
    );
    const { releases } = sourcesOfState(before!, folderOf({}));
    const { warnings } = packFarm({
      farm: projectPath("examples/wikimedia/farm.yaml"),
      source: { "mediawiki-config": after!, releases: releases! },
      today: TODAY,
    });
    expect(warnings).toContainEqual(
      expect.stringMatching(/: 550 of 550 wikis of group1 are on group0: group1 says 1.47.0-wmf.15/),
    );
  });
});
