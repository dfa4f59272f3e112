/**
 * What the filter reads in a text, as a regular expression (RE2, of the whole text) over the text as Envoy has it. null:
 * there is none; false: nothing that the filter reads is so.
 */
import type { Predicate } from "../../plan.ts";

export type Regex = string | null | false;
type PathTest = Extract<Predicate, { subject: "path" }>["test"];

/** A slash of a path as rules see it: any number of them, encoded or not. */
const SLASHES = "(?:/|%2[Ff])+";
/** What Envoy leaves of a path unencoded, whoever encoded it. */
const PLAIN = /^[0-9A-Za-z_~.-]$/;
const QUERY = "(?:\\?\\C*)?";

export function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

export function anyOf(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : `(?:${texts.join("|")})`;
}

/** A byte as a percent sign and two digits, in either case. */
function encoded(char: string): string {
  const digits = char.charCodeAt(0).toString(16).padStart(2, "0");
  return `%${digits.replace(/[a-f]/g, (letter) => `[${letter.toUpperCase()}${letter}]`)}`;
}

const eitherWay = (char: string): string => `(?:${quoted(char)}|${encoded(char)})`;

/**
 * Of `:path`, query included. Rules read a path that is decoded once, with `//` as `/`; dot segments Envoy has resolved,
 * but for those that {@link HIDDEN_DOTS} is about.
 */
export function pathRegex(test: PathTest, values: readonly string[]): Regex {
  // A `%` of the decoded path may be two things in the other one.
  if (values.some((value) => value.includes("%"))) return null;
  const possible = values.filter((value) => !value.includes("//"));
  if (possible.length === 0) return false;
  const found = possible.map((value) => {
    const text = [...value]
      .map((char) => (char === "/" ? SLASHES : PLAIN.test(char) ? quoted(char) : eitherWay(char)))
      .join("");
    return {
      exact: text,
      prefix: `${text}[^?]*`,
      // Below a slash there would be two.
      under: value.endsWith("/") ? text : `${text}(?:${SLASHES}[^?]*)?`,
      suffix: `[^?]*${text}`,
      contains: `[^?]*${text}[^?]*`,
    }[test];
  });
  return anyOf(found) + QUERY;
}

/** Of `:path`: a dot segment beside a `%2F`, which Envoy does not resolve and rules do. */
export const HIDDEN_DOTS = `[^?]*(?:%2[Ff]\\.\\.?(?:(?:/|%2[Ff])[^?]*)?|/\\.\\.?%2[Ff][^?]*)${QUERY}`;

/** Of `:path`: the first segment is a host, and what follows is at or under a path. */
export function hostInPathRegex(under: string): string {
  return under === "" ? `/[^/?]+/[^?]*${QUERY}` : `/[^/?]+${quoted(under)}(?:/[^?]*)?${QUERY}`;
}

const BLANKS = "[ \\t]*";

type MemberTest = "present" | "exact" | "prefix";

/** Between `;` without blanks at its ends. */
const isTrimmed = (text: string): boolean => !text.includes(";") && !/^[ \t]|[ \t]$/.test(text);

/** Of the header `cookie`: one of that name, with one of the values where there are any. */
export function cookieRegex(name: string, test: MemberTest, values: readonly string[]): Regex {
  if (!isTrimmed(name) || name.includes("=")) return false;
  const before = `(?:\\C*;)?${BLANKS}${quoted(name)}${BLANKS}`;
  if (test === "present") return `${before}(?:[=;]\\C*)?`;
  // Of a value that goes on a blank may be the last.
  if (test === "prefix" && values.some((value) => /[ \t]$/.test(value))) return null;
  const possible = values.filter(isTrimmed);
  if (possible.length === 0) return false;
  // Without a `=` it is empty.
  const empty = possible.includes("") ? "?" : "";
  const end = test === "exact" ? `${BLANKS}(?:;\\C*)?` : "\\C*";
  return `${before}(?:=${BLANKS}${anyOf(possible.map(quoted))})${empty}${end}`;
}

/** Of `:path`: a parameter that PHP knows by that name, with one of the values where there are any. */
export function parameterRegex(name: string, test: MemberTest, values: readonly string[]): Regex {
  if (`${name}${values.join("")}`.includes("%")) return null;
  if (/[ .[]/.test(name)) return false;
  const blank = "(?:\\+|%20)";
  // In a name PHP reads blanks, dots and brackets as `_`, and passes over blanks before it.
  const names = [...name].map((char, i) => {
    if (char !== "_") return /[+&=#]/.test(char) ? encoded(char) : eitherWay(char);
    return `(?:_|%5[Ff]|\\.|%2[Ee]|\\[|%5[Bb]${i === 0 ? "" : `|${blank}`})`;
  });
  const before = `[^?]*\\?(?:\\C*&)?${blank}*${names.join("")}(?:(?:\\[|%5[Bb]|%00)[^=&]*)?`;
  if (test === "present") return `${before}(?:[=&]\\C*)?`;
  const texts = values.map((value) =>
    [...value]
      .map((char) => (char === " " ? blank : /[+&#]/.test(char) ? encoded(char) : eitherWay(char)))
      .join(""),
  );
  const empty = values.includes("") ? "?" : "";
  return `${before}(?:=${anyOf(texts)})${empty}${test === "exact" ? "(?:&\\C*)?" : "\\C*"}`;
}

/**
 * Of a header: a list of `name` and `name=value` between `;`. The option called so is there once and has one of the
 * values; or it is not there, and the first of the list is a value alone.
 */
export function optionRegex(option: string, values: readonly string[]): Regex {
  const possible = values.filter(isTrimmed);
  if (possible.length === 0) return false;
  if (!isTrimmed(option) || option.includes("=")) return null;
  const other = `(?:[^=;]*|${notWord(option)}=[^;]*)`;
  const named = `(?:${other};)*${BLANKS}${quoted(option)}${BLANKS}=${BLANKS}${anyOf(possible.map(quoted))}`;
  const alone = possible.filter((value) => !value.includes("=")).map((value) => BLANKS + quoted(value));
  return `${anyOf([named, ...alone])}${BLANKS}(?:;${other})*`;
}

/** Every text without `=` and `;` that is not this word between blanks. */
function notWord(word: string): string {
  let rest = `${BLANKS}[^=; \\t][^=;]*`;
  for (let i = word.length - 1; i >= 0; i--) {
    const char = word[i]!;
    const set = char.replace(/[\\\]^-]/g, "\\$&");
    const blanks = i === 0 ? " \\t" : "";
    rest = `(?:[^=;${blanks}${set}][^=;]*|${quoted(char)}${rest})?`;
  }
  return BLANKS + rest;
}

const PORT = "(?::[0-9]*)?";

/** Of `:authority`: a host that the expression matches, in whatever case, with or without a port. */
export function authorityRegex(host: string): string {
  return `(?i)${host}${PORT}`;
}

/** A host that is an IP address, or none at all. */
export const ADDRESS = `(?i)(?:\\[\\C*|(?:[0-9]{1,3}(?:\\.[0-9]{1,3}){3})?${PORT})`;

/** So many labels, with dots between them. */
export function labels(count: number): string {
  return count === 1 ? "[^.]+" : `[^.]+(?:\\.[^.]+){${count - 1}}`;
}
