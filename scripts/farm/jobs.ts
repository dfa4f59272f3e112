/** Requests whose JSON body names the wiki. */
import { type Jobs, MAX_HELD_BYTES, MAX_JOB_LIMIT, type Route } from "../plan.ts";
import { SourceError } from "../sources/problem.ts";
import type { Deployments } from "./deployments.ts";
import type { Farm } from "./farm.ts";
import { type Placed, rulesFrom, shareOf } from "./rules.ts";

const UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024 };

/** How bodies are read; null where none is. */
export function compileJobs(farm: Farm): Jobs | null {
  const { jobs } = farm.says;
  if (!jobs) return null;
  const limit = bytesOf(jobs.limit);
  if (limit < 1 || limit > MAX_JOB_LIMIT) {
    const most = `${MAX_JOB_LIMIT / UNITS.MiB!} MiB`;
    throw new SourceError(farm.place(["jobs", "limit"]), `must be at least one byte and at most ${most}`);
  }
  const heldBytes = bytesOf(jobs["held-bytes"]);
  if (heldBytes < limit || heldBytes > MAX_HELD_BYTES) {
    const most = `${MAX_HELD_BYTES / UNITS.MiB!} MiB`;
    const what = `must be at least \`limit\`, ${limit} bytes, or no job of that size is decided, and at most ${most}`;
    throw new SourceError(farm.place(["jobs", "held-bytes"]), what);
  }
  return {
    field: jobs.field,
    limit,
    host: jobs.host,
    heldBytes,
    heldStreams: jobs["held-streams"],
    heldSeconds: jobs["held-seconds"],
  };
}

function bytesOf(size: number | string): number {
  const [, count, unit] = /^(\d+) (\w+)$/.exec(String(size)) ?? [];
  return unit === undefined ? Number(size) : Number(count) * UNITS[unit]!;
}

export function jobRules(farm: Farm, deployments: Deployments): Placed<Route>[] {
  return (farm.says.jobs?.rules ?? []).flatMap((says, i) =>
    rulesFrom<Route>(says, ["jobs", "rules", i], {
      outcome: { deployment: deployments.number(says.deployment) },
      wiki: says.wiki ?? "body",
      share: shareOf(says),
    }),
  );
}
