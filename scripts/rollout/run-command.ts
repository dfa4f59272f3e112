/** Commands of the user's that are told about a rollout: one hears of each step, another one says whether a stage is well. */
import { spawn } from "node:child_process";
import { showSeconds } from "../seconds.ts";
import type { Rollout } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";

export const EVENTS = ["begins", "proven", "paused", "done", "ended"] as const;
export type Event = (typeof EVENTS)[number];

/**
 * A shell runs the command as it stands; what it is told is in variables and in $1 to $4 and never part of its text.
 * Gives why it failed; null: it did not.
 */
export function runCommand(
  command: string,
  timeoutMs: number,
  event: Event | "probe",
  { stages, at, generation, digest, state, who, why }: Rollout,
  what: string,
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
    const child = spawn("/bin/sh", ["-c", command, "pointsman", ...words], {
      env,
      stdio: ["ignore", 2, 2],
      detached: true,
    });
    const timer = setTimeout(() => {
      // With what it has started.
      process.kill(-child.pid!, "SIGKILL");
      resolve(`it took more than ${showSeconds(timeoutMs / 1000)}`);
    }, timeoutMs);
    const end = (why: string | null) => {
      clearTimeout(timer);
      resolve(why);
    };
    child.on("error", (error) => end(error.message));
    child.on("exit", (code, signal) =>
      end(code === 0 ? null : `it ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}
