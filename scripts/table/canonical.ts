/** From a wiki to its canonical host. */
import type { CanonicalRule } from "../plan.ts";
import type { Table } from "./table.ts";

/** The wiki's canonical host, null where it has none. @param slot of a wiki in WIKI */
export function canonicalHost(table: Table, slot: number): string | null {
  const id = table.key(table.wikis, slot)!;
  const exception = findException(table, slot);
  if (exception === undefined) {
    for (let number = 0; number < table.canonicalRuleCount; number++) {
      const host = hostByRule(table.canonicalRule(number), id);
      if (host !== null) return host;
    }
    return null;
  }
  if (typeof exception === "number") return hostByRule(table.canonicalRule(exception), id);
  return exception || null;
}

/** Which host is the wiki's own, where rules do not say it: see `Table.exception`. */
function findException(table: Table, slot: number): number | string | null | undefined {
  let from = 0;
  let to = table.exceptionCount;
  while (from < to) {
    const middle = (from + to) >> 1;
    const found = table.exception(middle);
    if (found.slot === slot) return found.host;
    if (found.slot < slot) from = middle + 1;
    else to = middle;
  }
  return undefined;
}

/** null where the rule does not fit the ID. */
export function hostByRule({ tail, suffix, dashes }: CanonicalRule, id: string): string | null {
  const stem = id.slice(0, id.length - tail.length);
  if (!id.endsWith(tail) || stem === "") return null;
  return (dashes ? stem.replaceAll("_", "-") : stem) + suffix;
}
