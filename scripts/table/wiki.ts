/** From the host, or from the path where the host says so, to a wiki. */
import type { Destination } from "../plan.ts";
import type { RequestParts } from "./headers.ts";
import { pathWithKeptSlashes } from "./path.ts";
import type { Table } from "./table.ts";

/** Which wiki a request's host and path stand for, and how that is known. */
export interface HostWiki {
  /** In WIKI; else what is wrong. */
  slot: number | "unknownHost" | "missing" | "twoWikis";
  /** Where the wiki's name came from. */
  source: { kind: "host" } | { kind: "pattern"; pattern: number } | { kind: "nothing" };
  /** Number of the path form that was read. */
  path: number | null;
  /** The wiki ID that the host or path stands for, in the table or not; null where they stand for none. */
  key: string | null;
}

/** What path forms read. */
interface Texts {
  /** Those of the path. */
  path: string;
  /** Each `%2F` of the path is as it was: no segment that is read may have one. */
  isKept: boolean;
  /** Those of the target. */
  target: string;
}

/**
 * PHP's server gives it the path as rules see it, and by its settings `%2F` is a slash there or none; of a form of the
 * target what stands there counts, and a server may have gone by the path. Where one way to read it names a wiki and the
 * other not the same one, there is none.
 */
export function wikiOfHost(table: Table, { host, path, rawPath, target }: RequestParts): HostWiki {
  const found = lookUp(table, host, { path, isKept: false, target });
  if (path === rawPath) return found;
  const isKept = /%2F/i.test(rawPath);
  const other = lookUp(table, host, {
    path: isKept ? pathWithKeptSlashes(rawPath) : path,
    isKept,
    target: path,
  });
  const isNone = typeof other.slot !== "number" && typeof found.slot !== "number";
  const isAlike = other.slot !== "twoWikis" && (other.slot === found.slot || isNone);
  return isAlike ? found : { ...found, slot: "twoWikis" };
}

function lookUp(table: Table, host: string, parts: Texts): HostWiki {
  const exact = table.find(table.hosts, host);
  if (exact !== -1) return { ...follow(table, table.destinationOf(exact), parts), source: { kind: "host" } };
  for (let number = 0; number < table.patternCount; number++) {
    const pattern = table.pattern(number);
    if (!host.endsWith(pattern.suffix)) continue;
    const source = { kind: "pattern", pattern: number } as const;
    const end = host.length - pattern.suffix.length;
    if (pattern.kind === "fixed") {
      if (end === 0) continue;
      return { ...follow(table, pattern.destination, parts), source };
    }
    if (!host.startsWith(pattern.prefix) || end < pattern.prefix.length) continue;
    const stem = host.slice(pattern.prefix.length, end);
    const key = pattern.kind === "join" ? stem + pattern.tail : keyOfFamily(stem);
    if (key === null) continue;
    const carried = pattern.path === null ? null : wikiOfPath(table, pattern.path, parts);
    if (typeof carried?.slot === "number" || carried?.slot === "twoWikis") return { ...carried, source };
    return { ...findKey(table, key, pattern.dashes), path: null, source };
  }
  return { slot: "unknownHost", source: { kind: "nothing" }, path: null, key: null };
}

/** `de.wikibooks` → `dewikibooks`; null where no family of a…z stands after a dot. */
function keyOfFamily(stem: string): string | null {
  const dot = stem.lastIndexOf(".");
  if (dot === -1 || !/^[a-z]+$/.test(stem.slice(dot + 1))) return null;
  return stem.slice(0, dot) + stem.slice(dot + 1);
}

function follow(table: Table, destination: Destination, parts: Texts): Omit<HostWiki, "source"> {
  if (destination === null) return { slot: "missing", path: null, key: null };
  if ("wiki" in destination) {
    return { slot: destination.wiki, path: null, key: table.key(table.wikis, destination.wiki) };
  }
  const carried = wikiOfPath(table, destination.path, parts);
  if (typeof carried.slot === "number" || carried.slot === "twoWikis") return carried;
  if (destination.else === undefined) return carried;
  return { slot: destination.else, path: null, key: table.key(table.wikis, destination.else) };
}

/** @param path number of the form */
function wikiOfPath(table: Table, path: number, parts: Texts): Omit<HostWiki, "source"> {
  const form = table.path(path);
  const segments = (form.target ? parts.target : parts.path).split("/");
  const read = segments.slice(1, 1 + form.segments.length);
  if (!form.target && parts.isKept && read.some((segment) => /%2F/i.test(segment))) {
    return { slot: "twoWikis", path, key: null };
  }
  const isLong = segments[0] === "" && segments.length >= 1 + form.segments.length + Number(form.closed);
  if (!isLong || !form.segments.every((literal, i) => literal === null || literal === segments[1 + i])) {
    return { slot: "unknownHost", path, key: null };
  }
  const key = form.parts
    .map((part) => {
      const found = segments[1 + part]!;
      const segment = form.lower ? found.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : found;
      return form.replacements.find((r) => r.segment === part && r.from === segment)?.to ?? segment;
    })
    .join("");
  return { ...findKey(table, key, form.dashes), path };
}

function findKey(table: Table, name: string, dashes: boolean): Pick<HostWiki, "slot" | "key"> {
  const key = dashes ? name.replaceAll("-", "_") : name;
  const slot = table.find(table.wikis, key);
  return { slot: slot === -1 ? "missing" : slot, key };
}
