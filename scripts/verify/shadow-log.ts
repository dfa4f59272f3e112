/** An access log with what a filter in shadow would have done, held against what was done. */
import { parseLine } from "../explain/question.ts";
import { parseJsonLog } from "../requests/json-log.ts";
import { linesOf } from "../requests/lines.ts";
import { decompressed } from "../requests/open.ts";
import { Unwrapper } from "../requests/unwrap.ts";
import { parseShadow } from "../table/shadow.ts";

export interface ShadowLogOptions {
  /** The fields of a line that have the word of the filter in shadow, and the upstream cluster. */
  shadowField: string;
  presentField: string;
  /** Names that mean the same: `PRESENT`, then those of the table's that it may be. */
  same: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Requests that went to one cluster, and would have gone to one other. */
export interface Pair {
  /** The upstream cluster; `-` where the proxy answered itself. */
  from: string;
  /** A cluster, `reply=STATUS` or `pass`. */
  to: string;
  count: number;
  /** The first of them. */
  first: { line: number; request: string | null }[];
}

export interface Compared {
  agreed: number;
  disagreed: number;
  /** Not compared: the body of a job would have said the wiki. */
  ofBody: number;
  /** Not compared: the filter said nothing, as where it has no table. */
  silent: number;
  unreadable: number;
  /** The most frequent first. */
  disagreements: Pair[];
  /** Disagreements of still other pairs than these. */
  others: number;
  firstUnreadable: { line: number; error: string }[];
}

/** What is kept of a log that has ever other names in it. */
const PAIRS_AT_MOST = 10_000;
const FIRST_AT_MOST = 5;

/** Throws SourceError for a file that is no log as a whole. */
export async function compareShadow(
  input: AsyncIterable<Uint8Array>,
  file: string,
  options: ShadowLogOptions,
  onLine: (line: number) => void = () => {},
): Promise<Compared> {
  const comparison = new Comparison(options);
  const unwrapper = new Unwrapper();
  let line = 0;
  for await (const text of linesOf(decompressed(input, file), file)) {
    onLine(++line);
    const whole = unwrapper.unwrap(text);
    if (whole !== null && whole.trim() !== "") comparison.add(line, whole);
  }
  for (const _ of unwrapper.rest())
    comparison.addUnreadable(line, "the log has only the beginning of this line");
  return comparison.result();
}

class Comparison {
  private readonly pairs = new Map<string, Pair>();
  private readonly sums = { agreed: 0, disagreed: 0, ofBody: 0, silent: 0, unreadable: 0, others: 0 };
  private readonly firstUnreadable: Compared["firstUnreadable"] = [];

  constructor(private readonly options: ShadowLogOptions) {}

  add(line: number, text: string): void {
    const read = attempt(() => readLine(text, this.options));
    if (typeof read === "string") this.addUnreadable(line, read);
    else if (read.to === "silent" || read.to === "ofBody") this.sums[read.to]++;
    else if (read.from === read.to.name || this.options.same.get(read.from)?.has(read.to.name))
      this.sums.agreed++;
    else this.addDisagreement(line, read.from, read.to.name, read.json);
  }

  addUnreadable(line: number, error: string): void {
    this.sums.unreadable++;
    if (this.firstUnreadable.length < FIRST_AT_MOST) this.firstUnreadable.push({ line, error });
  }

  private addDisagreement(line: number, from: string, to: string, json: unknown): void {
    this.sums.disagreed++;
    const key = JSON.stringify([from, to]);
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      if (this.pairs.size === PAIRS_AT_MOST) {
        this.sums.others++;
        return;
      }
      pair = { from, to, count: 0, first: [] };
      this.pairs.set(key, pair);
    }
    pair.count++;
    if (pair.first.length < FIRST_AT_MOST) pair.first.push({ line, request: requestOf(json) });
  }

  result(): Compared {
    const disagreements = [...this.pairs.values()].sort((a, b) => b.count - a.count);
    return { ...this.sums, disagreements, firstUnreadable: this.firstUnreadable };
  }
}

interface Line {
  json: unknown;
  from: string;
  /** Where the request would have gone, or why it cannot be said. */
  to: { name: string } | "silent" | "ofBody";
}

/** Throws an Error whose message is for the user. */
function readLine(text: string, { shadowField, presentField }: ShadowLogOptions): Line {
  const json = parseLine(text);
  const word = fieldOf(json, shadowField);
  const from = fieldOf(json, presentField);
  if (word === "-") return { json, from, to: "silent" };
  const said = parseShadow(word);
  if (said === null) throw new Error(`${JSON.stringify(word)} is no word of a filter in shadow`);
  if (said.kind === "route" && said.isOfBody) return { json, from, to: "ofBody" };
  const name = said.kind === "route" ? said.cluster : said.kind === "reply" ? `reply=${said.status}` : "pass";
  return { json, from, to: { name } };
}

/** What it throws is told as a sentence. */
function attempt(read: () => Line): Line | string {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}

/** `-` where the proxy logged that there is none. Throws an Error whose message is for the user. */
function fieldOf(json: unknown, name: string): string {
  const place = Object.hasOwn(Object(json), name) ? [name] : name.split(".");
  let value = json;
  for (const key of place) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key))
      throw new Error(
        `there is no field ${JSON.stringify(name)}: name the log's own by --shadow-field and --present-field`,
      );
    value = (value as Record<string, unknown>)[key];
  }
  if (value === null || value === "") return "-";
  if (typeof value !== "string") throw new Error(`the field ${JSON.stringify(name)} is no text`);
  return value;
}

/** null: the log has other names for it. */
function requestOf(json: unknown): string | null {
  try {
    const logged = parseJsonLog(json, {});
    return logged === null || "text" in logged
      ? null
      : `${logged.method} ${logged.authority ?? ""}${logged.path}`;
  } catch {
    return null;
  }
}
