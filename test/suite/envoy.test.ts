/** A sample of the suite, asked of the filter in a real Envoy: the first case of each rule and of each outcome. */
import { afterEach, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startEnvoy } from "../../scripts/envoy/process.ts";
import { startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { withAllHeaders } from "../../scripts/explain/all-headers.ts";
import { decide } from "../../scripts/table/decide.ts";
import type { Where } from "../../scripts/table/request.ts";
import { DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "../support/data.ts";
import { type Case, loadSuites, requestOf, wheresOf } from "./cases.ts";
import { needsData, SuiteFarm } from "./farms.ts";
import { ask, canBeSent, FALLBACK, seenOf, show } from "./visible.ts";

const LISTENERS = ["edge", "mesh"];

interface Asked {
  one: Case;
  where: Where;
}

let upstreams: Upstreams | undefined;
let envoy: EnvoyProcess | undefined;
afterEach(async () => {
  await envoy?.stop();
  await upstreams?.stop();
});

for (const name of ["production", "replies"]) {
  const isSkipped = needsData(name) && DATA_IS_ABSENT;
  test.skipIf(isSkipped)(`Envoy and the suite agree: ${name}${isSkipped ? WHY_SKIPPED : ""}`, async () => {
    const farm = new SuiteFarm(name);
    const { bytes: table, headers } = withAllHeaders(farm.table);
    upstreams = await startUpstreams([...new Set(farm.plan.clusters.flat()), FALLBACK]);
    envoy = await startEnvoy({
      envoy: await findEnvoy(),
      listeners: farm.plan.listeners.map((one) => ({ name: one.name!, trust: one.trust })),
      clusters: upstreams.clusters,
      fallbackCluster: FALLBACK,
      clusterHeader: headers.cluster,
      emittedHeaders: Object.values(headers),
      jobLimit: farm.plan.jobs!.limit,
      filter: { wasm: projectPath("build/pointsman.wasm"), table, datacentre: "here", primary: "here" },
    });
    const sample = sampleOf(
      farm,
      loadSuites().flatMap((one) => (one.farm === name ? one.cases : [])),
    );
    expect(rulesWithout(farm, sample)).toEqual([]);
    const wrong: string[] = [];
    for (const secondary of [false, true]) {
      // A switchover: the same table, and another data centre is the primary one.
      if (secondary) expect(await envoy.updateFilter({ primary: "there" })).toMatchObject({ accepted: true });
      for (const { one, where } of sample.filter((asked) => asked.where.secondary === secondary)) {
        const expected = seenOf(farm.answer(one, secondary), one);
        const got = await ask(envoy.ports[where.listener!]!, one, headers);
        if (JSON.stringify(got) === JSON.stringify(expected)) continue;
        wrong.push(
          `${one.place} at ${where.listener}${secondary ? ", secondary" : ""}: ${show(got)}, not ${show(expected)}`,
        );
      }
    }
    expect(wrong).toEqual([]);
  });
}

/** Each rule, each default and each outcome of a listener once; and what Envoy alone can be asked. */
function sampleOf(farm: SuiteFarm, cases: Case[]): Asked[] {
  const seen = new Set<string>();
  return cases.filter(canBeSent).flatMap((one) =>
    wheresOf(one).flatMap(({ listener, secondary }) => {
      const where = { listener: listener ?? farm.plan.listeners[0]!.name, secondary };
      if (!LISTENERS.includes(where.listener!)) return [];
      const news = traits(farm, one, where).filter((trait) => !seen.has(trait));
      for (const trait of news) seen.add(trait);
      return news.length > 0 || one.only === "envoy" ? [{ one, where }] : [];
    }),
  );
}

function traits(farm: SuiteFarm, one: Case, where: Where): string[] {
  const { answer, trail } = decide(farm.table, requestOf(one), where);
  const { rule, asset, read, wrong, body, readOnly, suffixRewrite, pathRewrite, path, source } = trail;
  const outcome =
    answer.kind === "pass"
      ? "pass"
      : answer.kind === "reply"
        ? answer.status
        : `${answer.debug} ${answer.host !== null}`;
  return [
    `${where.listener} rule ${rule}`,
    `asset ${asset}`,
    `read ${read}`,
    `outcome ${outcome}`,
    `without a wiki ${wrong}`,
    `body ${body}`,
    `read-only ${readOnly}`,
    `rewrite ${suffixRewrite} ${pathRewrite}`,
    `form ${path}`,
    `host ${source.kind} ${"pattern" in source ? source.pattern : ""}`,
  ];
}

/** Rules of the sampled listeners that no case of the sample is about. */
function rulesWithout({ table }: SuiteFarm, sample: Asked[]): string[] {
  const used = new Set<number | null>();
  for (const { one, where } of sample) {
    const { trail } = decide(table, requestOf(one), where);
    for (const rule of [trail.rule, trail.asset, trail.read]) used.add(rule);
  }
  return table.listeners
    .filter(({ name }) => LISTENERS.includes(name!))
    .flatMap(({ name, routes, assets, reads }) =>
      [routes, assets, reads].flatMap(({ first, count }) =>
        Array.from({ length: count }, (_, i) => first + i)
          .filter((rule) => !used.has(rule))
          .map((rule) => `${name}: rule ${rule}`),
      ),
    );
}
