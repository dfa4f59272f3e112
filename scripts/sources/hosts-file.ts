/** Reads a file of exact hosts and their wikis. */
import { HOST, isAddress, isWikiId, WIKI_ID_SHAPE } from "./names.ts";
import { type Place, Problems, quote, SourceError } from "./problem.ts";
import { punycodeOf } from "./punycode.ts";
import { isCutOff, readText } from "./text.ts";

/** Lines of `host<TAB>wiki`, in the order of the file. */
export interface HostsFile {
  /** As proxies see them: a name in other letters as punycode. */
  hosts: string[];
  wikis: string[];
  lines: number[];
}

/**
 * Reads a file of exact hosts and their wikis, a line each; `#` begins a comment, and lines may be blank. Throws
 * SourceError with the bad lines. A file that says nothing or ends in a line is one as well: hosts that it lost would go
 * to the default release, and so to another version than their wiki's.
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
    const name = words.slice(0, tab).trimEnd();
    const wiki = words.slice(tab + 1).trimStart();
    const host = HOST.test(name) ? name : punycodeOf(name);
    const wrong = wrongLine(words, tab, name, host, wiki);
    if (wrong !== null) problems.add({ file, line }, wrong);
    read.hosts.push(host!);
    read.wikis.push(wiki);
    read.lines.push(line);
  }
  problems.throwIfAny();
  if (read.hosts.length === 0) {
    const wayOut = "write it again, or leave `hosts-file` out of the farm";
    throw new SourceError({ file }, `the file has no host: ${wayOut}`);
  }
  if (isCutOff(text)) {
    const what =
      "the last line has no newline at its end, so the file may be cut off: write it again, or add a newline";
    throw new SourceError({ file, line }, what);
  }
  return read;
}

/** What is wrong with a line; null for a good one. */
function wrongLine(
  words: string,
  tab: number,
  name: string,
  host: string | null,
  wiki: string,
): string | null {
  if (tab === -1) return `${quote(words)} is not a host, a tab and a wiki: put a tab between the two`;
  if (isAddress(name))
    return `${quote(name)} is an IP address, and requests to addresses always pass through: leave it out`;
  if (host === null) return `${quote(name)} is not a host in lower case: ${wayOutOf(name, wiki)}`;
  return isWikiId(wiki) ? null : `${quote(wiki)} is not a wiki ID: use ${WIKI_ID_SHAPE}`;
}

function withoutComment(line: string): string {
  const comment = line.indexOf("#");
  // After a carriage return within a line, another line begins for whoever wrote it.
  const isComment = comment !== -1 && !line.slice(comment).trimEnd().includes("\r");
  return (isComment ? line.slice(0, comment) : line).trim();
}

/** What to write instead. */
function wayOutOf(name: string, wiki: string): string {
  if (name.includes("*")) {
    return `write a pattern in the farm's \`hosts\`, as ${quote(`{ host: "${name}", wiki: ${wiki} }`)}`;
  }
  if (/^[A-Za-z]+:\/\//.test(name)) return "write the host alone";
  if (/\s/.test(name)) return "a host has no spaces; between host and wiki there is one tab";
  if (/:\d+$/.test(name)) return "leave out the port";
  if (name.endsWith(".")) return "leave out the dot at its end";
  if (/[A-Z]/.test(name)) return `write ${quote(name.toLowerCase())}`;
  return "use letters, digits, `-`, `_` and dots; a name in other letters is stored as punycode";
}
