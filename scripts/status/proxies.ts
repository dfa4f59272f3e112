/** The proxies that are expected: URLs, each with the listeners that it must have, and its name if it does not say it. */
import { Problems, quote } from "../sources/problem.ts";
import type { Node } from "../store/stages.ts";
import { ENVOY_QUERY } from "./gauges.ts";

export interface Endpoint {
  /** As people wrote it. */
  name: string;
  /** What is asked; `report:ID`: nothing, its reports in the store are read instead. */
  url: URL;
  /** Of Envoy: the beginning of all that its admin interface answers; null: it has metrics alone. */
  admin: URL | null;
  /** Who it is, by the list; null: it says so itself. */
  node: Node | null;
  /** None: those that it names itself. */
  listeners: string[];
}

const LOOKS =
  "a proxy looks like http://127.0.0.1:9901 (Envoy's admin), http://127.0.0.1/_stats (what has metrics) or report:NODE (what `follow` tells the store), and may be followed by listeners";
const REPORTED = /^report:(.{1,500})$/;

/** One that cannot be asked from here. */
export function isReported({ url }: Endpoint): boolean {
  return url.protocol === "report:";
}

/** The one of that name, in no cluster and place that is known. */
export function reportedAs(id: string): Endpoint {
  const url = new URL(`report:${encodeURIComponent(id)}`);
  return { name: `report:${id}`, url, admin: null, node: { id, cluster: "", locality: "" }, listeners: [] };
}
const ATTRIBUTE = /^(node|cluster|locality)=(.*)$/;

/** The proxy, or what is wrong with it. */
export function parseProxy(text: string): Endpoint | string {
  const [name = "", ...words] = text.trim().split(/\s+/);
  const reported = REPORTED.exec(name)?.[1];
  if (reported === undefined && (!/^https?:\/\//i.test(name) || !URL.canParse(name)))
    return `${quote(name)} is no proxy: ${LOOKS}`;
  const url = reported === undefined ? new URL(name) : reportedAs(reported).url;
  if (url.username !== "" || url.password !== "")
    return `the proxy ${quote(url.host)} has a password in its URL, which everybody would see`;
  const said = new Map<string, string>();
  for (const word of words) {
    const [, key, value = ""] = ATTRIBUTE.exec(word) ?? [];
    if (key === undefined) continue;
    if (value === "" || said.has(key)) return `${quote(word)}: say ${key}= once, with a value`;
    said.set(key, value);
  }
  if (reported !== undefined && said.has("node")) return `${quote(name)} names the node: leave out node=`;
  const id = reported ?? said.get("node");
  if (id === undefined && said.size > 0)
    return "cluster= and locality= belong to node=: name the proxy by all that it is, or let it say so itself";
  const isBare = reported === undefined && url.pathname === "/" && url.search === "";
  return {
    name,
    url: isBare ? new URL(ENVOY_QUERY, url) : url,
    admin: isBare ? url : null,
    node:
      id === undefined
        ? null
        : { id, cluster: said.get("cluster") ?? "", locality: said.get("locality") ?? "" },
    listeners: [...new Set(words.filter((word) => !ATTRIBUTE.test(word)))],
  };
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
