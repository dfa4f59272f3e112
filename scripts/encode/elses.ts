/** The pairs of a path form and the wiki where the path carries none, each once. */
import type { Destination, Plan } from "../plan.ts";

export interface Elses {
  /** Those that occur, in order of first use by the hosts, then by the patterns. */
  list: { path: number; wiki: number }[];
  /** Of a destination with a wiki beside its form. */
  number(destination: { path: number; else?: number }): number;
}

export function elsesOf({ hosts, patterns }: Plan): Elses {
  const list: Elses["list"] = [];
  const numbers = new Map<string, number>();
  const key = ({ path, else: wiki }: { path: number; else?: number }) => `${path} ${wiki}`;
  const add = (destination: Destination) => {
    if (destination === null || !("path" in destination) || destination.else === undefined) return;
    if (numbers.has(key(destination))) return;
    numbers.set(key(destination), list.push({ path: destination.path, wiki: destination.else }) - 1);
  };
  for (const { destination } of hosts) add(destination);
  for (const pattern of patterns) if (pattern.kind === "fixed") add(pattern.destination);
  return { list, number: (destination) => numbers.get(key(destination))! };
}
