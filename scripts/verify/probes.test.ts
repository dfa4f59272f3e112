/** Which requests are asked, and which sample of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PLAN } from "../../test/envoy/farm.ts";
import { reference } from "../../test/reference.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../../test/support/data.ts";
import { loadFarm, tableOf } from "../../test/support/farms.ts";
import { anyPlan } from "../../test/support/plans.ts";
import { wheresFor } from "../../test/support/requests.ts";
import type { Plan } from "../plan.ts";
import type { Where } from "../table/request.ts";
import { type Probe, probesOf, sampleOf, Unasked } from "./probes.ts";

/** Of no account to a sample. */
const REST = { host: "h", path: "/", version: "1", cluster: "c", isOfShare: false };
const ANYWHERE: Where = { listener: null, secondary: false };

function ask(plan: Plan, where = ANYWHERE, paths: [string, string][] = [], headers: [string, string][] = []) {
  const table = tableOf(plan);
  const unasked = new Unasked(table);
  const probes = [...probesOf(table, { where, paths: new Map(paths), headers }, unasked)];
  const { withoutHost, notInstalled, deployments } = unasked;
  return { probes, withoutHost, notInstalled, deployments: [...deployments] };
}

const shown = ({ probes }: { probes: Probe[] }) =>
  probes.map(({ wiki, deployment, host, path }) => `${wiki} ${deployment} ${host}${path}`).sort();

describe("probes", () => {
  it("are one of each wiki and deployment to which a path leads, and the others are told", () => {
    const edge = ask(PLAN);
    const wikis: [string, string][] = [
      ["be_x_oldwiki", "be-tarask"],
      ["dewiki", "de"],
      ["enwiki", "en"],
      ["testwiki", "test"],
    ];
    const paths = [
      ["api", "/w/api.php"],
      ["jobs", "/rpc/RunSingleJob.php"],
      ["web", "/"],
    ];
    expect(shown(edge)).toEqual(
      wikis.flatMap(([wiki, label]) =>
        paths.map(([deployment, path]) => `${wiki} ${deployment} ${label}.wiki.example${path}`),
      ),
    );
    expect([edge.withoutHost, edge.notInstalled, edge.deployments]).toEqual([
      0,
      1,
      ["debug", "next", "web-ro", "api-ro"],
    ]);
  });

  it("take the paths and headers that are said, where the table leads there by them", () => {
    const said = ask(PLAN, ANYWHERE, [
      ["api", "/w/api.php?action=query"],
      ["web", "/w/rest.php"],
    ]);
    expect(shown(said).filter((one) => one.startsWith("enwiki"))).toEqual([
      "enwiki api en.wiki.example/w/api.php?action=query",
      "enwiki jobs en.wiki.example/rpc/RunSingleJob.php",
    ]);
    expect(said.deployments).toContain("web");
    const debugging = ask(PLAN, ANYWHERE, [], [["X-Wikimedia-Debug", "backend=k8s-debug"]]);
    expect(new Set(debugging.probes.map(({ deployment }) => deployment))).toEqual(new Set(["debug"]));
  });

  it("go to read-only deployments as a secondary data centre does", () => {
    const { probes } = ask(PLAN, { listener: "edge", secondary: true });
    expect(new Set(probes.map(({ deployment }) => deployment)).has("web-ro")).toBe(true);
  });

  it("find hosts where the table has no canonical ones", () => {
    const { plan } = loadFarm("small");
    expect(plan.canonical.rules).toEqual([]);
    const { probes, withoutHost } = ask(plan);
    expect([probes.length, withoutHost]).toEqual([12, 0]);
    expect(new Set(probes.map(({ host }) => host))).toContain("handbook.example.com");
  });

  it("say of any plan what the reference says", () => {
    let found = 0;
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const naive = reference(plan);
        const installed = plan.wikis.filter((one) => one.installed).length;
        for (const where of wheresFor(plan)) {
          const { probes, withoutHost, notInstalled } = ask(plan, where);
          found += probes.length;
          for (const { host, path, isOfShare: _, ...expected } of probes) {
            expect(naive({ authority: host, target: path }, where)).toMatchObject({
              kind: "route",
              ...expected,
            });
          }
          const pairs = new Set(probes.map(({ wiki, deployment }) => `${wiki} ${deployment}`));
          expect(pairs.size).toBe(probes.length);
          expect(new Set(probes.map(({ wiki }) => wiki)).size + withoutHost).toBe(installed);
          expect(notInstalled).toBe(plan.wikis.length - installed);
        }
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(100);
  });

  it.skipIf(DATA_IS_ABSENT)(`find all of Wikimedia's wikis${WHY_SKIPPED}`, () => {
    const { plan } = loadFarm("production");
    const { probes, withoutHost } = ask(plan);
    expect([new Set(probes.map(({ wiki }) => wiki)).size, withoutHost]).toEqual([plan.wikis.length, 0]);
  });
});

describe("a sample", () => {
  const probe = fc.record({
    wiki: fc.string({ unit: fc.constantFrom(..."abcdef"), minLength: 1, maxLength: 4 }),
    group: fc.constantFrom("group0", "group1", null),
    deployment: fc.constantFrom("web", "api", "jobs"),
    release: fc.constantFrom("r0", "r1", "r2"),
  });
  const many = fc
    .uniqueArray(probe, { selector: ({ wiki, deployment }) => `${wiki} ${deployment}`, maxLength: 200 })
    .map((all) => all.map((one): Probe => ({ ...one, ...REST })));
  const cells = (probes: readonly Probe[]) =>
    new Set(
      probes.flatMap(({ deployment, release, group }) => [
        `${deployment} ${release}`,
        `${deployment} ${group}`,
      ]),
    );

  it("covers releases and groups in each deployment, is as large as was asked, and the same for a seed", () => {
    fc.assert(
      fc.property(many, fc.integer({ min: 1, max: 250 }), fc.nat(5), (probes, size, seed) => {
        const sample = sampleOf(probes, size, seed);
        expect(cells(sample)).toEqual(cells(probes));
        expect(new Set(sample).size).toBe(sample.length);
        expect(probes).toEqual(expect.arrayContaining(sample));
        expect(sample.length).toBeGreaterThanOrEqual(Math.min(size, probes.length));
        expect(sample.length).toBeLessThanOrEqual(Math.max(size, cells(probes).size));
        // In whatever order they come.
        expect(new Set(sampleOf(probes.toReversed(), size, seed))).toEqual(new Set(sample));
      }),
    );
  });

  it("is another one for another seed, and keeps of many only what it needs", () => {
    const probes = Array.from({ length: 10_000 }, (_, i): Probe => {
      const wiki = `wiki${i}`;
      return { wiki, group: null, deployment: "web", release: "r", ...REST };
    });
    const [one, other] = [sampleOf(probes, 50, 1), sampleOf(probes, 50, 2)];
    expect([one.length, other.length]).toEqual([50, 50]);
    expect(one.filter((probe) => other.includes(probe)).length).toBeLessThan(10);
  });
});
