/** `pointsman follow`: keeps what a store wants served in the files of one machine's proxies, and proves it. */
import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { lock } from "../disk/lock.ts";
import { NodeFollower } from "../follow/node-follower.ts";
import { pagesOf } from "../follow/pages.ts";
import { Reporter } from "../follow/reporter.ts";
import { startPages, stopPages } from "../pages.ts";
import { Refusal } from "../refusal.ts";
import { type Endpoint, isReported } from "../status/proxies.ts";
import { follow } from "../store/follow-store.ts";
import { Refusals } from "../store/refusals.ts";
import type { Store } from "../store/store.ts";
import type { StoreState } from "../store/store-state.ts";
import type { Target } from "../targets/target.ts";
import { parseDuration } from "./duration.ts";
import { collectProxy, instancesOption } from "./proxy-options.ts";
import { bound, log, type Place, placeOption, told, untilTold } from "./staying.ts";
import { storeAt } from "./store-options.ts";
import { addPlacedTargets, type TargetOptions, targetsOf } from "./target-options.ts";

interface Options extends TargetOptions {
  node: string;
  nodeCluster: string;
  nodeLocality: string;
  proxy: Endpoint[];
  instances?: number;
  cache?: string;
  lease: number;
  once?: boolean;
  http?: Place;
}

/** Whoever is told to end does so within this. */
const LOCK_MS = 10_000;
const ONCE_MS = 100;

export function followCommand(program: Command): void {
  addPlacedTargets(program.command("follow"))
    .description("keep what the store wants served in the files of this machine's proxies, and prove it")
    .requiredOption("--node <id>", "this node's name, by which stages and reports know it")
    .option("--node-cluster <name>", "its cluster, for stages", "")
    .option("--node-locality <place>", "its place, REGION/ZONE/SUB_ZONE, for stages", "")
    .option(
      "--proxy <url>",
      "what proves that the table is served (repeatable), as for status: 'URL LISTENER …'",
      collectAsked,
      [],
    )
    .addOption(instancesOption())
    .option("--cache <folder>", "keep the last good copy here, for a start while the store is away")
    .addOption(
      new Option("--lease <time>", "for how long the store keeps what it is told of this node")
        .argParser(parseDuration)
        .default(30_000, "30s"),
    )
    .option("--once", "bring what is to be served, wait for the proof, and end")
    .addOption(
      placeOption("--http <[address:]port>", "where /healthz, /status and /metrics are (default: nowhere)"),
    )
    .addHelpText(
      "after",
      `
The node gets what the rollout in the store says for its name, cluster and locality: with stages, that may be the table
before. A table that a filter would refuse is not written, and the store is told so; nothing newer is ever overwritten.
ATS is told to reload. Where the store is away, all goes on with what is known.

With --once the exit code is 0 only if the store answered, and the table is served; or, without --proxy, written.

Examples:
  $ pointsman follow --store etcd://10.0.0.1:2379/pointsman --target envoy-files=/etc/envoy \\
      --node "$(hostname)" --proxy 'http://127.0.0.1:9901 edge mesh' --cache /var/cache/pointsman
  $ pointsman follow --target ats=/etc/trafficserver/pointsman.yaml --node cp1 --proxy http://127.0.0.1/_stats
  $ pointsman follow --target envoy-files=/etc/envoy --node cp1 --once --lease 10m    # from a timer`,
    )
    .action(followStore);
}

/** What reports is no proof of a report. */
function collectAsked(text: string, proxies: Endpoint[]): Endpoint[] {
  const all = collectProxy(text, proxies);
  if (all.some(isReported)) throw new InvalidArgumentError("Name it by a URL at which it can be asked.");
  return all;
}

async function followStore(options: Options): Promise<void> {
  const store = storeAt(options.store);
  const targets = targetsOf({ ...options, reload: true });
  if (targets.length === 0)
    throw new Refusal("no targets: name them by --target KIND=PLACE or --targets FILE");
  const locks = lockAll(targets);
  try {
    const undone = await keep(store, targets, options);
    if (undone !== null) throw new Refusal(undone);
  } finally {
    for (const { release } of locks) release();
  }
}

/** One process for a target: two would write by turns. Throws Refusal. */
function lockAll(targets: readonly Target[]): { release: () => void }[] {
  const locks: { release: () => void }[] = [];
  try {
    for (const { followed } of targets)
      locks.push(lock(followed, { wait: LOCK_MS, does: "follows a store for it" }));
    return locks;
  } catch (error) {
    for (const { release } of locks) release();
    throw error;
  }
}

/** Until it is told to end, or with `--once` until it is done. @returns why it is not done; null: it is */
async function keep(store: Store, targets: readonly Target[], options: Options): Promise<string | null> {
  const {
    node: id,
    nodeCluster: cluster,
    nodeLocality: locality,
    proxy: proxies,
    instances = null,
  } = options;
  const refusals = new Refusals(store, (why) => log(`a refusal is not in the store yet: ${why}`));
  const node = { id, cluster, locality };
  const follower = new NodeFollower({ node, targets, proxies, instances, refusals, say: log }, () =>
    reporter.look(),
  );
  const reporter = new Reporter(store, follower, Math.ceil(options.lease / 1000), log);
  const state: StoreState = { name: store.name, trouble: null };
  const ending = untilTold();
  const { signal } = ending;

  const hear = async () => {
    for await (const now of told(store, follow(store, { signal, cache: options.cache }))) {
      state.trouble = now.trouble;
      refusals.heard(now.refusals);
      // The store's own word comes at once, or that it is away: only then the last good copy counts.
      if (now.followed !== null && (now.from === "store" || now.trouble !== null))
        follower.hear(now.followed);
      else if (now.trouble !== null) follower.hearNothing();
    }
  };
  let undone: string | null = null;
  const endOnce = async () => {
    while (!signal.aborted && (!follower.isHeard || follower.state === "waiting")) await sleep(ONCE_MS);
    if (signal.aborted) return;
    await reporter.report();
    undone = whyUndone(follower, state);
  };
  let http: Server | null = null;
  try {
    if (options.http !== undefined) {
      const { host, port } = options.http;
      http = await bound(options.http, startPages(host, port, pagesOf(follower, reporter, state)));
      log(`http://${host}:${(http.address() as { port: number }).port}/status`);
    }
    const parts = [hear(), follower.run(signal), reporter.run(signal), ...(options.once ? [endOnce()] : [])];
    // Where one of them ends, by whatever, the others do not go on without it.
    await Promise.all(parts.map((part) => part.finally(() => ending.abort())));
    return undone;
  } finally {
    refusals.stop();
    stopPages(http);
  }
}

/** Of `--once`; null: all is done. */
function whyUndone({ state, why, options, due }: NodeFollower, { trouble }: StoreState): string | null {
  if (trouble !== null) return `${trouble.why}: what was known is ${state}`;
  if (state === "proven" || state === "written") return null;
  if (due === null) return `${options.node.id}: nothing was ever pushed to it`;
  return `generation ${due.version.generation}: ${state}${why === null ? "" : `: ${why}`}`;
}
