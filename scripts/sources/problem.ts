/** Problems of inputs: each with its file, line and column; many at once are one error. */
import { visibleOnLine } from "../visible.ts";

/** Where something stands in a source. Line and column count from 1; a column counts UTF-16 units. */
export interface Place {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** One thing wrong in one place of a source, as `file:line:column: what`. */
export class SourceError extends Error {
  override readonly name: string = "SourceError";
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** The sentence alone, without its place. */
  readonly what: string;

  constructor(place: Place, what: string) {
    // What is not ours may stand in both: a file's name, a reason that Node gives.
    super(visibleOnLine(`${showPlace(place)}: ${what}`));
    this.file = place.file;
    this.line = place.line;
    this.column = place.column;
    this.what = visibleOnLine(what);
  }

  /** Every single problem in it, so that a caller needs one `catch` for one problem and for many. */
  get problems(): readonly SourceError[] {
    return [this];
  }
}

/** What is told of a record among many that goes without it. */
export function leftOut({ file, what }: SourceError): string {
  return new SourceError({ file }, `left out: ${what}`).message;
}

/** Several problems found in one go; stands at the first one's place, and its message has a line for each cause. */
export class SourceErrors extends SourceError {
  override readonly name: string = "SourceErrors";
  readonly #problems: readonly SourceError[];

  constructor(problems: readonly [SourceError, ...SourceError[]]) {
    super(problems[0], problems[0].what);
    this.message = oneACause(problems).join("\n");
    this.#problems = problems;
  }

  override get problems(): readonly SourceError[] {
    return this.#problems;
  }
}

/** The last of very many: how many more there are, which were counted and not kept. */
class MoreProblems extends SourceError {
  constructor(
    file: string,
    readonly count: number,
  ) {
    super({ file }, `and ${count} more ${count === 1 ? "problem" : "problems"}`);
  }
}

/** Problems of one source that are kept: of a file that is altogether wrong, the rest is counted. */
const KEPT_AT_MOST = 1000;

const TOLD_ONE_BY_ONE = 3;

/**
 * The messages of problems, a line a cause: what befalls very many in the same way is told of the first, with how many
 * more there are and their first names. Sentences that differ in nothing but numbers and what they quote have one cause.
 */
export function oneACause(problems: readonly SourceError[]): string[] {
  const causes = new Map<string, SourceError[]>();
  for (const problem of problems) {
    const cause = `${problem.file}\n${problem.what.replace(/`[^`]*`/g, "`").replace(/\d+/g, "0")}`;
    const known = causes.get(cause);
    if (known) known.push(problem);
    else causes.set(cause, [problem]);
  }
  return [...causes.values()].flatMap((alike) => {
    if (alike.length <= TOLD_ONE_BY_ONE) return alike.map(({ message }) => message);
    const [first, ...others] = alike as [SourceError, ...SourceError[]];
    const names = new Set(others.map(({ what, line }) => /`[^`]*`/.exec(what)?.[0] ?? `line ${line}`));
    const shown = [...names].slice(0, FIRST).join(", ");
    return [
      `${first.message} (and ${others.length} more like it: ${shown}${names.size > FIRST ? ", …" : ""})`,
    ];
  });
}

/** Gathers the problems of a source, so that they are told together. The same problem is kept once. */
export class Problems {
  readonly #found = new Map<string, SourceError>();
  #more = 0;

  add(place: Place, what: string): void {
    if (this.#found.size < KEPT_AT_MOST) this.keep(new SourceError(place, what));
    else this.#more++;
  }

  keep(error: SourceError): void {
    for (const problem of error.problems) {
      if (problem instanceof MoreProblems) this.#more += problem.count;
      else if (this.#found.size < KEPT_AT_MOST) this.#found.set(problem.message, problem);
      else if (!this.#found.has(problem.message)) this.#more++;
    }
  }

  keepAll(others: Problems): void {
    for (const problem of others.#found.values()) this.keep(problem);
    this.#more += others.#more;
  }

  get any(): boolean {
    return this.#found.size > 0;
  }

  /** What `step` gives, or undefined if it threw a SourceError, which is kept. */
  attempt<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.keep(error);
      return undefined;
    }
  }

  /** Throws the one problem, or all of them as SourceErrors. */
  throwIfAny(): void {
    const [first, ...rest] = this.#found.values();
    if (first === undefined) return;
    if (this.#more > 0) rest.push(new MoreProblems(first.file, this.#more));
    throw rest.length === 0 ? first : new SourceErrors([first, ...rest]);
  }
}

/** `file`, `file:line` or `file:line:column`. */
function showPlace({ file, line, column }: Place): string {
  if (line === undefined) return file;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

const SHOWN_AT_MOST = 80;

/** Offending text for a message: on one line, shortened, and with invisible characters made visible. */
export function quote(text: string): string {
  const shortened = text.length > SHOWN_AT_MOST ? `${text.slice(0, SHOWN_AT_MOST)}…` : text;
  const visible = shortened.replace(/[\p{C}\p{Z}]/gu, (char) => (char === " " ? char : escapeChar(char)));
  return `\`${visible}\``;
}

function escapeChar(char: string): string {
  if (char === "\n") return "\\n";
  if (char === "\r") return "\\r";
  if (char === "\t") return "\\t";
  return `\\u{${char.codePointAt(0)?.toString(16)}}`;
}

const LISTED_AT_MOST = 20;
const FIRST = 5;

/** A list of names for a message: each quoted, the end of a long one counted. */
export function quoteAll(names: readonly string[], atMost: number = LISTED_AT_MOST): string {
  const shown = names.slice(0, atMost).map(quote).join(", ");
  return names.length > atMost ? `${shown} and ${names.length - atMost} more` : shown;
}

/** The first few of names that have a count of their own in the message. */
export const quoteFirst = (names: readonly string[]): string => quoteAll(names, FIRST);
