/** What an answer to a probe shows: the right release, another one, or nothing, and why. */
import type { IncomingHttpHeaders } from "node:http";
import { bareVersion } from "../sources/names.ts";
import { visibleOnLine } from "../visible.ts";
import { type Place, type Places, showPlace, textAt } from "./places.ts";
import type { Probe } from "./probes.ts";

/** Of those that are wrong, and of those that show nothing, in the order in which they are told. */
export const WRONG = ["version", "wiki", "cluster"] as const;
export const UNANSWERED = [
  "server-error",
  "client-error",
  "redirect",
  "cached",
  "unreadable",
  "timeout",
  "unreachable",
] as const;
export type Kind = "right" | (typeof WRONG)[number] | (typeof UNANSWERED)[number];

export interface Outcome {
  kind: Kind;
  /** In words. */
  what: string;
}

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

const RIGHT: Outcome = { kind: "right", what: "right" };

/** What a proxy has answered. */
export function outcomeOf(probe: Probe, { status, headers, body }: Answered, places: Places): Outcome {
  if (status >= 500) return { kind: "server-error", what: `status ${status}${firstLine(body)}` };
  if (status >= 400) return { kind: "client-error", what: `status ${status}${firstLine(body)}` };
  if (status >= 300)
    return { kind: "redirect", what: `status ${status}, to ${shown(headers.location ?? "nowhere")}` };
  const cache = cacheOf(headers);
  if (cache !== null)
    return { kind: "cached", what: `a cache answered (${shown(cache)}), which shows nothing` };
  const json = [places.version, places.wiki, places.cluster].some(
    (one) => one !== "none" && one.in === "json",
  )
    ? jsonOf(body)
    : undefined;
  // The version last: the same wiki in another cluster may run it as well.
  const checks: [
    kind: (typeof WRONG)[number],
    place: Place,
    wanted: string,
    plain: (text: string) => string,
  ][] = [
    ["wiki", places.wiki, probe.wiki, (text) => text],
    ["version", places.version, probe.version, plainVersion],
    ["cluster", places.cluster, probe.cluster, (text) => text],
  ];
  for (const [kind, place, wanted, plain] of checks) {
    if (place === "none" || (kind === "cluster" && probe.isOfShare)) continue;
    const text = textAt(place, headers, json);
    if (text === null)
      return {
        kind: "unreadable",
        what: `the answer does not say its ${kind}: ${showPlace(place)} is not there`,
      };
    if (plain(text) !== wanted)
      return { kind, what: `${kind} ${shown(plain(text))} answers, and the table says ${wanted}` };
  }
  return RIGHT;
}

/** `MediaWiki 1.47.0-wmf.16` is what its API says. */
function plainVersion(text: string): string {
  return bareVersion(text.replace(/^MediaWiki /, ""));
}

/** What says that no release was asked; null: nothing does. */
function cacheOf(headers: IncomingHttpHeaders): string | null {
  if (Number(headers.age) > 0) return `age: ${headers.age}`;
  for (const name of ["x-cache-status", "x-cache", "cf-cache-status"]) {
    const value = headers[name];
    if (typeof value === "string" && /\bhit\b/i.test(value)) return `${name}: ${value}`;
  }
  return null;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const SHOWN_AT_MOST = 200;

/** What an answer says stays on its line, however long it is. */
function shown(text: string): string {
  return visibleOnLine(text.length > SHOWN_AT_MOST ? `${text.slice(0, SHOWN_AT_MOST)}…` : text);
}

const LINE_AT_MOST = 80;

function firstLine(body: string): string {
  const line = body.trimStart().split("\n", 1)[0]!.trim();
  return line === "" ? "" : `: ${visibleOnLine(line.slice(0, LINE_AT_MOST))}`;
}
