/** Reads dblists and dbexprs: lists of wikis, and what is computed from lists. */
import { existsSync } from "node:fs";
import { basename, isAbsolute, join, relative } from "node:path";
import { checkListName, parseExpression, type Term } from "./dblist-expression.ts";
import { namesIn } from "./files.ts";
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

/** The drift as a problem to report, at the `.dblist`. */
export function driftError({ file, expr, missing, extra }: Drift): SourceError {
  const parts: string[] = [];
  if (missing.length > 0) parts.push(`it lacks ${quoteAll(missing)}`);
  if (extra.length > 0) parts.push(`it has ${quoteAll(extra)}, which the expression does not give`);
  const out = "generate the list again, or change the expression";
  return new SourceError({ file }, `differs from its source ${basename(expr)}: ${parts.join("; ")}: ${out}`);
}

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
  readonly #read = new Map<string, readonly string[] | SourceError>();
  /** Of each `.dblist` that was read, where it lists each wiki; of the others, the expression in it. */
  readonly #lines = new Map<string, ReadonlyMap<string, number> | readonly Term[]>();
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
      const lines = this.#lines.get(file);
      if (lines instanceof Map) {
        const line = lines.get(wiki);
        if (line !== undefined) return { file, line };
      } else if (lines !== undefined) {
        const found = this.#placeIn(lines as readonly Term[], wiki);
        if (found) return found;
      }
    }
    return null;
  }

  /** How a `.dblist` differs from its `.dbexpr`; null when it does not, or is not one of two. */
  drift(name: string): Drift | null {
    checkListName(name, { file: this.#root });
    const base = this.#path(name).replace(ENDING, "");
    const file = `${base}.dblist`;
    const expr = `${base}.dbexpr`;
    if (!existsSync(file) || !existsSync(expr)) {
      this.#resolve(name, { file: this.#root });
      return null;
    }
    const held = new Set(this.#readFile(file, { file }));
    const said = new Set(this.#readFile(expr, { file: expr }));
    const missing = [...said].filter((wiki) => !held.has(wiki));
    const extra = [...held].filter((wiki) => !said.has(wiki));
    return missing.length + extra.length === 0 ? null : { file, expr, missing, extra };
  }

  /** Every drift in the folder, in order of name. */
  drifts(): Drift[] {
    const names = this.#files().filter((file) => file.endsWith(".dbexpr"));
    return names.map((name) => this.drift(name)).filter((drift) => drift !== null);
  }

  #path(name: string): string {
    return isAbsolute(name) ? name : join(this.#root, name);
  }

  #resolve(name: string, where: Place): string {
    const path = this.#path(name);
    const candidates = ENDING.test(path) ? [path] : [`${path}.dblist`, `${path}.dbexpr`];
    const found = candidates.find((file) => existsSync(file));
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

  /** The list files of the folder, in order of name. */
  #files(): string[] {
    if (!existsSync(this.#root)) {
      throw new SourceError({ file: this.#root }, "there is no such dblists folder");
    }
    return namesIn(this.#root).filter((file) => ENDING.test(file));
  }

  #readFile(file: string, referrer: Place): readonly string[] {
    if (this.#open.includes(file)) {
      const cycle = [...this.#open.slice(this.#open.indexOf(file)), file];
      const shown = cycle.map((each) => this.#shortName(each)).join(" → ");
      throw new SourceError(referrer, `the lists refer to each other in a circle (${shown}): break it`);
    }
    if (this.#open.length === DEPTH_AT_MOST) {
      const what = `lists refer to lists ${DEPTH_AT_MOST} deep, up to ${quote(this.#shortName(file))}`;
      throw new SourceError(referrer, `${what}: name the wikis in one of them`);
    }
    const known = this.#read.get(file);
    if (known instanceof SourceError) throw known;
    if (known !== undefined) return known;
    this.#open.push(file);
    try {
      const wikis = this.#parse(file, readText(file, referrer));
      this.#read.set(file, wikis);
      return wikis;
    } catch (error) {
      if (error instanceof SourceError) this.#read.set(file, error);
      throw error;
    } finally {
      this.#open.pop();
    }
  }

  #shortName(file: string): string {
    const name = relative(this.#root, file);
    return (name.startsWith("..") ? file : name).replace(/\.dblist$/, "");
  }

  #parse(file: string, text: string): readonly string[] {
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
      const evaluated = problems.attempt(() => {
        const terms = parseExpression(source, place);
        this.#lines.set(file, terms);
        return this.#evaluateTerms(terms);
      });
      problems.throwIfAny();
      return evaluated ?? [];
    }
    if (file.endsWith(".dbexpr")) {
      problems.add(
        { file, line: 1 },
        "the file has no expression: write one line, as in `%% all.dblist - closed.dblist`",
      );
    }
    problems.throwIfAny();
    this.#lines.set(file, wikis);
    return [...wikis.keys()].sort();
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

  #evaluateTerms(terms: readonly Term[]): string[] {
    const problems = new Problems();
    let result = new Set<string>();
    for (const { operator, name, place } of terms) {
      const list = problems.attempt(() => this.#readFile(this.#resolve(name, place), place)) ?? [];
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
