/** What logs have in common: a request line, a target, an address, and the question that they make. */
import { byteString, textOf } from "../../host-sim/index.ts";
import { checkLogged, type Question } from "../explain/question.ts";
import { addressDigits } from "../table/client.ts";

/** What a log says of a request. */
export interface Logged {
  /** Undefined where the log has no such field; null where the request had no host. */
  authority?: string | null;
  path: string;
  method: string;
  client?: string | null;
  forwarded?: string | null;
  body?: string | null;
}

/** No request: the client hung up, spoke TLS or nonsense, or opened a tunnel. Such a line is counted and no more. */
export const NO_REQUEST = null;

/** A line of a log that does not tell the host, where nobody else does. */
export class NoHost extends Error {}

/** @param host of requests of which the log does not tell it. Throws an Error whose message is for the user. */
export function questionOfLogged(logged: Logged, host: string | null): Question {
  const { path, method, client, forwarded, body } = logged;
  const authority = logged.authority === undefined ? host : logged.authority;
  if (logged.authority === undefined && host === null)
    throw new NoHost("the line has no host: write hosts to the log, or give one by --host NAME");
  checkLogged({ authority, method });
  return {
    authority,
    path,
    method,
    headers: forwarded ? { "x-forwarded-for": [forwarded] } : {},
    body: body ?? null,
    client: addressOf(client ?? null),
  };
}

/** `GET /wiki/X HTTP/1.1`, also with a whole URL; null: no request. */
export function parseRequestLine(text: string): Pick<Logged, "authority" | "path" | "method"> | null {
  if (text === "" || text === "-" || text === "<BADREQ>" || text.startsWith("PRI * ")) return NO_REQUEST;
  const [, method, target] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (.*?)(?: (?:HTTP\/[\d.]+|-))?$/s.exec(text) ?? [];
  // A client that spoke TLS, or another protocol.
  if (method === undefined || target === undefined) return NO_REQUEST;
  return parseTarget(method, target);
}

/** @param target a path, `*`, or a whole URL */
export function parseTarget(
  method: string,
  target: string,
): Pick<Logged, "authority" | "path" | "method"> | null {
  if (method === "CONNECT" || target === "-" || target === "") return NO_REQUEST;
  if (target.startsWith("/") || target === "*") return { method, path: target };
  const [, authority, path] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)([^#]*)/s.exec(target) ?? [];
  if (authority === undefined || path === undefined) return NO_REQUEST;
  return {
    method,
    authority: authority.replace(/^.*@/s, "") || null,
    path: path.startsWith("/") ? path : `/${path}`,
  };
}

export const isAddress = (text: string): boolean => addressDigits(text) !== null;

/** Without the port; null for what is no address, such as a Unix socket's. */
export function addressOf(text: string | null): string | null {
  if (text === null) return null;
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? (isAddress(text) ? text : text.replace(/:\d+$/, ""));
  return isAddress(bare) ? bare : null;
}

const ESCAPED: Record<string, string> = { n: "\n", r: "\r", t: "\t", v: "\v", b: "\b" };

/** `\x22` and `\"`, as nginx and Apache write what has no place between quotes. */
export function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes = byteString(text).replace(
    /\\(?:x([0-9A-Fa-f]{2})|(.))/gs,
    (_, hex: string | undefined, char: string) =>
      hex === undefined ? (ESCAPED[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return textOf(bytes);
}
