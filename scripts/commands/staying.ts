/** What commands share that go on running: lines of their log, where they listen, and what they say of the store. */
import { InvalidArgumentError, Option } from "commander";
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";
import type { FollowState } from "../store/follow-store.ts";
import { showRollout } from "../store/show.ts";
import type { Store } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";
import { parsePort } from "./render/options.ts";

export function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()}  ${visibleOnLine(line)}\n`);
}

/** The same states, with a line of the log where something is another than before. */
export async function* told(
  { name }: Store,
  states: AsyncIterable<FollowState>,
): AsyncGenerator<FollowState, void> {
  let before: FollowState | null = null;
  for await (const state of states) {
    const { followed, from, trouble, cacheTrouble } = state;
    if (trouble !== null && trouble.why !== before?.trouble?.why) log(trouble.why);
    if (trouble === null && before?.trouble) log(`${name}: is there again`);
    if (followed !== null && followed !== before?.followed)
      log(`${showRollout(followed.rollout)}${from === "cache" ? ", from the last good copy" : ""}`);
    if (cacheTrouble !== null && cacheTrouble !== before?.cacheTrouble)
      log(`no last good copy: ${cacheTrouble}`);
    before = state;
    yield state;
  }
}

/** Aborted when somebody tells this process to end. */
export function untilTold(): AbortController {
  const ending = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort());
  return ending;
}

/** Where something listens. */
export interface Place {
  host: string;
  port: number;
}

/** @param preset none: it does not listen */
export function placeOption(flags: string, description: string, preset?: string): Option {
  const option = new Option(flags, description).argParser(parsePlace);
  return preset === undefined ? option : option.default(parsePlace(preset), preset);
}

/** Throws Refusal where the address cannot be had. */
export async function bound<T>({ host, port }: Place, starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    throw new Refusal(`${host}:${port}: cannot listen there: ${reason(error)}`);
  }
}

function parsePlace(text: string): Place {
  const [, host = "127.0.0.1", port] = /^(?:\[?([^[\]]+)\]?:)?(\d+)$/.exec(text) ?? [];
  if (port === undefined) throw new InvalidArgumentError("Write where to listen as PORT or ADDRESS:PORT.");
  return { host, port: parsePort(port) };
}
