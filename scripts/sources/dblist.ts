/** Reads dblists and dbexprs: lists of wikis, and what is computed from lists. */
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { checkListName, parseExpression, type Term } from "./dblist-expression.ts";
import { exists, namesIn } from "./files.ts";
import { isWikiId, WIKI_ID_SHAPE } from "./names.ts";
import { type Place, Problems, quote, quoteAll, SourceError } from "./problem.ts";
import { suggestionFor } from "./suggestion.ts";
import { isCutOff, readText } from "./text.ts";

/** A generated `.dblist` that no longer holds what its `.dbexpr` says. */
export interface Drift {
  /** The `.dblist`. */
  readonly file: string;
  /** The `.dbexpr`. */
  readonly expr: string;
  /** What the expression gives and the list lacks. */
  readonly missing: readonly string[];
  /** What the list holds and the expression does not give. */
  readonly extra: readonly string[];
}

/** A generated `.dblist` that is to be generated again. */
export interface Outdated {
  readonly file: string;
  readonly expr: string;
  /** What the expression gives. */
  readonly wikis: readonly string[];
  /** How the list differs, or why it cannot be read. */
  readonly drift: Drift | SourceError;
}

/** The drift as a problem to report, at the `.dblist`. */
export function driftError({ file, expr, missing, extra }: Drift): SourceError {
  const parts: string[] = [];
  if (missing.length > 0) parts.push(`it lacks ${quoteAll(missing)}`);
  if (extra.length > 0) parts.push(`it has ${quoteAll(extra)}, which the expression does not give`);
  const out = "generate the list again (`pointsman dblist --write`), or change the expression";
  return new SourceError({ file }, `differs from its source ${basename(expr)}: ${parts.join("; ")}: ${out}`);
}

/** Which of a generated `.dblist` and its `.dbexpr` says what is in the list. */
type Believed = "dblist" | "dbexpr";

/** What a file says: on which line each wiki stands, or the expression that it is. */
type Said = ReadonlyMap<string, number> | readonly Term[];

/** Lists that refer to lists: nobody nests them so deep, and each costs a frame of the stack. */
const DEPTH_AT_MOST = 100;

/**
 * Reads the wiki lists of one folder: `*.dblist` (one wiki a line, `#` comments, or one `%%` expression line) and
 * `*.dbexpr` (one expression). Each file is read once. Answers are sorted and unique. Throws SourceError.
 */
