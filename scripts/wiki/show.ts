/** What is known of a wiki, as it is printed. */
import { visibleOnLine } from "../visible.ts";
import type { Facts } from "./facts.ts";

/** For people: a line each. */
export function showFacts(facts: Facts): string {
  const { groups, hosts, pinned, installed, ...rest } = facts;
  return showRows({
    ...rest,
    groups: groups?.join(", ") || null,
    hosts: hosts.join(", ") || null,
    pinned: pinned === null ? null : pinned === false ? "no" : `until ${pinned.expires}: ${pinned.reason}`,
    installed: installed ? "yes" : "no",
  });
}

const WIDTH = 15;

export function showRows(rows: object): string {
  return Object.entries(rows)
    .map(([name, value]) => `${name.padEnd(WIDTH)} ${visibleOnLine(String(value ?? "-"))}\n`)
    .join("");
}
