import * as L from "../../assembly/layout.ts";
import type { RequestParts } from "./headers.ts";
import type { Table } from "./table.ts";

/** Which wiki a request's host and path stand for, and how that is known. */
export interface HostWiki {
  /** In WIKI; else what is wrong. */
  slot: number | "noHost" | "missing";
  /** Where the wiki's name came from. */
  source: { kind: "host" } | { kind: "pattern"; pattern: number } | { kind: "nothing" };
  /** Number of the path form that was read. */
  path: number | null;
  /** The wiki ID that the host or path stands for, in the table or not; null where they stand for none. */
  key: string | null;
}

export function wikiOfHost(table: Table, parts: RequestParts): HostWiki {
  const { host } = parts;
  const exact = table.find(table.hosts, host);
  if (exact !== -1)
    return { ...follow(table, table.value(table.hosts, exact), parts), source: { kind: "host" } };
  for (let number = 0; number < table.patternCount; number++) {
    const { kind, dashes, suffix, tail, target } = table.pattern(number);
    if (!host.endsWith(suffix)) continue;
    const source = { kind: "pattern", pattern: number } as const;
    const label = host.slice(0, host.length - suffix.length);
    if (kind === L.PATTERN_FIXED) {
      if (label === "") continue;
      return { ...follow(table, target, parts), source };
    }
    let key = label + (tail ?? "");
    if (kind === L.PATTERN_FAMILY) {
      const dot = label.lastIndexOf(".");
      if (dot === -1 || !/^[a-z]+$/.test(label.slice(dot + 1))) continue;
      key = label.slice(0, dot) + label.slice(dot + 1);
    }
    return { ...findKey(table, key, dashes), path: null, source };
  }
  return { slot: "noHost", source: { kind: "nothing" }, path: null, key: null };
}

/** From a target number to a wiki. */
function follow(table: Table, target: number, parts: RequestParts): Omit<HostWiki, "source"> {
  if (target < table.wikis.slots) return { slot: target, path: null, key: table.key(table.wikis, target) };
  const path = target - table.wikis.slots;
  if (path >= table.pathCount) return { slot: "missing", path: null, key: null };
  const form = table.path(path);
  const text = form.flags & L.FLAG_TARGET ? parts.target : parts.rawPath;
  const segments = text.split("/");
  const closed = form.flags & L.FLAG_CLOSED ? 1 : 0;
  if (segments[0] !== "" || segments.length < 1 + form.segments + closed)
    return { slot: "noHost", path, key: null };
  const key = form.parts
    .map((part) => {
      const segment = segments[1 + part]!;
      return form.replacements.find((r) => r.segment === part && r.from === segment)?.to ?? segment;
    })
    .join("");
  return { ...findKey(table, key, (form.flags & L.FLAG_DASHES) !== 0), path };
}

function findKey(table: Table, name: string, dashes: boolean): Pick<HostWiki, "slot" | "key"> {
  const key = dashes ? name.replaceAll("-", "_") : name;
  const slot = table.find(table.wikis, key);
  return { slot: slot === -1 ? "missing" : slot, key };
}
