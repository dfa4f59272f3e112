/** Commands of the user's that are told about a rollout: one hears of each step, another one says whether a stage is well. */
import { spawn } from "node:child_process";
import { showSeconds } from "../seconds.ts";
import type { Rollout } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";

export const EVENTS = ["begins", "proven", "paused", "done", "ended"] as const;
export type Event = (typeof EVENTS)[number];

const DEATHS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * A shell runs the command as it stands; what it is told is in variables and in $1 to $4 and never part of its text.
 * Gives why it failed; null: it did not. @param signal ends it, as the end of this process by a signal does
 */
export function runCommand(
  command: string,
  timeoutMs: number,
  event: Event | "probe",
  { stages, at, generation, digest, state, who, why }: Rollout,
  what: string,
  signal?: AbortSignal,
): Promise<string | null> {
  const stage = stages[at]!.name;
  const told: Record<string, string> = {
    EVENT: event,
    STAGE: stage,
    STAGES: stages.map(({ name }) => name).join(","),
    GENERATION: String(generation),
    DIGEST: digest,
    STATE: state,
    PUSHED_BY: who,
    PUSHED_WHY: why,
    WHAT: what,
  };
  const env = { ...process.env };
  for (const [name, value] of Object.entries(told)) env[`POINTSMAN_${name}`] = visibleOnLine(value);
  const words = [event, stage, String(generation), what].map(visibleOnLine);
  return new Promise((resolve) => {
    // With what it has started.
    const kill = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    // It has a group of its own, which no Ctrl-C reaches.
    const die = (name: NodeJS.Signals) => {
      kill();
      end(`it was ended by ${name}`);
      process.kill(process.pid, name);
    };
    const end = (why: string | null) => {
      clearTimeout(timer);
      for (const name of DEATHS) process.off(name, die);
      signal?.removeEventListener("abort", kill);
      resolve(why);
    };
    // Before it runs: a signal that came in between would end us, and leave it.
    for (const name of DEATHS) process.on(name, die);
    const child = spawn("/bin/sh", ["-c", command, "pointsman", ...words], {
      env,
      stdio: ["ignore", 2, 2],
      detached: true,
    });
    const timer = setTimeout(() => {
      kill();
      end(`it took more than ${showSeconds(timeoutMs / 1000)}`);
    }, timeoutMs);
    signal?.addEventListener("abort", kill, { once: true });
    child.on("error", (error) => end(error.message));
    child.on("exit", (code, signal) =>
      end(code === 0 ? null : `it ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}
