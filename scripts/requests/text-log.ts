/** Text access logs, form by form: Envoy's, Istio's, combined and what begins so, squid's, HAProxy's. */
import {
  isAddress,
  type Logged,
  NO_REQUEST,
  parseRequestLine,
  parseTarget,
  unescaped,
} from "./request-line.ts";

/** Undefined: not of this form. null: no request. Throws an Error whose message is for the user. */
type Form = (line: string) => Logged | null | undefined;

/** Envoy's own form, and Istio's, which has more in its middle and at its end. */
const ENVOY_START = /^\[\d{4}-[^\]]*\] "(\S+) (.*?) (HTTP\/[\d.]+|-)" \d+ /s;
const ENVOY_FORWARDED = /^[^"]*(?:"[^"]*" [^"]*)?\d (?:\d+|-) "([^"]*)" "/;
/** What a client may say stands before these: its user agent may have quotes. */
const ENVOY_END = /"[^"]*" "([^"]*)" "[^"]*"((?: [^\s"]+)*)\s*$/;

const envoy: Form = (line) => {
  const [start, method, target] = ENVOY_START.exec(line) ?? [];
  if (start === undefined)
    return line.startsWith("[") && /^\[\d{4}-[^\]]*\] "/.test(line) ? cutShort() : undefined;
  const rest = line.slice(start.length);
  const [, authority, more] = ENVOY_END.exec(rest) ?? [];
  if (authority === undefined) return cutShort();
  const request = parseTarget(method!, target!);
  if (request === null || method === "-") return NO_REQUEST;
  // Istio: cluster, upstream's local, own, the client's address, server name, route.
  const client = more!.trim().split(" ")[3] ?? null;
  const forwarded = ENVOY_FORWARDED.exec(rest)?.[1];
  return {
    ...request,
    authority: present(authority),
    client: client ?? lastOf(present(forwarded)),
    forwarded: present(forwarded),
  };
};

/** Where Envoy does not log the client's address, it is the one that Envoy itself has written into the header. */
function lastOf(forwarded: string | null): string | null {
  return forwarded?.split(",").at(-1)?.trim() ?? null;
}

/** nginx, Apache, Traefik, ATS's extended, Varnish and many more: `client - user [day] "request" …`. */
const combined: Form = (line) => {
  const [, head, rest] = /^([^["]+) \[[^\]"]*\] "(.*)$/s.exec(line) ?? [];
  if (head === undefined || rest === undefined) return undefined;
  const quoted = /^((?:[^"\\]|\\.)*)"/s.exec(rest)?.[1];
  if (quoted === undefined) return cutShort();
  const request = parseRequestLine(unescaped(quoted));
  if (request === null) return NO_REQUEST;
  const [first, second] = head.split(" ");
  // Apache's vhost_combined.
  const hasHost = !isAddress(first!) && (/:\d+$/.test(first!) || isAddress(second ?? ""));
  const host = hasHost ? { authority: first! } : {};
  return { ...host, ...request, client: hasHost ? second! : first! };
};

/** `1764165600.123     12 10.0.0.1 TCP_MISS/200 1234 GET http://en.wikipedia.org/wiki/X - DIRECT/… text/html` */
const squid: Form = (line) => {
  const [start, client, method, url] =
    /^\d+\.\d{3} +-?\d+ (\S+) [A-Z_]+\/\d+ \d+ (\S+) (\S+) \S+ \S+\/\S+/.exec(line) ?? [];
  if (start === undefined) return /^\d+\.\d{3} +-?\d+ \S+ [A-Z_]+\/\d/.test(line) ? cutShort() : undefined;
  const request = parseTarget(method!, url!);
  return request && { ...request, client: client! };
};

/** HAProxy's HTTP log; its host is in the URL (HTTP/2) or the first header that is captured. */
const haproxy: Form = (line) => {
  const [start, client] =
    /^.*?(\S+):\d+ \[\d\d\/[A-Z][a-z]{2}\/\d{4}:[\d:.]+\] \S+ \S+\/\S+ [-+\d/]+ [-\d]+ \+?\d+ [^"]*"/.exec(
      line,
    ) ?? [];
  if (start === undefined) return undefined;
  const quoted = /^([^"]*)"/.exec(line.slice(start.length))?.[1];
  if (quoted === undefined) return cutShort();
  const request = parseRequestLine(
    unescaped(quoted.replaceAll("\\", "\\\\").replace(/#([0-9A-F]{2})/g, "\\x$1")),
  );
  const captured = / \{([^|}]+)[^}]*\} (?:\{[^}]*\} )?"$/.exec(start)?.[1];
  const host = captured && /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*(:\d+)?$/i.test(captured);
  return request && { ...(host && { authority: captured }), ...request, client: client! };
};

/** Any other form that has a whole URL in its request, as that of AWS's load balancers. */
const withUrl: Form = (line) => {
  const [, request] = /"([A-Z]+ https?:\/\/[^\s"]+ HTTP\/[\d.]+)"/.exec(line) ?? [];
  if (request === undefined) return undefined;
  const client = /^(?:https?|h2|wss?|grpcs) \S+ \S+ (\S+) /.exec(line)?.[1];
  return { ...parseRequestLine(request)!, client: client ?? null };
};

const FORMS = [envoy, combined, squid, haproxy, withUrl];

/** What proxies write between the requests: their own log. */
const OWN_LINES = [
  /^\s*$/,
  /^#/,
  // Envoy
  /^\[\d{4}-[^\]]*\]\[\d+\]\[[a-z]+\]/,
  // Istio's agent
  /^\d{4}-\d\d-\d\dT[\d:.]+Z\t[a-z]+\t/,
  // nginx, HAProxy, Apache, Traefik
  /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[[a-z]+\] /,
  /^\[(?:NOTICE|WARNING|ALERT)\] /,
  /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:.]+ \d{4}\] \[[\w:]+\] /,
  /^time="[^"]*" level=/,
  /^(?:Server|Proxy|Backend|Health check) \S+ /,
];

/**
 * One line of a text access log; null: it has no request. Undefined: of no form that is known.
 * Throws an Error whose message is for the user.
 */
export function parseTextLog(line: string): Logged | null | undefined {
  if (OWN_LINES.some((own) => own.test(line))) return NO_REQUEST;
  for (const form of FORMS) {
    const logged = form(line);
    if (logged !== undefined) return logged;
  }
  return undefined;
}

function present(text: string | undefined): string | null {
  return text === undefined || text === "-" || text === "" ? null : text;
}

function cutShort(): never {
  throw new Error("the line is cut short");
}
