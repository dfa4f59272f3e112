import { hostOf } from "./authority.ts";
import type { Table, TableReadAs } from "./table.ts";

/** A request as it is read: after an entry of READ of either kind, where one applies. */
export interface ReadAsAnother {
  host: string;
  /** The host is an IP address, or there is none; another suffix changes nothing of it. */
  address: boolean;
  /** Path and query, without a first segment that was the host. */
  target: string;
  /** Numbers of the entries that applied. */
  pathEntry: number | null;
  suffixEntry: number | null;
}

/** @param authority null where the request has none */
export function readAs(table: Table, authority: string | null, target: string): ReadAsAnother {
  let read: ReadAsAnother = { ...hostOf(authority), target, pathEntry: null, suffixEntry: null };
  for (let number = 0; number < table.readAsCount; number++) {
    const entry = table.readAs(number);
    if (entry.kind === "path") {
      const split = read.pathEntry === null ? hostInPath(entry, read) : null;
      if (split) read = { ...read, ...hostOf(split.segment), target: split.rest, pathEntry: number };
      continue;
    }
    const host = withOtherSuffix(entry, read.host);
    if (host !== null) return { ...read, host, suffixEntry: number };
  }
  return read;
}

/** First segment of the path, and the target after it; null where they are no host and its target. */
function hostInPath(
  { from, under }: TableReadAs & { kind: "path" },
  { host, target }: { host: string; target: string },
): { segment: string; rest: string } | null {
  const isMeant = from.startsWith(".") ? host.length > from.length && host.endsWith(from) : host === from;
  const [, segment, path] = /^\/([^/?]+)(\/[^?]*)/.exec(target) ?? [];
  if (!isMeant || segment === undefined) return null;
  if (under !== "" && path !== under && !path!.startsWith(`${under}/`)) return null;
  return { segment, rest: target.slice(1 + segment.length) };
}

function withOtherSuffix(
  { labels, from, to }: TableReadAs & { kind: "suffix" },
  host: string,
): string | null {
  if (!host.endsWith(from)) return null;
  const head = host.slice(0, host.length - from.length).split(".");
  return head.length === labels && !head.includes("") ? head.join(".") + to : null;
}
