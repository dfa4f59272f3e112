/** A request taken apart: its headers, cookies and parameters. */
import type { Listener } from "../plan.ts";
import { percentDecoded, trimmed } from "./bytes.ts";
import { clientAddress } from "./client.ts";
import type { Rewritten } from "./host.ts";
import { pathForRules } from "./path.ts";
import type { Request } from "./request.ts";

/** Where cookies are. */
export const COOKIE = "cookie";

/** What predicates and shares look at. Characters are bytes. */
export interface RequestParts {
  host: string;
  /** The host is an IP address, or there is none. */
  address: boolean;
  /** Of the raw target, query included. */
  target: string;
  /** The raw target without its query. */
  rawPath: string;
  /** As rules see it. */
  path: string;
  method: string;
  /** By name in lower case, every copy. */
  headers: ReadonlyMap<string, readonly string[]>;
  /** Who asks: an address without port, "" where it is not known. */
  client: string;
}

/** @param listener whose X-Forwarded-For may say who asks; null: that is not read */
export function partsOf(
  request: Request,
  { host, address, target }: Rewritten,
  listener: Pick<Listener, "trust" | "trustedHops"> | null,
): RequestParts {
  const headers = new Map<string, string[]>();
  for (const [name, value] of request.headers ?? []) {
    const lower = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const copies = headers.get(lower);
    if (copies) copies.push(value);
    else headers.set(lower, [value]);
  }
  const rawPath = target.split("?", 1)[0]!;
  const { method = "GET", client } = request;
  return {
    host,
    address,
    target,
    rawPath,
    path: pathForRules(rawPath),
    method,
    headers,
    client: clientAddress(client ?? "", headers, listener),
  };
}

/** Up to the first `=`, and what follows it; null where there is no `=`. */
export function pairOf(text: string): [name: string, value: string | null] {
  const equals = text.indexOf("=");
  return equals === -1 ? [text, null] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** Values of the cookies called so, in the order in which they stand. */
export function cookieValues({ headers }: RequestParts, name: string): string[] {
  const pairs = (headers.get(COOKIE) ?? []).flatMap((copy) => copy.split(";").map(pairOf));
  return pairs.filter(([one]) => trimmed(one) === name).map(([, value]) => trimmed(value ?? ""));
}

/** Values of the parameters called so as PHP reads names; values are decoded, `+` is a blank. */
export function parameterValues({ target, rawPath }: RequestParts, name: string): string[] {
  const query = target.slice(rawPath.length + 1).split("#", 1)[0]!;
  const decoded = (text: string) => percentDecoded(text.replaceAll("+", " "));
  const pairs = query.split("&").map(pairOf);
  return pairs.filter(([one]) => isCalled(decoded(one), name)).map(([, value]) => decoded(value ?? ""));
}

/** What PHP reads of a parameter's name, and the variable that it makes of it. */
export function variableOf(parameter: string): { read: string; variable: string } {
  const read = parameter.replace(/^ +/, "").split("\0", 1)[0]!;
  return { read, variable: read.replace(/[ .[]/g, "_") };
}

/** PHP ends a name at `[` only where a `]` follows: here it may do so in any case. */
function isCalled(parameter: string, name: string): boolean {
  const { read, variable } = variableOf(parameter);
  return variable === name || (variable.startsWith(name) && read[name.length] === "[");
}