export class DblistReader {
  /** What was odd but harmless in the files read so far: a wiki listed twice, an empty file, one perhaps cut off. */
  readonly warnings: SourceError[] = [];
  readonly #root: string;
  readonly #hasColumns: boolean;
  readonly #said = new Map<string, Said | SourceError>();
  /** The wikis of each file that was read. */
  readonly #wikis: Record<Believed, Map<string, readonly string[] | SourceError>> = {
    dblist: new Map(),
    dbexpr: new Map(),
  };
  /** The files being read now, outermost first: what refers to one of them closes a cycle. */
  readonly #open: string[] = [];

  /**
   * @param root the folder that names of lists are relative to
   * @param columns whether a line goes on after its wiki: `enwiki|Wikipedia|en`
   */
  constructor(root: string, { columns = false }: { columns?: boolean } = {}) {
    this.#root = root;
    this.#hasColumns = columns;
  }

  /**
   * The wikis of a list: `group0`, `group0.dblist`, or an absolute path. A `.dblist` is preferred over its
   * `.dbexpr`, which is read where no `.dblist` is, or when named with its ending.
   */
  read(name: string, where: Place = { file: this.#root }): string[] {
    checkListName(name, where);
    return [...this.#readFile(this.#resolve(name, where), where)];
  }

  /** The lists of the folder, without their endings, in order of name. */
  names(): string[] {
    return [...new Set(this.#files().map((file) => file.replace(ENDING, "")))].sort();
  }

  /** The wikis of `all + preinstall - group0`; `where` is the place of the expression, for errors. */
  evaluate(expression: string, where: Place = { file: "expression", line: 1, column: 1 }): string[] {
    return this.#evaluateTerms(parseExpression(expression, where));
  }

  /** The line of a list by which an expression that was evaluated has the wiki; null where it has it by none. */
  placeOf(expression: string, wiki: string): Place | null {
    return this.#placeIn(parseExpression(expression, { file: "expression" }), wiki);
  }

  #placeIn(terms: readonly Term[], wiki: string): Place | null {
    for (const { operator, name, place } of terms) {
      if (operator !== "+") continue;
      const file = this.#resolve(name, place);
      const said = this.#said.get(file);
      if (said instanceof Map) {
        const line = said.get(wiki);
        if (line !== undefined) return { file, line };
      } else if (said !== undefined && !(said instanceof SourceError)) {
        const found = this.#placeIn(said as readonly Term[], wiki);
        if (found) return found;
      }
    }
    return null;
  }

  /**
   * How a `.dblist` differs from what its `.dbexpr` gives once the lists that it names are generated anew as well; null
   * when it does not, or is not one of two.
   */
  drift(name: string): Drift | null {
    checkListName(name, { file: this.#root });
    const pair = this.#pair(name);
    if (pair === null) {
      this.#resolve(name, { file: this.#root });
      return null;
    }
    const { file, expr } = pair;
    const held = new Set(this.#readFile(file, { file }));
    const said = new Set(this.#readFile(expr, { file: expr }, "dbexpr"));
    const missing = [...said].filter((wiki) => !held.has(wiki));
    const extra = [...held].filter((wiki) => !said.has(wiki));
    return missing.length + extra.length === 0 ? null : { file, expr, missing, extra };
  }

  /** Every drift in the folder, in order of name. */
  drifts(): Drift[] {
    return this.#expressions()
      .map((name) => this.drift(name))
      .filter((drift) => drift !== null);
  }

  /** The generated lists that are to be generated again, in order of name; among them those that are broken. */
  outdated(): Outdated[] {
    const problems = new Problems();
    const found: Outdated[] = [];
    for (const name of this.#expressions()) {
      const pair = this.#pair(name);
      if (pair === null) continue;
      const wikis = problems.attempt(() => this.#readFile(pair.expr, { file: pair.expr }, "dbexpr"));
      if (wikis === undefined) continue;
      const drift = this.#driftOrBroken(name);
      if (drift !== null) found.push({ ...pair, wikis, drift });
    }
    problems.throwIfAny();
    return found;
  }

  #driftOrBroken(name: string): Drift | SourceError | null {
    try {
      return this.drift(name);
    } catch (error) {
      if (error instanceof SourceError) return error;
      throw error;
    }
  }

  #expressions(): string[] {
    return this.#files().filter((file) => file.endsWith(".dbexpr"));
  }

  #path(name: string): string {
    return isAbsolute(name) ? name : join(this.#root, name);
  }

  /** The two files of a generated list; null for any other. */
  #pair(name: string): { file: string; expr: string } | null {
    const base = this.#path(name).replace(ENDING, "");
    const [file, expr] = [`${base}.dblist`, `${base}.dbexpr`];
    return exists(file) && exists(expr) ? { file, expr } : null;
  }

  #resolve(name: string, where: Place, believed: Believed = "dblist"): string {
    const path = this.#path(name);
    if (believed === "dbexpr" && resolve(dirname(path)) === resolve(this.#root)) {
      const pair = this.#pair(name);
      if (pair !== null) return pair.expr;
    }
    const candidates = ENDING.test(path) ? [path] : [`${path}.dblist`, `${path}.dbexpr`];
    const found = candidates.find((file) => exists(file));
    if (found !== undefined) return found;
    throw new SourceError(where, `unknown list ${quote(name)}: ${this.#wayOut(name, candidates[0]!)}`);
  }

  #wayOut(name: string, expected: string): string {
    const known = new Set(this.#files().map((file) => file.replace(ENDING, "")));
    const wanted = basename(name).replace(ENDING, "");
    if (isAbsolute(name) && known.has(wanted)) {
      return `there is no such file, but the dblists folder has a list of that name: write ${quote(wanted)}`;
    }
    const suggestion = suggestionFor(wanted, known);
    const shown = isAbsolute(name) ? expected : relative(this.#root, expected);
    return suggestion === undefined
      ? `there is no ${quote(shown)} in ${quote(this.#root)}`
      : `did you mean ${quote(suggestion)}?`;
  }

  /** The list files of the folder, in order of name, without what editors hide there. */
  #files(): string[] {
    if (!exists(this.#root)) {
      throw new SourceError({ file: this.#root }, "there is no such dblists folder");
    }
    return namesIn(this.#root).filter((file) => ENDING.test(file) && !file.startsWith("."));
  }

  #readFile(file: string, referrer: Place, believed: Believed = "dblist"): readonly string[] {
    if (this.#open.includes(file)) {
      const cycle = [...this.#open.slice(this.#open.indexOf(file)), file];
      const shown = cycle.map((each) => this.#shortName(each)).join(" → ");
      throw new SourceError(referrer, `the lists refer to each other in a circle (${shown}): break it`);
    }
    if (this.#open.length === DEPTH_AT_MOST) {
      const what = `lists refer to lists ${DEPTH_AT_MOST} deep, up to ${quote(this.#shortName(file))}`;
      throw new SourceError(referrer, `${what}: name the wikis in one of them`);
    }
    return once(this.#wikis[believed], file, () => {
      this.#open.push(file);
      try {
        const said = once(this.#said, file, () => this.#parse(file, readText(file, referrer)));
        if (said instanceof Map) return [...said.keys()].sort();
        return this.#evaluateTerms(said as readonly Term[], believed);
      } finally {
        this.#open.pop();
      }
    });
  }

  #shortName(file: string): string {
    const name = relative(this.#root, file);
    return (name.startsWith("..") ? file : name).replace(/\.dblist$/, "");
  }

  #parse(file: string, text: string): Said {
    if (text === "") {
      this.warnings.push(
        new SourceError(
          { file },
          "the file is empty (0 bytes) and lists no wiki: if that is meant, write a comment in it",
        ),
      );
    }
    if (isCutOff(text)) {
      const what =
        "the last line has no newline at its end, so the file may be cut off: restore it, or add a newline";
      this.warnings.push(new SourceError({ file, line: text.split("\n").length }, what));
    }
    const problems = new Problems();
    const wikis = new Map<string, number>();
    let expression: { text: string; place: Place } | undefined;
    for (const [i, line] of text.split(/\r?\n/).entries()) {
      const content = contentOf(line);
      if (content === "") continue;
      const place = { file, line: i + 1, column: line.indexOf(content) + 1 };
      if (expression !== undefined) {
        const what = `unexpected ${quote(content)}: line ${expression.place.line} is an expression`;
        problems.add(place, `${what}, which must be the only line`);
      } else if (content.startsWith("%%") || file.endsWith(".dbexpr")) {
        if (wikis.size > 0) {
          problems.add(
            place,
            `an expression stands among wikis (${quote(content)}): write either wikis or one expression`,
          );
        }
        expression = { text: content, place };
      } else {
        this.#addWiki(content, place, wikis, problems);
      }
    }
    if (expression !== undefined) {
      const { text: source, place } = expression;
      const terms = problems.attempt(() => parseExpression(source, place));
      problems.throwIfAny();
      return terms!;
    }
    if (file.endsWith(".dbexpr")) {
      problems.add(
        { file, line: 1 },
        "the file has no expression: write one line, as in `%% all.dblist - closed.dblist`",
      );
    }
    problems.throwIfAny();
    return wikis;
  }

  #addWiki(
    content: string,
    place: Place & { line: number },
    wikis: Map<string, number>,
    problems: Problems,
  ): void {
    const bar = content.indexOf("|");
    const wiki = bar === -1 || !this.#hasColumns ? content : withoutBlanks(content.slice(0, bar));
    if (!isWikiId(wiki)) {
      const wayOut = /\s[-+&]\s/.test(wiki)
        ? "an expression begins with `%%`"
        : bar !== -1 && !this.#hasColumns
          ? "where lines have columns, say `dblist-columns: true` in the farm"
          : `write one wiki a line, of ${WIKI_ID_SHAPE}`;
      problems.add(place, `${quote(wiki)} is not a wiki ID: ${wayOut}`);
      return;
    }
    const first = wikis.get(wiki);
    if (first !== undefined) {
      const what = `${quote(wiki)} is listed twice, first in line ${first}: drop one of the two`;
      this.warnings.push(new SourceError(place, what));
      return;
    }
    wikis.set(wiki, place.line);
  }

  #evaluateTerms(terms: readonly Term[], believed: Believed = "dblist"): string[] {
    const problems = new Problems();
    let result = new Set<string>();
    for (const { operator, name, place } of terms) {
      const list =
        problems.attempt(() => this.#readFile(this.#resolve(name, place, believed), place, believed)) ?? [];
      if (operator === "&") {
        const kept = new Set(list);
        result = new Set([...result].filter((wiki) => kept.has(wiki)));
        continue;
      }
      for (const wiki of list) {
        if (operator === "+") result.add(wiki);
        else result.delete(wiki);
      }
    }
    problems.throwIfAny();
    return [...result].sort();
  }
}

/** What `step` gave the first time, or the SourceError that it threw then. */
function once<T>(known: Map<string, T | SourceError>, key: string, step: () => T): T {
  const before = known.get(key);
  if (before instanceof SourceError) throw before;
  if (before !== undefined) return before;
  try {
    const given = step();
    known.set(key, given);
    return given;
  } catch (error) {
    if (error instanceof SourceError) known.set(key, error);
    throw error;
  }
}

/** What a line says. A comment may hold anything but a line end. */
function contentOf(line: string): string {
  const comment = line.indexOf("#");
  if (comment === -1 || line.includes("\r", comment)) return withoutBlanks(line);
  return withoutBlanks(line.slice(0, comment));
}

/** By hand, as a regular expression takes for ever over a line that is all blanks but for its end. */
function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start]!)) start++;
  while (end > start && isBlank(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function isBlank(char: string): boolean {
  return char === " " || char === "\t";
}

const ENDING = /\.(?:dblist|dbexpr)$/;
