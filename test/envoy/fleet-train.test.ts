/** docs/push.md's week of a train, on the real files, in stages through five real Envoys: each wiki meets its own version. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { send } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "../support/data.ts";
import { FleetUnderTest } from "../support/fleet.ts";

const STEPS = ["2026-08-18T18-group0", "2026-08-19T08-group1", "2026-08-20T08-group2"];
const CLUSTERS = ["15", "16"].map((number) => `mw-web-1-47-0-wmf-${number}`);
/** Of testwikis, group1 and group2. */
const WIKIS = ["testwiki", "cawiki", "hewiki", "enwiki", "dewiki"];
const FARM = `farm: wikimedia
sources: { mediawiki-config: ../mediawiki-config }
wikiversions: mediawiki-config:wikiversions.json
dblists: mediawiki-config:dblists
hosts: [{ host: "{label}.wikipedia.org", wiki: "{label}wiki" }]
deployments: { default: mw-web }
groups: {}
releases: {}
spill: version-named
spill-at-most: 2000
default-release: 1.47.0-wmf.15
cluster: "{deployment}-{release-slug}"
stages: { canary: { clusters: [canary], bake: 2s } }
rollout: { bake: 2s, requests: 20, latency: off }
`;

/** With `#` for the figures that differ from run to run. */
const likeThePage = (text: string) =>
  text.replaceAll(/\d+(\.\d+)? %/g, "# %").replaceAll(/\d+ requests/g, "# requests");

/** The page's block of what the push of group1 says. */
function saidOnThePage(): string {
  const page = readFileSync(projectPath("docs/push.md"), "utf8");
  return /^```text staged\n([^`]*)```$/m.exec(page)?.[1] ?? "";
}

let fleet: FleetUnderTest | null = null;
afterEach(() => fleet?.stop());

const state = (folder: string, step: string) => {
  rmSync(join(folder, "mediawiki-config"), { recursive: true, force: true });
  cpSync(join(DATA, "trains", step), join(folder, "mediawiki-config"), { recursive: true });
};

/** The cluster to which each Envoy sends a wiki. */
const clustersOf = (wiki: string) =>
  Promise.all(
    fleet!.envoys.map(async ({ port }) => {
      const { body } = await send({ port, host: `${wiki.replace(/wiki$/, "")}.wikipedia.org` });
      return (JSON.parse(body) as Seen).cluster;
    }),
  );

describe.skipIf(DATA_IS_ABSENT)(`a week of the train through a fleet${WHY_SKIPPED}`, () => {
  it("comes to a canary, to half of the fleet and to all, and every wiki meets its version", {
    timeout: 300_000,
  }, async () => {
    const write = (folder: string) => {
      writeFileSync(join(folder, "farm/farm.yaml"), FARM);
      state(folder, "2026-08-18T03-testwikis");
    };
    fleet = await FleetUnderTest.start({ envoys: 5, other: { write, clusters: CLUSTERS } });
    let isOver = false;
    const failed: number[] = [];
    const load = fleet.envoys.map(async ({ port }) => {
      while (!isOver) {
        const { status } = await send({ port, host: "en.wikipedia.org" });
        if (status !== 200) failed.push(status);
        await sleep(20);
      }
    });
    for (const step of STEPS) {
      state(fleet.folder, step);
      const versions = JSON.parse(readFileSync(join(DATA, "trains", step, "wikiversions.json"), "utf8"));
      if (step.endsWith("group2")) {
        const farm = join(fleet.folder, "farm/farm.yaml");
        writeFileSync(farm, FARM.replace("default-release: 1.47.0-wmf.15", "default-release: 1.47.0-wmf.16"));
      }
      const push = [
        "push",
        "--farm",
        "farm/farm.yaml",
        "--yes",
        "--reason",
        step,
        "--stages",
        "canary,50%,all",
      ];
      const { out, err } = await fleet.well(...push, ...fleet.proxies());
      if (step.endsWith("group1"))
        expect(likeThePage((err + out).replaceAll(fleet.store, "/srv/pointsman"))).toBe(
          likeThePage(saidOnThePage()),
        );
      for (const wiki of WIKIS) {
        const slug = versions[wiki].replace("php-", "").replaceAll(".", "-");
        expect({ step, wiki, clusters: await clustersOf(wiki) }).toEqual({
          ...{ step, wiki, clusters: Array(5).fill(`mw-web-${slug}`) },
        });
      }
    }
    isOver = true;
    await Promise.all(load);
    expect(failed).toEqual([]);
  });
});
