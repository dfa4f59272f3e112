/** A question about one request: read from a URL or from a line of JSON. */
import { z } from "zod";
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

const text = z.string("must be text");
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be a header's name");
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const headerValue = text.regex(/^[^\x00\r\n]*$/, "must be a header's value, without line ends");
const headers = z.record(
  headerName,
  z.union(
    [headerValue, z.array(headerValue)],
    "must be a header's value, or a list of them, without line ends",
  ),
  "must be an object of names and values",
);

/** In an authority and a method no codec lets them through; what Envoy makes of a path with them, it says itself. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const CONTROL = /[\x00-\x1f\x7f]/;
const WITH_CONTROL = "has a control character, which no request has there";
const plainText = text.refine((value) => !CONTROL.test(value), WITH_CONTROL);

/** What a log says of a request that nobody can send. Throws an Error whose message is for the user. */
export function checkLogged({ authority, method }: Pick<Question, "authority" | "method">): void {
  if (CONTROL.test(authority ?? "")) throw new Error(`authority: ${WITH_CONTROL}`);
  if (CONTROL.test(method)) throw new Error(`method: ${WITH_CONTROL}`);
}

const line = z.strictObject({
  authority: plainText.nullish(),
  path: text,
  method: plainText.min(1, "must not be empty").default("GET"),
  headers: headers.default({}),
  body: text.nullish(),
  client: text.nullish(),
});
/** The keys that a line may have. */
export const QUESTION_KEYS = Object.keys(line.shape);

/** One line of `explain --stdin`. Throws an Error whose message is for the user. */
export function questionOfLine(text: string): Question {
  return questionOfJson(parseLine(text));
}

/** Throws an Error whose message is for the user. */
export function questionOfJson(json: unknown): Question {
  if (Object.hasOwn(Object((json as { headers?: unknown } | null)?.headers), LOST_KEY)) {
    throw new Error(`headers: ${quoteAll([LOST_KEY])} cannot be a name here`);
  }
  const parsed = line.safeParse(json);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map(sentence).join("; "));
  }
  const { path, method, body, client } = parsed.data;
  let authority = parsed.data.authority ?? null;
  const headers: Question["headers"] = {};
  for (const [name, value] of Object.entries(parsed.data.headers)) {
    const values = typeof value === "string" ? [value] : value;
    // A proxy knows one host: Host stands in for an authority that is not there, and is dropped beside one.
    if (name.toLowerCase() === "host") authority ??= values[0] ?? null;
    else headers[name] = values;
  }
  return { authority, path, method, headers, body: body ?? null, client: client ?? null };
}

/** Throws an Error whose message is for the user. */
export function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`);
  }
}

function sentence(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return `unknown key ${quoteAll(issue.keys)}; known keys: ${quoteAll(QUESTION_KEYS)}`;
  }
  if (issue.code === "invalid_key") {
    return `${where}: ${issue.issues.map(({ message }) => message).join("; ")}`;
  }
  return where === "" ? "must be a JSON object" : `${where}: ${issue.message}`;
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
