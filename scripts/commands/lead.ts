/** What push, resume and promote share: leading a rollout from stage to stage. */
import type { Command } from "commander";
import { withGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import { announce } from "../rollout/announce.ts";
import { drive } from "../rollout/drive.ts";
import { Fleet } from "../rollout/fleet.ts";
import type { Endpoint } from "../status/proxies.ts";
import type { Rollout, Store } from "../store/store.ts";
import { Table } from "../table/table.ts";
import type { Target } from "../targets/target.ts";
import { visible } from "../visible.ts";
import { addProxyOptions, type ProxyOptions } from "./proxy-options.ts";
import { type Brought, bring } from "./put-in-force.ts";
import { whoActs } from "./who.ts";

export interface LeadOptions extends ProxyOptions {
  announce?: string;
}

export function addLeadOptions(command: Command): Command {
  return addProxyOptions(command).option(
    "--announce <command>",
    "run this at each step, by sh: $1 is begins, proven, paused, done or ended, and $POINTSMAN_WHAT a sentence",
  );
}

interface Lead {
  endpoints: readonly Endpoint[];
  targets: readonly Target[];
  timeout: number;
  instances?: number | undefined;
  announce?: string | undefined;
}

/** Until it is done: then this machine's targets have it. Throws Refusal where it does not get there. */
export async function lead(
  store: Store,
  rollout: Rollout,
  { endpoints, targets, timeout, instances, announce: command }: Lead,
): Promise<Brought[]> {
  let brought: Brought[] = [];
  const say = (line: string) => process.stderr.write(`${visible(line)}\n`);
  await drive(store, rollout, {
    fleet: new Fleet(endpoints, { timeoutMs: timeout, instances: instances ?? null }),
    who: whoActs(),
    say,
    async announce(event, now, what) {
      if (command === undefined) return;
      const why = await announce(command, event, now, what);
      if (why !== null) say(`warning: --announce: ${why}`);
    },
    async bring() {
      const { bytes } = await store.table(rollout.digest);
      brought = bring(new Table(withGeneration(bytes, rollout.generation)), targets);
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
