/** A question about one request: read from a URL or from a line of JSON. */
import { byteString, type Pair } from "../../host-sim/index.ts";
import { LOST_KEY } from "../sources/names.ts";
import { quoteAll } from "../sources/problem.ts";

/** A request that somebody asks about; text is Unicode and goes to the filter as UTF-8. */
export interface Question {
  /** null where the request has none. */
  authority: string | null;
  /** The raw target: path and query. */
  path: string;
  method: string;
  headers: Record<string, string[]>;
  body: string | null;
  /** The client's address, for shares that are cut by it. */
  client: string | null;
}

/** In an authority and a method no codec lets them through; what Envoy makes of a path with them, it says itself. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const CONTROL = /[\x00-\x1f\x7f]/;
const WITH_CONTROL = "has a control character, which no request has there";

/** What a log says of a request that nobody can send. Throws an Error whose message is for the user. */
export function checkLogged({ authority, method }: Pick<Question, "authority" | "method">): void {
  if (CONTROL.test(authority ?? "")) throw new Error(`authority: ${WITH_CONTROL}`);
  if (CONTROL.test(method)) throw new Error(`method: ${WITH_CONTROL}`);
}

/** The keys that a line may have. */
export const QUESTION_KEYS = ["authority", "path", "method", "headers", "body", "client"];

/** One line of `explain --stdin`. Throws an Error whose message is for the user. */
export function questionOfLine(text: string): Question {
  return questionOfJson(parseLine(text));
}

/** Throws an Error whose message is for the user. */
export function questionOfJson(json: unknown): Question {
  if (Object.hasOwn(Object((json as { headers?: unknown } | null)?.headers), LOST_KEY)) {
    throw new Error(`headers: ${quoteAll([LOST_KEY])} cannot be a name here`);
  }
  // By hand: a library of schemas is larger than all else that a browser loads to answer a question.
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error("must be a JSON object");
  const {
    authority: said = null,
    path,
    method = "GET",
    headers: named = {},
    body = null,
    client = null,
  } = json as Record<string, unknown>;
  const problems = [
    ...(said === null ? [] : plainText("authority", said)),
    ...text("path", path),
    ...(method === "" ? ["method: must not be empty"] : plainText("method", method)),
    ...headersOfLine(named),
    ...(body === null ? [] : text("body", body)),
    ...(client === null ? [] : text("client", client)),
  ];
  const unknown = Object.keys(json).filter((key) => !QUESTION_KEYS.includes(key));
  if (unknown.length > 0)
    problems.push(`unknown key ${quoteAll(unknown)}; known keys: ${quoteAll(QUESTION_KEYS)}`);
  if (problems.length > 0) throw new Error(problems.join("; "));
  let authority = said as string | null;
  const headers: Question["headers"] = {};
  for (const [name, value] of Object.entries(named as Record<string, string | string[]>)) {
    const values = typeof value === "string" ? [value] : value;
    // A proxy knows one host: Host stands in for an authority that is not there, and is dropped beside one.
    if (name.toLowerCase() === "host") authority ??= values[0] ?? null;
    else headers[name] = values;
  }
  const texts = { authority, path, method, headers, body, client };
  return texts as Question;
}

const text = (key: string, value: unknown): string[] =>
  typeof value === "string" ? [] : [`${key}: must be text`];

function plainText(key: string, value: unknown): string[] {
  const problems = text(key, value);
  return problems.length === 0 && CONTROL.test(value as string) ? [`${key}: ${WITH_CONTROL}`] : problems;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const HEADER_VALUE = /^[^\x00\r\n]*$/;

function headersOfLine(headers: unknown): string[] {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers))
    return ["headers: must be an object of names and values"];
  const isValue = (value: unknown) => typeof value === "string" && HEADER_VALUE.test(value);
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!HEADER_NAME.test(name)) return [`headers.${name}: must be a header's name`];
    if (isValue(value) || (Array.isArray(value) && value.every(isValue))) return [];
    const what = typeof value === "string" ? "value" : "value, or a list of them";
    return [`headers.${name}: must be a header's ${what}, without line ends`];
  });
}

/** Throws an Error whose message is for the user. */
export function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`);
  }
}

/** Throws an Error whose message is for the user, for a URL that nobody can ask for. */
export function checkUrl(url: string): void {
  const [control] = CONTROL.exec(url) ?? [];
  if (control === undefined) return;
  const code = control.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
  throw new Error(`The URL has a control character, which no URL has: write it as %${code}.`);
}

/**
 * `https://en.wikipedia.org/wiki/X`, with or without the scheme. Taken apart by hand: WHATWG's URL would tidy up
 * the very path and host that the question is about. What no client may send as it is, is encoded as browsers do.
 */
export function questionOfUrl(url: string): Question {
  const [, authority, target] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?([^/?#]*)([^#]*)/.exec(url)!;
  const written = byteString(target!.startsWith("/") ? target! : `/${target}`);
  const path = written.replace(
    /[^\x21-\x7e]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return {
    authority: authority!.replace(/^.*@/, "") || null,
    path,
    method: "GET",
    headers: {},
    body: null,
    client: null,
  };
}

/** The request as the simulator takes it. */
export function headersOf({ authority, path, method, headers }: Question): Pair[] {
  const pairs: Pair[] = [
    [":method", byteString(method)],
    [":path", byteString(path)],
  ];
  if (authority !== null) pairs.unshift([":authority", byteString(authority)]);
  for (const [name, values] of Object.entries(headers)) {
    for (const value of values) pairs.push([name.toLowerCase(), byteString(value)]);
  }
  return pairs;
}
