/** Multiversion's own answers to hosts and paths, as the data has them, and what they are to us. */
import { DATA } from "./data.ts";
import { readTsv } from "./farms.ts";

export interface HostCase {
  realm: "production" | "labs";
  host: string;
  script_name: string;
  request_uri: string;
  wiki: string;
  status: string;
  /** Why the proxies never ask the filter about it. */
  leftOut: string | null;
  /** The wiki that Apache gives a host by another name, before PHP is asked; only PHP's answer is in the data. */
  renamed: string | null;
}

/** Every row of the data. */
export const hostCases = (): HostCase[] =>
  readTsv(`${DATA}/host-cases.tsv`).map(
    (row) => ({ ...row, leftOut: whyLeftOut(row), renamed: renamed(row) }) as HostCase,
  );

/** What is expected of a case that is asked. @param versions of production's wikis */
export function answerOfHostCase(
  { renamed, status, wiki }: HostCase,
  versions: ReadonlyMap<string, string>,
): { wiki: string | null; version?: string | undefined; release?: string } {
  if (renamed !== null) return { wiki: renamed, version: versions.get(renamed) };
  return status.startsWith("php-")
    ? { wiki, version: status.slice("php-".length) }
    : { wiki: null, release: "group2" };
}

function renamed({ realm, host }: Record<string, string>): string | null {
  if (realm !== "production") return null;
  if (host!.endsWith(".wikidata.org") && !/^(www|test)\./.test(host!)) return "wikidatawiki";
  if (host!.endsWith(".wikifunctions.org") && host !== "www.wikifunctions.org") return "wikifunctionswiki";
  return null;
}

function whyLeftOut(row: Record<string, string>): string | null {
  const { host, script_name, request_uri } = row as unknown as HostCase;
  if (host.endsWith(".wmnet") || host === "localhost" || /^[\d.]+$|^\[|^$/.test(host))
    return "a host that passes through";
  if (host.endsWith(".")) return "a host that ends in a dot";
  if (!request_uri.startsWith("/")) return "a path that does not begin with /";
  if (host.startsWith("upload.wikimedia.") && script_name !== "/w/thumb.php") {
    return "an upload by another script than thumb.php";
  }
  return null;
}
