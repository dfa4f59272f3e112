/** docs/push.md's week of a train: its two farms, pushed with the real files of that week, say what the page says. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, type Ran, run, setUpCli } from "./support/cli.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";

setUpCli();

const PAGE = readFileSync(projectPath("docs/push.md"), "utf8");
const STEPS = [
  "2026-08-18T03-testwikis",
  "2026-08-18T18-group0",
  "2026-08-19T08-group1",
  "2026-08-20T08-group2",
] as const;
const [LAST_WEEK, THIS_WEEK] = ["1.47.0-wmf.15", "1.47.0-wmf.16"];

/** The text of the page's block that begins with that line. */
function block(head: string): string {
  const [, text] = new RegExp(`^\`\`\`${head}\\n([^\`]*)\`\`\`$`, "m").exec(PAGE) ?? [];
  if (text === undefined) throw new Error(`docs/push.md has no block \`${head}\``);
  return text;
}

/** What the page says of each step but the first, by the step's name. */
const saidOf = (scheme: string) =>
  new Map(
    block(`text ${scheme}`)
      .trim()
      .split("\n")
      .map((line) => line.split(/: (.*)/s) as [string, string]),
  );

function writeFarm(releases: string): void {
  writeFileSync(
    join(folder, "farm.yaml"),
    `farm: wikimedia
sources: { mediawiki-config: mediawiki-config }
wikiversions: mediawiki-config:wikiversions.json
dblists: mediawiki-config:dblists
hosts: [{ host: "{label}.wikipedia.org", wiki: "{label}wiki" }]
deployments: { default: mw-web }
`,
  );
  appendFileSync(join(folder, "farm.yaml"), releases);
}

const push = (step: string): Ran =>
  run(
    [
      "push",
      "--source",
      `mediawiki-config=${DATA}/trains/${step}`,
      "--store",
      "store",
      "--yes",
      "--reason",
      step,
    ],
    { env: { POINTSMAN_WHO: "me" } },
  );

/** The farm's block when `promoted` groups run this week's version. */
const fixedReleases = (promoted: readonly string[]) =>
  promoted.reduce((text, group) => {
    const line = `  ${group}: { version: ${LAST_WEEK} }`;
    if (!text.includes(line)) throw new Error(`no release ${group} to promote`);
    return text.replace(line, line.replace(LAST_WEEK, THIS_WEEK));
  }, block("yaml fixed"));

describe.skipIf(DATA_IS_ABSENT)(`a week of the train${WHY_SKIPPED}`, () => {
  it("changes the version of a fixed release, and moves no wiki", () => {
    const said = saidOf("fixed");
    expect([...said.keys()]).toEqual(STEPS.slice(1));
    const promoted: string[] = [];
    for (const step of STEPS) {
      const [, group] = /-(group.)$/.exec(step) ?? [];
      if (group) promoted.push(group);
      writeFarm(fixedReleases(promoted));
      const { code, err } = push(step);
      expect({ step, code }).toEqual({ step, code: 0 });
      if (group) expect(err.trim().split("\n").slice(1)).toEqual([`  ${said.get(step)}`]);
    }
  });

  it("is stopped where the release's version was forgotten", () => {
    writeFarm(fixedReleases(["group0", "group1"]));
    expect(push("2026-08-19T08-group1").code).toBe(0);
    const { code, err } = push("2026-08-20T08-group2");
    expect(code).toBe(1);
    expect(err).toContain(block("text forgotten").trim());
    expect(err).toContain("guard wikis-change-release: ");
  });

  it("moves wikis between releases that are named by their version", () => {
    const said = saidOf("by-version");
    expect([...said.keys()]).toEqual(STEPS.slice(1));
    for (const step of STEPS) {
      const farm = block("yaml by-version");
      writeFarm(step.endsWith("group2") ? farm.replace(LAST_WEEK, THIS_WEEK) : farm);
      const { code, err } = push(step);
      expect({ step, code }).toEqual({ step, code: 0 });
      const last = err.trim().split("\n").at(-1)!;
      if (said.has(step)) expect(last.split(";")[0]).toBe(`  ${said.get(step)}`);
    }
    const { code, out } = run(["rollback", "--store", "store"], { env: { POINTSMAN_WHO: "me" } });
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringContaining("346 wikis move (346 to an OLDER version)"),
    });
  });
});
