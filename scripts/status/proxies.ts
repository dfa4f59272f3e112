/** The proxies that are expected: URLs, each with the listeners that it must have. */
import { Problems, quote } from "../sources/problem.ts";
import { ENVOY_QUERY } from "./gauges.ts";

export interface Endpoint {
  /** As people wrote it. */
  name: string;
  /** What is asked. */
  url: URL;
  /** None: those that it names itself. */
  listeners: string[];
}

const LOOKS =
  "a proxy looks like http://127.0.0.1:9901 (Envoy's admin) or http://127.0.0.1/_stats (what has metrics), and may be followed by listeners";

/** The proxy, or what is wrong with it. */
export function parseProxy(text: string): Endpoint | string {
  const [name = "", ...listeners] = text.trim().split(/\s+/);
  if (!/^https?:\/\//i.test(name) || !URL.canParse(name)) return `${quote(name)} is no proxy: ${LOOKS}`;
  const url = new URL(name);
  if (url.username !== "" || url.password !== "")
    return `the proxy ${quote(url.host)} has a password in its URL, which everybody would see`;
  const isBare = url.pathname === "/" && url.search === "";
  return { name, url: isBare ? new URL(ENVOY_QUERY, url) : url, listeners: [...new Set(listeners)] };
}

/** One a line; `#` begins a comment. Throws SourceError. */
export function parseProxies(text: string, file: string): Endpoint[] {
  const proxies: Endpoint[] = [];
  const problems = new Problems();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const said = line.replace(/(^|\s)#.*$/, "").trim();
    if (said === "") continue;
    const place = { file, line: i + 1 };
    const proxy = parseProxy(said);
    if (typeof proxy === "string") problems.add(place, proxy);
    else if (proxies.some(({ url }) => url.href === proxy.url.href))
      problems.add(place, `${quote(proxy.name)} is there twice: remove one`);
    else proxies.push(proxy);
  }
  problems.throwIfAny();
  return proxies;
}
