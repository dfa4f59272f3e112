/** `listeners` of farm.yaml: what each of them decides by. */
import type { Listener, Predicate, ReadOutcome, ReleaseOutcome, Route, Rule } from "../plan.ts";
import { type Place, Problems, quote, quoteAll } from "../sources/problem.ts";
import { releaseRules } from "./assets.ts";
import { debugRules } from "./debug.ts";
import type { Deployments } from "./deployments.ts";
import type { Farm, Path } from "./farm.ts";
import { jobRules } from "./jobs.ts";
import { readRules } from "./reads.ts";
import type { Releases } from "./releases.ts";
import type { Replies } from "./replies.ts";
import { hostPredicates, type Placed, rulesFrom, shareOf } from "./rules.ts";
import type { ListenerSays, RouteRule } from "./schema.ts";

/** A listener of the plan whose rules still know where they come from. */
export interface PlacedListener extends Omit<Listener, "routes" | "assets" | "reads"> {
  routes: Placed<Route>[];
  assets: Placed<ReleaseOutcome>[];
  reads: Placed<ReadOutcome>[];
}

/** What every listener decides by, in the order of the farm. Throws SourceError. */
export function compileListeners(
  farm: Farm,
  releases: Releases,
  deployments: Deployments,
  replies: Replies,
): PlacedListener[] {
  checkUse(farm);
  const { says } = farm;
  const byDefault = deployments.number(says.deployments.default);
  const ofRules = (rules: readonly RouteRule[], path: Path) =>
    rules.flatMap((one, i) =>
      rulesFrom<Route>(one, [...path, i], {
        outcome: { deployment: deployments.number(one.deployment) },
        wiki: one.wiki ?? "host",
        share: shareOf(one),
      }),
    );
  const common = isUsed(farm, "rules") ? ofRules(says.deployments.rules, ["deployments", "rules"]) : [];
  const jobs = jobRules(farm, deployments);
  const passed = passThrough(farm);
  const previews = releaseRules(farm, releases, "previews");
  const assets = releaseRules(farm, releases, "assets");
  const reads = readRules(farm);
  const own = listenersOf(farm).map(([name, listener]) => {
    const deployment =
      listener.deployment === undefined ? byDefault : deployments.number(listener.deployment);
    if (listener.rules) return { deployment, rules: ofRules(listener.rules, ["listeners", name!, "rules"]) };
    return { deployment, rules: listener.deployment === undefined ? common : [] };
  });
  const debug = debugRules(farm, deployments, replies);
  const listeners = listenersOf(farm).map(([name, listener], i): PlacedListener => {
    const { deployment, rules } = own[i]!;
    return {
      name,
      trust: listener.trust,
      trustedHops: listener["trusted-hops"],
      datacentre: listener.datacentre ?? null,
      deployment,
      routes: [...(listener.jobs ? jobs : []), ...passed, ...(listener.debug ? debug : []), ...rules],
      assets: [...(listener.previews ? previews : []), ...(listener.assets ? assets : [])],
      reads: listener.reads ? reads : [],
    };
  });
  checkTrust(farm, listeners);
  return listeners;
}

/** Without places, as it goes into the plan. */
export function bare(listener: PlacedListener): Listener {
  const rules = <T>(placed: Placed<T>[]): Rule<T>[] => placed.map(({ rule }) => rule);
  const { routes, assets, reads } = listener;
  return { ...listener, routes: rules(routes), assets: rules(assets), reads: rules(reads) };
}

/** A farm that names no listeners has one, whatever a proxy calls it, with all that the farm says. */
function listenersOf(farm: Farm): [name: string | null, says: ListenerSays][] {
  const { listeners, debug } = farm.says;
  if (listeners) return farm.keys(["listeners"]).map((name) => [name, listeners[name]!]);
  const all = { jobs: true, debug: debug !== undefined, reads: true, previews: true, assets: true };
  return [[null, { trust: "edge", "trusted-hops": 0, ...all, "allow-headers": [] }]];
}

/** IP addresses and requests without an authority are never ours, whatever else the farm lists. */
function passThrough(farm: Farm): Placed<Route>[] {
  const address = { not: false, subject: "host", test: "address" } as const;
  const rule = { outcome: "pass", wiki: "host", debug: false } as const;
  return [
    { rule: { when: [address], ...rule }, path: null },
    ...farm.says["pass-through"].map((host, i) => ({
      rule: { when: hostPredicates(host), ...rule },
      path: ["pass-through", i],
    })),
  ];
}

