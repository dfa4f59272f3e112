/** The host that decides: that of the authority, or the one that a rewrite puts in its place. */
import type { Rewrite } from "../plan.ts";
import type { Table } from "./table.ts";

/**
 * Host of an authority (`:authority`, `Host`): without port, without one trailing dot, ASCII letters lower-cased.
 * Other bytes are left as they are: such a host is in no table. `address`: an IP address, or no host at all.
 *
 * @param authority characters are bytes; null or "" where the request has none
 */
export function hostOf(authority: string | null): { host: string; address: boolean } {
  const text = (authority ?? "").replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (text.startsWith("[")) return { host: text, address: true };
  const host = text.replace(/:[0-9]*$/, "").replace(/\.$/, "");
  return { host, address: host === "" || /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host) };
}

/** A request after a rewrite of either kind, where one applies. */
export interface Rewritten {
  host: string;
  /** The host is an IP address, or there is none; another suffix changes nothing of it. */
  address: boolean;
  /** Path and query, without a first segment that was the host. */
  target: string;
  /** Numbers of the rewrites that applied. */
  pathRewrite: number | null;
  suffixRewrite: number | null;
}

/** @param authority null where the request has none */
export function rewrite(table: Table, authority: string | null, target: string): Rewritten {
  let read: Rewritten = { ...hostOf(authority), target, pathRewrite: null, suffixRewrite: null };
  for (let number = 0; number < table.rewriteCount; number++) {
    const one = table.rewrite(number);
    if (one.kind === "path") {
      const split = read.pathRewrite === null ? hostInPath(one, read) : null;
      if (split) read = { ...read, ...hostOf(split.segment), target: split.rest, pathRewrite: number };
      continue;
    }
    const host = withOtherSuffix(one, read.host);
    if (host !== null) return { ...read, host, suffixRewrite: number };
  }
  return read;
}

/** First segment of the path, and the target after it; null where they are no host and its target. */
function hostInPath(
  { from, under }: Rewrite & { kind: "path" },
  { host, target }: { host: string; target: string },
): { segment: string; rest: string } | null {
  const isMeant = from.startsWith(".") ? host.length > from.length && host.endsWith(from) : host === from;
  const [, segment, path] = /^\/([^/?]+)(\/[^?]*)/.exec(target) ?? [];
  if (!isMeant || segment === undefined) return null;
  if (under !== "" && path !== under && !path!.startsWith(`${under}/`)) return null;
  return { segment, rest: target.slice(1 + segment.length) };
}

function withOtherSuffix(
  { prefix, labels, from, to }: Rewrite & { kind: "suffix" },
  host: string,
): string | null {
  const end = host.length - from.length;
  if (!host.startsWith(prefix) || !host.endsWith(from) || end < prefix.length) return null;
  const head = host.slice(prefix.length, end).split(".");
  return head.length === labels && !head.includes("") ? head.join(".") + to : null;
}
