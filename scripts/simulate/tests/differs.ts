/** What a test expects, held against what came: each difference in words. */
import { isDeepStrictEqual } from "node:util";
import { createContext, Script } from "node:vm";
import { type Pair, type Message as Sent, textOf } from "../../../host-sim/index.ts";
import { count } from "../../count.ts";
import { suggestionFor } from "../../sources/suggestion.ts";
import type { Wanted, WantedHeaders, WantedLog } from "./schema.ts";

/** `what` is expected so, and is otherwise; both in words, which may have several lines. */
export interface Difference {
  /** The keys that it stands under, from those of the expectation on. */
  path: readonly (string | number)[];
  what: string;
  expected: string;
  actual: string;
}

/** Of what stands under a key. */
export const under =
  (key: string | number) =>
  (difference: Difference): Difference => ({ ...difference, path: [key, ...difference.path] });

/** @param actual a byte string; null: it is not there */
export function differsText(
  wanted: Wanted,
  actual: string | null,
): Pick<Difference, "expected" | "actual"> | null {
  if (actual === null) return { expected: showWanted(wanted), actual: "nothing" };
  const text = textOf(actual);
  return isLike(wanted, actual, text) ? null : { expected: showWanted(wanted), actual: quoted(text) };
}

function isLike(wanted: Wanted, bytes: string, text: string): boolean {
  if (typeof wanted === "string") return text === wanted;
  const { matches, contains, base64, json } = wanted;
  if (matches !== undefined) return isMatch(matches, text);
  if (contains !== undefined) return text.includes(contains);
  if (base64 !== undefined) return Buffer.from(base64, "base64").equals(Buffer.from(bytes, "latin1"));
  try {
    return isDeepStrictEqual(JSON.parse(text), json);
  } catch {
    return false;
  }
}

/** A pattern of a stranger's may need years: then it does not match. */
const MATCH_MILLISECONDS = 500;
const within = createContext({ pattern: / /, text: "" });
const match = new Script("pattern.test(text)");

function isMatch(pattern: string, text: string): boolean {
  Object.assign(within, { pattern: new RegExp(pattern, "u"), text });
  try {
    return match.runInContext(within, { timeout: MATCH_MILLISECONDS }) as boolean;
  } catch {
    return false;
  }
}

export function showWanted(wanted: Wanted): string {
  if (typeof wanted === "string") return quoted(wanted);
  const { matches, contains, base64, json } = wanted;
  if (matches !== undefined) return `text that matches ${quoted(matches)}`;
  if (contains !== undefined) return `text that contains ${quoted(contains)}`;
  return base64 === undefined ? `the JSON ${JSON.stringify(json)}` : `the bytes of base64 ${base64}`;
}

export const quoted = (text: string): string => JSON.stringify(text);

/** @param what whose headers they are, as `the response` */
export function differsHeaders(
  wanted: WantedHeaders,
  actual: readonly Pair[] | null,
  what: string,
): Difference[] {
  return Object.entries(wanted).flatMap(([name, one]): Difference[] => {
    const lower = name.toLowerCase();
    const values = (actual ?? []).flatMap((pair) => (pair[0].toLowerCase() === lower ? [pair[1]] : []));
    const list = one === null ? [] : [one].flat();
    const isSame =
      list.length === values.length && list.every((each, i) => differsText(each, values[i]!) === null);
    if (isSame) return [];
    const show = (shown: readonly string[]): string => shown.join(", ") || "no such header";
    const expected = show(list.map(showWanted));
    const found = show(values.map((value) => quoted(textOf(value))));
    return [{ path: [name], what: `header ${quoted(name)} of ${what}`, expected, actual: found }];
  });
}

export interface WantedMessage {
  headers?: WantedHeaders | undefined;
  body?: Wanted | undefined;
  trailers?: WantedHeaders | undefined;
}

export function differsMessage(
  { headers, body, trailers }: WantedMessage,
  sent: Sent,
  what: string,
): Difference[] {
  const bytes = body === undefined ? null : differsText(body, Buffer.from(sent.body).toString("latin1"));
  return [
    ...differsHeaders(headers ?? {}, sent.headers, what).map(under("headers")),
    ...(bytes === null ? [] : [{ path: ["body"], what: `body of ${what}`, ...bytes }]),
    ...differsHeaders(trailers ?? {}, sent.trailers, `${what}'s trailers`).map(under("trailers")),
  ];
}

export interface Line {
  level: string;
  text: string;
}

const showLine = ({ level, text }: Line): string => `${level}: ${text}`;

function isLine(wanted: WantedLog, { level, text }: Line): boolean {
  if (typeof wanted === "string") return text === wanted;
  if (wanted.level !== undefined && wanted.level !== level) return false;
  if (wanted.text !== undefined) return text === wanted.text;
  return wanted.matches === undefined ? text.includes(wanted.contains!) : isMatch(wanted.matches, text);
}

function showWantedLine(wanted: WantedLog): string {
  if (typeof wanted === "string") return `a line ${quoted(wanted)}`;
  const { level, text, ...like } = wanted;
  const line = level === undefined ? "a line" : `a line of level ${level}`;
  return text === undefined ? `${line} with ${showWanted(like)}` : `${line} ${quoted(text)}`;
}

/** The lines in this order; others may stand between them. */
export function differsLogs(wanted: readonly WantedLog[], lines: readonly Line[]): Difference[] {
  let from = 0;
  for (const [i, one] of wanted.entries()) {
    const at = lines.findIndex((line, place) => place >= from && isLine(one, line));
    if (at < 0) {
      const expected = showWantedLine(one) + (i === 0 ? "" : `, behind the ${i} before it`);
      const actual = `none of ${count(lines.length - from, "line")}`;
      return [{ path: [i], what: "what the module logs", expected, actual }];
    }
    from = at + 1;
  }
  return [];
}

export function differsNoLogs(unwanted: readonly WantedLog[], lines: readonly Line[]): Difference[] {
  return unwanted.flatMap((one, i): Difference[] => {
    const found = lines.find((line) => isLine(one, line));
    if (found === undefined) return [];
    const expected = `not ${showWantedLine(one)}`;
    return [{ path: [i], what: "what the module logs", expected, actual: showLine(found) }];
  });
}

/** A counter's or gauge's value, or what a histogram has recorded. */
export type MetricValue = bigint | readonly bigint[];

export function differsMetrics(
  wanted: Readonly<Record<string, number | readonly number[]>>,
  actual: ReadonlyMap<string, MetricValue>,
): Difference[] {
  return Object.entries(wanted).flatMap(([name, value]): Difference[] => {
    const found = actual.get(name);
    if (
      found !== undefined &&
      String(found) === String(value) &&
      Array.isArray(found) === Array.isArray(value)
    )
      return [];
    const near = suggestionFor(name, actual.keys());
    const absent = `no such metric${near === undefined ? "" : `; there is ${quoted(near)}`}`;
    const show = (one: MetricValue | number | readonly number[]) =>
      Array.isArray(one) ? `[${one.join(", ")}]` : `${one}`;
    return [
      {
        path: [name],
        what: `metric ${quoted(name)}`,
        expected: show(value),
        actual: found === undefined ? absent : show(found),
      },
    ];
  });
}