type Part = "rules" | "jobs" | "debug" | "reads" | "previews" | "assets";

function isUsed(farm: Farm, part: Part): boolean {
  return listenersOf(farm).some(([, says]) => {
    if (part === "rules") return says.rules === undefined && says.deployment === undefined;
    return says[part];
  });
}

/** What a listener turns on and the farm does not say, and what the farm says and no listener turns on. */
function checkUse(farm: Farm): void {
  const problems = new Problems();
  const { says } = farm;
  for (const [name, listener] of Object.entries(says.listeners ?? {})) {
    if (listener.trust === "internal" || listener["trusted-hops"] === 0) continue;
    const what = "is for `internal` listeners: of an edge, `render --trusted-hops` tells the proxy";
    problems.add(farm.place(["listeners", name, "trusted-hops"], "key"), what);
  }
  for (const part of ["jobs", "debug", "reads", "previews"] as const) {
    if (says[part] && !isUsed(farm, part)) {
      problems.add(
        farm.place([part], "key"),
        `no listener has \`${part}: true\`: add it to one, or remove \`${part}\``,
      );
    }
    for (const [name, listener] of Object.entries(says.listeners ?? {})) {
      if (!listener[part] || says[part]) continue;
      problems.add(
        farm.place(["listeners", name, part]),
        `the farm has no ${quote(part)} to turn on: add it, or remove this line`,
      );
    }
  }
  if (says.assets.length > 0 && !isUsed(farm, "assets")) {
    problems.add(
      farm.place(["assets"], "key"),
      "every listener has `assets: false`: remove that from one, or remove these rules",
    );
  }
  if (says.deployments.rules.length > 0 && !isUsed(farm, "rules")) {
    const what =
      "every listener has `rules` or a `deployment` of its own, so no request comes to these: remove them";
    problems.add(farm.place(["deployments", "rules"], "key"), what);
  }
  problems.throwIfAny();
}

/** A client of an edge listener chooses by those headers alone that the farm allows it. */
function checkTrust(farm: Farm, listeners: PlacedListener[]): void {
  const problems = new Problems();
  for (const { name, trust, routes, assets, reads } of listeners) {
    if (trust === "internal") continue;
    const allowed = name === null ? [] : farm.says.listeners![name]!["allow-headers"];
    for (const { rule, path } of [...routes, ...assets, ...reads]) {
      // `debug: true` is the farm's word for the rules of `debug`.
      if (path === null || path[0] === "debug") continue;
      for (const predicate of rule.when) {
        if (predicate.subject !== "header" || allowed.includes(predicate.name)) continue;
        const who = name === null ? "a client" : `a client of listener ${quote(name)}`;
        const wayOut =
          name === null
            ? "name the farm's `listeners`, with `allow-headers`"
            : `name it in the listener's \`allow-headers\``;
        const what = `${who} would choose by the header ${quote(predicate.name)}: ${wayOut}`;
        problems.add(placeOfHeader(farm, path, predicate), what);
      }
    }
  }
  problems.throwIfAny();
}

type Named = Extract<Predicate, { subject: "header" }>;

function placeOfHeader(farm: Farm, path: Path, { name, not, test }: Named): Place {
  if (test === "share") return farm.place([...path, "share-by", "header"]);
  return farm.place([...path, ...(not ? ["not"] : []), "header", name], "key");
}

/** A client's copy of a header that we set has no effect, so no rule may look at one. */
export function checkHeaders(farm: Farm, emit: readonly { name: string }[], listeners: Listener[]): void {
  const problems = new Problems();
  const names = emit.map(({ name }) => name);
  for (const name of names.filter((one, i) => names.indexOf(one) !== i)) {
    problems.add(
      farm.place(["headers"]),
      `two headers have the name ${quote(name)}: give one of them another name`,
    );
  }
  const rules: Rule[] = listeners.flatMap(({ routes, assets, reads }) => [...routes, ...assets, ...reads]);
  const lookedAt = rules.flatMap(({ when }) =>
    when.flatMap((one) => (one.subject === "header" ? one.name : [])),
  );
  const both = names.filter((name) => lookedAt.includes(name));
  if (both.length > 0) {
    problems.add(
      farm.place(["headers"]),
      `${quoteAll(both)} is a header that Pointsman sets, so no rule may read it`,
    );
  }
  problems.throwIfAny();
}
