/** Parses and computes the expression of a dbexpr. */
import { type Place, quote, SourceError } from "./problem.ts";

/** One list of an expression and how it joins what stands before it; the first one joins nothing, by `+`. */
export interface Term {
  readonly operator: "+" | "-" | "&";
  readonly name: string;
  readonly place: Place;
}

const RELATIVE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/;

/**
 * Reads `%% all.dblist + preinstall - group0 # comment`; the `%%` may be missing. Names of lists contain `-`,
 * so an operator is a word of its own, with white space on both sides.
 * `place` is where the text begins; without a column there, terms have none.
 */
export function parseExpression(text: string, place: Place): Term[] {
  const bare = text.replace(/#[^\r\n]*/g, blank).replace(/^[ \t\r\n]*%%/, blank);
  const words = [...bare.matchAll(/[^ \t\r\n]+/g)];
  const at = (index: number): Place => ({
    ...place,
    column: place.column === undefined ? undefined : place.column + index,
  });
  if (words.length === 0) {
    throw new SourceError(place, `empty expression (${quote(text)}): name at least one list, as in \`all\``);
  }
  const terms: Term[] = [];
  let operator: string = "+";
  for (const [i, { 0: word, index }] of words.entries()) {
    const isOperator = word === "+" || word === "-" || word === "&";
    if (i % 2 === 1) {
      if (!isOperator) {
        const what = `expected \`+\`, \`-\` or \`&\` before ${quote(word)}: an operator stands between two lists`;
        throw new SourceError(at(index), `${what}, with white space on both sides`);
      }
      operator = word;
      continue;
    }
    if (isOperator) {
      throw new SourceError(at(index), `expected a list, not ${quote(word)}: an operator joins two lists`);
    }
    checkListName(word, at(index));
    terms.push({ operator: operator as Term["operator"], name: word, place: at(index) });
  }
  const last = words.at(-1)!;
  if (words.length % 2 === 0) {
    throw new SourceError(at(last.index), `the expression ends with ${quote(last[0])}: name a list after it`);
  }
  return terms;
}

/** Refuses names that are no list's, and those that would leave the folder of the lists by `..`. */
export function checkListName(name: string, place: Place): void {
  if (name.split("/").includes("..")) {
    const out = "name a list of the dblists folder, or give an absolute path without `..`";
    throw new SourceError(place, `${quote(name)} leaves the dblists folder by \`..\`: ${out}`);
  }
  if (name.startsWith("/") ? name.length > 1 : RELATIVE_NAME.test(name)) return;
  const hint = /[+&]/.test(name)
    ? "put white space around operators"
    : "a name has letters, digits, `_`, `-` and `.`";
  throw new SourceError(place, `${quote(name)} is not the name of a list: ${hint}`);
}

function blank(text: string): string {
  return " ".repeat(text.length);
}
