/** HAR files: what a browser has recorded. */
import { type Question, questionOfJson } from "../explain/question.ts";
import { SourceError } from "../sources/problem.ts";

/** What a browser records: one JSON value for the whole file, so all of it is held at once. */
const LARGEST_HAR = 256 * 2 ** 20;

/** What a HAR begins with, as browsers write it on one line or on many. */
export const HAR_START = /^\s*\{\s*"log"\s*:\s*\{/;

/** A request of the browser's, or null for what went to no host. */
export type HarEntry = () => Question | null;

/** Throws SourceError where it is no HAR, or cut short. */
export function entriesOfHar(text: string, file: string): HarEntry[] {
  let entries: unknown;
  try {
    entries = (JSON.parse(text) as { log: { entries?: unknown } }).log.entries;
  } catch (error) {
    throw new SourceError(
      { file },
      `the file begins as a HAR file, and is not one or is cut short: ${(error as Error).message}`,
    );
  }
  if (!Array.isArray(entries)) throw new SourceError({ file }, "the HAR file has no `entries`");
  return entries.map((entry) => () => questionOfEntry(entry));
}

/** Throws SourceError for a file that is too large to be one. */
export async function readHar(lines: AsyncIterable<string>, file: string): Promise<HarEntry[]> {
  const parts: string[] = [];
  let length = 0;
  for await (const line of lines) {
    parts.push(line);
    length += line.length;
    if (length > LARGEST_HAR)
      throw new SourceError({ file }, `the HAR file has more than ${LARGEST_HAR / 2 ** 20} MiB: split it`);
  }
  return entriesOfHar(parts.join("\n"), file);
}

interface Recorded {
  request?: {
    method?: unknown;
    url?: unknown;
    headers?: { name?: unknown; value?: unknown }[];
    postData?: { text?: unknown };
  };
}

/** Throws an Error whose message is for the user. */
function questionOfEntry(entry: unknown): Question | null {
  const { request } = Object(entry) as Recorded;
  if (typeof request?.url !== "string") throw new Error("the entry has no `url` of a request");
  const [, authority, path] = /^(?:https?|wss?):\/\/([^/?#]*)([^#]*)/is.exec(request.url) ?? [];
  // `data:`, `blob:`, an extension's own.
  if (authority === undefined || path === undefined) return null;
  const headers = new Map<string, string[]>();
  for (const { name, value } of request.headers ?? []) {
    if (typeof name !== "string" || typeof value !== "string" || name.startsWith(":")) continue;
    const lower = name.toLowerCase();
    if (lower !== "host") headers.set(lower, [...(headers.get(lower) ?? []), value]);
  }
  const line = {
    authority: authority.replace(/^.*@/, "") || null,
    path: path.startsWith("/") ? path : `/${path}`,
    method: request.method,
    headers: Object.fromEntries(headers),
    body: request.postData?.text,
  };
  return questionOfJson(line);
}
