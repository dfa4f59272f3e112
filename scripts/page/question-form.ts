/** What is asked on the page: texts of its fields, the link that carries them, and the request that they make. */
import type { Question } from "../explain/question.ts";
import { checkUrl, questionOfUrl } from "../explain/question.ts";
import { isCurl, questionOfCurl } from "../requests/curl.ts";
import { requestOfLine } from "../requests/read-requests.ts";
import { NoHost } from "../requests/request-line.ts";

/** Every field as text; "" is left out. */
export interface Fields {
  /** A URL, a curl command, or a line of an access log. */
  ask: string;
  /** Of the table; "" is its first. */
  listener: string;
  datacentre: string;
  primary: string;
  method: string;
  /** A line each, `Name: value`. */
  headers: string;
  /** `name=value; name=value` */
  cookies: string;
  body: string;
  /** Address. */
  client: string;
}

export const NOTHING: Fields = {
  ...{ ask: "", listener: "", datacentre: "", primary: "", method: "" },
  ...{ headers: "", cookies: "", body: "", client: "" },
};
const KEYS = Object.keys(NOTHING) as (keyof Fields)[];

/** A link is no place for more; a longer one is not read, as it may come from anybody. */
const LONGEST_LINK = 2 ** 16;

/** `#ask=en.example&method=POST`; null where it would be longer than is read. */
export function toFragment(fields: Fields): string | null {
  const said = KEYS.filter((key) => fields[key] !== "").map((key) => [key, fields[key]]);
  const fragment = said.length === 0 ? "" : `#${new URLSearchParams(said)}`;
  return fragment.length > LONGEST_LINK ? null : fragment;
}

/** What a fragment says; other names in it are left alone. */
export function ofFragment(fragment: string): Fields {
  if (fragment.length > LONGEST_LINK) return NOTHING;
  const said = new URLSearchParams(fragment.replace(/^#/, ""));
  return Object.fromEntries(KEYS.map((key) => [key, said.get(key) ?? ""])) as unknown as Fields;
}

/** The request that the fields make: what the box says, and what the others add to it. Throws an Error for the user. */
export function questionOf(fields: Fields): Question {
  const written = headersOf(fields.headers);
  const host = written.find(([name]) => name === "host")?.[1] ?? null;
  const question = ofBox(fields.ask, host);
  if (host !== null) question.authority = host;
  const headers = new Map(Object.entries(question.headers));
  const add = (name: string, value: string) => headers.set(name, [...(headers.get(name) ?? []), value]);
  for (const [name, value] of written) if (name !== "host") add(name, value);
  if (fields.cookies.trim() !== "") add("cookie", fields.cookies.trim());
  if (/[\0\r\n]/.test(fields.cookies)) throw new Error("cookies: they stand on one line");
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/.test(fields.method)) throw new Error("method: not the name of one");
  return {
    ...question,
    method: fields.method || question.method,
    headers: Object.fromEntries(headers),
    body: fields.body || question.body,
    client: fields.client.trim() || question.client,
  };
}

function headersOf(text: string): [name: string, value: string][] {
  return text.split("\n").flatMap((line, i): [string, string][] => {
    if (line.trim() === "") return [];
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)\s*$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`headers, line ${i + 1}: write it as Name: value`);
    return [[name.toLowerCase(), value!]];
  });
}

/** A URL has no blanks; what else is not curl is a line of a log. @param host of a log that does not tell it */
function ofBox(ask: string, host: string | null): Question {
  const text = ask.trim();
  if (isCurl(text)) return questionOfCurl(text);
  if (!/\s/.test(text) && !text.startsWith("{")) {
    checkUrl(text);
    return questionOfUrl(text);
  }
  try {
    return requestOfLine(text, { fields: {}, host });
  } catch (error) {
    if (!(error instanceof NoHost)) throw error;
    throw new Error("the line has no host: write one among the headers, as Host: en.example");
  }
}
