/** Hosts that may lead to a wiki: its canonical one, or where the table has none, those that its hosts and patterns give. */
import { canonicalHost, hostByRule } from "../table/canonical.ts";
import type { Table } from "../table/table.ts";

export class HostsOfWikis {
  /** The shortest exact host of each wiki, by its slot. */
  private readonly exact = new Map<number, string>();

  constructor(private readonly table: Table) {
    for (const { key, slot } of table.keys(table.hosts)) {
      const destination = table.destinationOf(slot);
      if (destination === null || !("wiki" in destination)) continue;
      const known = this.exact.get(destination.wiki);
      if (known === undefined || key.length < known.length || (key.length === known.length && key < known))
        this.exact.set(destination.wiki, key);
    }
  }

  /** The likeliest first; the reader says which lead there. @param slot of a wiki in WIKI */
  *of(slot: number): Generator<string> {
    const canonical = canonicalHost(this.table, slot);
    if (canonical !== null) yield canonical;
    const exact = this.exact.get(slot);
    if (exact !== undefined) yield exact;
    const id = this.table.wiki(slot);
    for (let number = 0; number < this.table.patternCount; number++) {
      const pattern = this.table.pattern(number);
      if (pattern.kind === "fixed") continue;
      const { prefix, suffix, dashes } = pattern;
      if (pattern.kind === "join") {
        const host = hostByRule({ tail: pattern.tail, suffix, dashes }, id);
        if (host !== null) yield prefix + host;
        continue;
      }
      const [family = ""] = /[a-z]*$/.exec(id) ?? [];
      for (let length = 1; length <= family.length; length++) {
        const tail = id.slice(-length);
        const host = hostByRule({ tail, suffix: `.${tail}${suffix}`, dashes }, id);
        if (host !== null) yield prefix + host;
      }
    }
  }
}
