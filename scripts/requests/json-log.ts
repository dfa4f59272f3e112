/** JSON access logs: which of their fields is what. */
import { quote, quoteAll } from "../sources/problem.ts";
import { type Logged, NO_REQUEST, parseRequestLine, parseTarget } from "./request-line.ts";

/**
 * Names that JSON access logs give these fields, the surest first: Envoy's, Envoy Gateway's and Istio's, nginx's
 * variables, Traefik's, Caddy's, those of clouds and of Wikimedia's webrequest. Case, `-`, `_` and a colon in front make
 * no difference. What has been rewritten comes behind what the client asked for.
 */
const NAMES = {
  authority: `authority, req_authority, http_host, request_host, uri_host, virtual_host, vhost, host, server_name`,
  path: `x-envoy-original-path, x-envoy-origin-path, path, req_path, request_uri, request_path, request_url`,
  method: `method, req_method, request_method, http_method, verb`,
  client: `downstream_remote_address, client, client_ip, remote_addr, remote_ip, client_host, client_addr, ip`,
  forwarded: `x-forwarded-for, http_x_forwarded_for, xff`,
  body: `request_body`,
  query: `uri_query, query_string, args`,
  requestLine: `request`,
  decodedPath: `url, uri, uri_path`,
};
type Field = keyof typeof NAMES;
const CANDIDATES = Object.fromEntries(
  Object.entries(NAMES).map(([field, names]) => [field, names.split(",").map(plain)]),
) as Record<Field, string[]>;

/** Objects in which some write the request: Caddy, Google's load balancers. */
const NESTED = ["request", "httpRequest"];

/** Fields in which those who collect logs keep a line as it came. */
const LINES = ["log", "message", "msg", "MESSAGE", "line"];

/** Of a log with names of its own, which field has what: a name, or a path of names with dots. */
export type FieldNames = Partial<Record<"authority" | "path" | "method" | "client" | "body", string>>;

/** A line within a line; `isEvent`: it may as well be what a program has to say of itself. */
export interface Within {
  text: string;
  isEvent: boolean;
}

/** One line of a JSON access log; null: it has no request. Throws an Error whose message is for the user. */
export function parseJsonLog(json: unknown, names: FieldNames): Logged | Within | null {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("not a JSON object");
  const fields = json as Record<string, unknown>;
  const log = new Fields(fields, names);
  const request = targetOf(log);
  if (request === undefined) {
    for (const name of LINES) {
      const text = fields[name];
      if (typeof text === "string") return { text, isEvent: "level" in fields || "severity" in fields };
    }
    const known = quoteAll(Object.keys(fields));
    throw new Error(`none of the fields ${known} is known as the path: name it by --field path=NAME`);
  }
  if (request === NO_REQUEST) return NO_REQUEST;
  const authority = log.find("authority");
  return {
    ...(authority !== undefined && { authority }),
    ...request,
    method: log.find("method") ?? request.method,
    client: log.find("client") ?? null,
    forwarded: log.find("forwarded") ?? null,
    body: log.find("body") ?? null,
  };
}

/** Undefined: no field says it. null: the proxy logged that there was none. */
function targetOf(log: Fields) {
  const method = log.find("method") ?? "GET";
  let path = log.find("path");
  if (path === undefined) {
    const line = log.find("requestLine");
    if (line !== undefined) return parseRequestLine(line ?? "-");
    path = log.find("decodedPath");
  }
  if (path === undefined) return undefined;
  if (path === null) return NO_REQUEST;
  const query = path.includes("?") ? null : log.find("query");
  return parseTarget(method, query ? `${path}?${query.replace(/^\?/, "")}` : path);
}

class Fields {
  private readonly byPlainName = new Map<string, unknown>();

  constructor(
    private readonly fields: Record<string, unknown>,
    private readonly names: FieldNames,
  ) {
    const objects = [fields, ...NESTED.map((name) => fields[name])];
    for (const object of objects.reverse()) {
      if (typeof object !== "object" || object === null) continue;
      for (const [name, value] of Object.entries(object)) this.byPlainName.set(plain(name), value);
    }
  }

  /** Undefined where there is none; null where there is, and the proxy logged `-`, null or nothing. */
  find(field: Field): string | null | undefined {
    const own = this.names[field as keyof FieldNames];
    if (own !== undefined) {
      const value = this.at(own);
      if (value === undefined) throw new Error(`no field ${quote(own)}, which should have the ${field}`);
      return said(value) ?? null;
    }
    let found: null | undefined;
    for (const name of CANDIDATES[field]) {
      const value = this.byPlainName.get(name);
      const text = said(value);
      if (text) return text;
      if (text === null) found = null;
    }
    return found;
  }

  private at(name: string): unknown {
    if (Object.hasOwn(this.fields, name)) return this.fields[name];
    let value: unknown = this.fields;
    for (const part of name.split(".")) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
      value = (value as Record<string, unknown>)[part];
    }
    return value;
  }
}

/** Undefined for what is no text. */
function said(value: unknown): string | null | undefined {
  if (value === null || value === "-" || value === "") return null;
  return typeof value === "string" ? value : undefined;
}

function plain(name: string): string {
  return name.trim().replace(/[:_-]/g, "").toLowerCase();
}
