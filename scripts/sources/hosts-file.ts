import { isWikiId, WIKI_ID_SHAPE } from "./names.ts";
import { type Place, Problems, quote } from "./problem.ts";
import { readText } from "./text.ts";

const HOST = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** Lines of `host<TAB>wiki`, in the order of the file. */
export interface HostsFile {
  hosts: string[];
  wikis: string[];
  lines: number[];
}

/**
 * Reads a file of exact hosts and their wikis, a line each; `#` begins a comment, and lines may be blank. Throws
 * SourceError with every bad line.
 */
export function readHostsFile(file: string, referrer: Place = { file }): HostsFile {
  const text = readText(file, referrer);
  const problems = new Problems();
  const read: HostsFile = { hosts: [], wikis: [], lines: [] };
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    const words = withoutComment(text.slice(start, end));
    start = end + 1;
    line++;
    if (words === "") continue;
    const tab = words.indexOf("\t");
    const host = words.slice(0, tab).trimEnd();
    const wiki = words.slice(tab + 1).trimStart();
    const place = { file, line };
    if (tab === -1) problems.add(place, `${quote(words)} is not a host, a tab and a wiki`);
    else if (!HOST.test(host)) problems.add(place, `${quote(host)} is not a host in lower case`);
    else if (!isWikiId(wiki)) problems.add(place, `${quote(wiki)} is not a wiki ID: use ${WIKI_ID_SHAPE}`);
    read.hosts.push(host);
    read.wikis.push(wiki);
    read.lines.push(line);
  }
  problems.throwIfAny();
  return read;
}

function withoutComment(line: string): string {
  const comment = line.indexOf("#");
  return (comment === -1 ? line : line.slice(0, comment)).trim();
}
