/** Each release is asked over HTTP which version it runs, and what it says is held against what a table says. */
import { atMost } from "../collections/at-most.ts";
import { slug } from "../farm/deployments.ts";
import type { Progress } from "../progress.ts";
import { bareVersion, isVersion } from "../sources/names.ts";
import { quote } from "../sources/problem.ts";

/** How releases are asked. */
export interface Asking {
  /** A URL with `{release}`, `{release-slug}`, `{deployment}`, `{cluster}`. */
  template: string;
  /** Where in the response the version is: at a path of keys of its JSON, with dots, or in a header. */
  at: { key: string } | { header: string };
  timeoutMs: number;
}

/** A release of a table, and where its wikis' requests go. */
export interface Asked {
  release: string;
  version: string;
  deployment: string;
  cluster: string;
}

const AT_ONCE = 8;
const BODY_BYTES_AT_MOST = 64 * 1024;

/** Why a release was not told; the message goes on from the URL. */
class NoAnswer extends Error {}

/** A sentence for each release that says something else than the table, or does not say it; in the table's order. */
export async function askReleases(
  releases: readonly Asked[],
  asking: Asking,
  progress: Progress,
): Promise<string[]> {
  let done = 0;
  const said = await atMost(AT_ONCE, releases, async (release) => {
    const one = await askRelease(release, asking);
    progress("asking releases", ++done, releases.length);
    return one;
  });
  return said.filter((one) => one !== null);
}

/** null where it runs what the table says. */
async function askRelease(asked: Asked, asking: Asking): Promise<string | null> {
  const url = urlOf(asking.template, asked);
  const who = `release ${quote(asked.release)}, which the table says runs ${asked.version}, `;
  try {
    const version = await versionAt(url, asking);
    return version === asked.version ? null : `${who}answers at ${url} that it runs ${version}`;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return `${who}was asked at ${url}: ${error.message}`;
  }
}

type Addressed = Omit<Asked, "version">;

const TEXTS = new Map<string, (asked: Addressed) => string>([
  ["release", ({ release }) => release],
  ["release-slug", ({ release }) => slug(release)],
  ["deployment", ({ deployment }) => deployment],
  ["cluster", ({ cluster }) => cluster],
]);
/** What may stand between braces in a template. */
export const PLACEHOLDERS: readonly string[] = [...TEXTS.keys()];

export function urlOf(template: string, asked: Addressed): string {
  return template.replaceAll(/\{([a-z-]+)\}/g, (whole, name) => TEXTS.get(name)?.(asked) ?? whole);
}

/** Throws NoAnswer. */
async function versionAt(url: string, { at, timeoutMs }: Asking): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal,
      headers: { accept: "application/json" },
    });
    try {
      return versionIn("header" in at ? headerOf(response, at.header) : await keyOf(response, at.key));
    } finally {
      // What is not read would hold the connection.
      await response.body?.cancel().catch(() => {});
    }
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    if (signal.aborted) throw new NoAnswer(`no answer within ${timeoutMs / 1000} s`);
    throw new NoAnswer(`no answer: ${causeOf(error)}`);
  }
}

/** Throws NoAnswer for a response that says no version. */
function checkStatus({ status, headers }: Response): void {
  if (status === 200) return;
  const location = headers.get("location");
  const redirect =
    location === null ? "" : ` to ${quote(location)}, and a redirect could lead to another release`;
  throw new NoAnswer(`the response has status ${status}${redirect}; 200 was expected`);
}

function headerOf(response: Response, name: string): string {
  checkStatus(response);
  const value = response.headers.get(name);
  if (value === null) throw new NoAnswer(`the response has no header ${quote(name)}`);
  return value;
}

async function keyOf(response: Response, key: string): Promise<string> {
  checkStatus(response);
  const json = parse(await bodyOf(response));
  let value: unknown = json;
  for (const part of key.split(".")) {
    value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  if (typeof value !== "string") throw new NoAnswer(`the response's JSON has no text at ${quote(key)}`);
  return value;
}

/** Reads no more than it may, however much is sent. */
async function bodyOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > BODY_BYTES_AT_MOST)
      throw new NoAnswer(`the response is longer than ${BODY_BYTES_AT_MOST} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NoAnswer(`the response is not JSON: ${quote(text)}`);
  }
}

function versionIn(text: string): string {
  const version = bareVersion(text);
  if (!isVersion(version)) throw new NoAnswer(`the response ${quote(text)} is not a version`);
  return version;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** `fetch failed` tells nothing; what it wraps does. */
function causeOf(error: unknown): string {
  const { cause } = Object(error) as { cause?: { code?: string; message?: string } };
  return cause?.message || cause?.code || String(error);
}
