/**
 * What happened, as an ordered list of events: for people as indented text, for machines as JSON lines, and for
 * tests as a difference between two runs.
 */
import type { Pair } from "./memory.ts";

/** A decoded argument or output. Bytes are byte strings; integers of 64 bits are decimal strings. */
export type TraceValue = string | number | null | readonly Pair[];

export type TraceEvent =
  | { type: "callback"; name: string; context: number; args: Record<string, number> }
  | { type: "return"; name: string; result: string | number | null }
  | { type: "hostcall"; name: string; context: number; args: Record<string, TraceValue> }
  | { type: "result"; name: string; result: string | number | null; out: Record<string, TraceValue> }
  | { type: "fault"; name: string; what: string }
  | { type: "memory"; size: number; address: number }
  | { type: "log"; level: string; text: string }
  | { type: "route-cache-cleared"; context: number; by: string }
  | { type: "continued"; context: number; what: "request" | "response" }
  | { type: "local-reply"; context: number; status: number; details: string }
  | { type: "trap"; message: string }
  | { type: "host-died"; message: string };

export const toJsonLines = (events: readonly TraceEvent[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join("");

const show = (value: TraceValue): string => {
  if (value === null || typeof value === "number") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  return `{${value.map(([name, text]) => `${name}: ${JSON.stringify(text)}`).join(", ")}}`;
};

const showAll = (values: Record<string, TraceValue>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${show(value)}`)
    .join(", ");

function line(event: TraceEvent): string {
  switch (event.type) {
    case "callback":
      return `→ ${event.name}(${showAll(event.args)})`;
    case "return":
      return `← ${event.name}${event.result === null ? "" : ` = ${event.result}`}`;
    case "hostcall":
      return `${event.name}(${showAll(event.args)})`;
    case "result": {
      const out = showAll(event.out);
      return `= ${event.result ?? "done"}${out === "" ? "" : ` ${out}`}`;
    }
    case "fault":
      return `! fault injected: ${event.what}`;
    case "memory":
      return `memory ${event.size} bytes at ${event.address}`;
    case "log":
      return `log ${event.level}: ${event.text}`;
    case "route-cache-cleared":
      return `route cache cleared by ${event.by}`;
    case "continued":
      return `${event.what} continued`;
    case "local-reply":
      return `local reply ${event.status} (${event.details})`;
    case "trap":
      return `!! trap: ${event.message}`;
    case "host-died":
      return `!! the host's process died: ${event.message}`;
  }
}

/** One event a line, two spaces deeper inside each callback and host call. */
export function toText(events: readonly TraceEvent[]): string {
  let depth = 0;
  let text = "";
  for (const event of events) {
    if (event.type === "return") depth--;
    text += `${"  ".repeat(Math.max(depth, 0))}${line(event)}\n`;
    if (event.type === "callback" || event.type === "hostcall") depth++;
    if (event.type === "result") depth--;
  }
  return text;
}

/**
 * The difference between two traces by lines of their text: `  ` for both, `- ` for the first alone, `+ ` for the
 * second alone. Empty if they are the same. Guest addresses are left out of the comparison.
 */
export function diffTraces(first: readonly TraceEvent[], second: readonly TraceEvent[]): string {
  const a = toText(first.map(withoutAddress)).split("\n").slice(0, -1);
  const b = toText(second.map(withoutAddress)).split("\n").slice(0, -1);
  const common = longestCommon(a, b);
  let text = "";
  let same = true;
  let i = 0;
  let j = 0;
  for (const [x, y] of [...common, [a.length, b.length] as const]) {
    for (; i < x; i++) text += `- ${a[i]}\n`;
    for (; j < y; j++) text += `+ ${b[j]}\n`;
    if (x < a.length && y < b.length) text += `  ${a[i]}\n`;
    i++;
    j++;
  }
  if (common.length !== a.length || common.length !== b.length) same = false;
  return same ? "" : text;
}

const withoutAddress = (event: TraceEvent): TraceEvent =>
  event.type === "memory" ? { ...event, address: 0 } : event;

/** Index pairs of a longest common subsequence. */
function longestCommon(a: readonly string[], b: readonly string[]): [number, number][] {
  // Traces that are compared are mostly the same: what begins and ends alike needs no table.
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let aEnd = a.length;
  let bEnd = b.length;
  while (aEnd > start && bEnd > start && a[aEnd - 1] === b[bEnd - 1]) {
    aEnd--;
    bEnd--;
  }
  const pairs: [number, number][] = [];
  for (let i = 0; i < start; i++) pairs.push([i, i]);
  for (const [i, j] of commonByTable(a.slice(start, aEnd), b.slice(start, bEnd)))
    pairs.push([start + i, start + j]);
  for (let i = aEnd; i < a.length; i++) pairs.push([i, bEnd + i - aEnd]);
  return pairs;
}

/** The same by dynamic programming: time and memory are the product of the lengths. */
function commonByTable(a: readonly string[], b: readonly string[]): [number, number][] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i]!;
      const below = lengths[i + 1]!;
      row[j] = a[i] === b[j] ? below[j + 1]! + 1 : Math.max(below[j]!, row[j + 1]!);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return pairs;
}

/** Collects events; give its `listener` to `Vm.trace`. */
export class Trace {
  readonly events: TraceEvent[] = [];
  readonly listener = (event: TraceEvent): void => {
    this.events.push(event);
  };
}
