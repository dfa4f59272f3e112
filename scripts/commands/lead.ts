/** What push, resume and promote share: leading a rollout from stage to stage. */
import type { Command } from "commander";
import { count } from "../count.ts";
import { Refusal } from "../refusal.ts";
import { newClusters } from "../rollout/clusters.ts";
import { drive, notReady } from "../rollout/drive.ts";
import { Fleet } from "../rollout/fleet.ts";
import { runCommand } from "../rollout/run-command.ts";
import type { Endpoint } from "../status/proxies.ts";
import { selects } from "../store/stages.ts";
import type { Rollout, Store } from "../store/store.ts";
import { tableOf } from "../store/wanted.ts";
import type { Table } from "../table/table.ts";
import type { Target } from "../targets/target.ts";
import { visible } from "../visible.ts";
import { addProxyOptions, type ProxyOptions } from "./proxy-options.ts";
import { type Brought, bring } from "./put-in-force.ts";
import { whoActs } from "./who.ts";

export interface LeadOptions extends ProxyOptions {
  announce?: string;
  probe?: string;
}

export function addLeadOptions(command: Command): Command {
  return addProxyOptions(command)
    .option(
      "--announce <command>",
      "run this at each step, by sh: $1 is begins, proven, paused, done or ended, and $POINTSMAN_WHAT a sentence",
    )
    .option(
      "--probe <command>",
      "run this when a stage has baked, by sh: unless it exits with 0, the rollout pauses; $POINTSMAN_STAGE is the stage",
    );
}

/** More than a message to a chat needs. */
const ANNOUNCE_MS = 30_000;
/** A large farm has thousands of questions. */
const PROBE_MS = 3_600_000;

/** As it is before anything of it was begun. Throws Refusal where its first stage has no proxies, or lacks clusters. */
export async function checkBegin(
  fleet: Fleet,
  { stages }: Pick<Rollout, "stages">,
  table: Table,
  before: Table | null,
): Promise<void> {
  await fleet.identify();
  const isUnknown = fleet.proxies.some(({ node }) => node === null);
  for (const [at, stage] of stages.entries()) {
    const isNamed =
      stage.nodes !== undefined || stage.clusters !== undefined || stage.localities !== undefined;
    const mustHave = isNamed || (at === stages.length - 2 && fleet.reached(stages, at).length === 0);
    const has = fleet.proxies.some(({ node }) => node !== null && selects(stage, node));
    if (mustHave && !has && !isUnknown) {
      throw new Refusal(
        `none of the ${count(fleet.proxies.length, "proxy", "proxies")} is in stage ${stage.name}, so it would show nothing: name its proxies in the list, mend the stage, or leave it out; nothing was pushed`,
      );
    }
  }
  const why = await notReady(fleet, stages, 0, newClusters(table, before));
  if (why !== null) throw new Refusal(`${why}\nnothing was pushed`);
}

export function fleetOf(
  store: Store,
  endpoints: readonly Endpoint[],
  { timeout, instances }: { timeout: number; instances?: number },
): Fleet {
  const reports = async () => (await store.reports()).records;
  return new Fleet(endpoints, { timeoutMs: timeout, instances: instances ?? null, reports });
}

/** That the rollout's table brings. Throws Refusal, SourceError. */
export async function clustersOf(store: Store, { digest, previous }: Rollout): Promise<string[]> {
  return newClusters(await store.table(digest), previous && (await store.table(previous.digest)));
}

/** Until it is done: then this machine's targets have it. Throws Refusal where it does not get there. */
export async function lead(
  store: Store,
  rollout: Rollout,
  fleet: Fleet,
  targets: readonly Target[],
  { announce, probe }: Pick<LeadOptions, "announce" | "probe">,
): Promise<Brought[]> {
  let brought: Brought[] = [];
  const say = (line: string) => process.stderr.write(`${visible(line)}\n`);
  const table = await tableOf(store, rollout);
  await drive(store, rollout, {
    fleet,
    who: whoActs(),
    say,
    clusters: await clustersOf(store, rollout),
    async announce(event, now, what) {
      if (announce === undefined) return;
      const why = await runCommand(announce, ANNOUNCE_MS, event, now, what);
      if (why !== null) say(`warning: --announce: ${why}`);
    },
    async probe(now, signal) {
      return probe === undefined ? null : runCommand(probe, PROBE_MS, "probe", now, "", signal);
    },
    async bring() {
      brought = bring(table, targets);
      const failed = brought.filter(({ error }) => error !== null);
      if (failed.length === 0) return;
      throw new Refusal(
        [
          ...failed.map(({ target, error }) => `${target}: not written: ${error}`),
          "once that is mended, `pointsman resume` goes on",
        ].join("\n"),
      );
    },
  });
  return brought;
}
