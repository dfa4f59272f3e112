/**
 * The requests that every variant gets, the same and in the same order: wikis drawn as the farm's readers choose them
 * (a few very often, most hardly ever), paths and headers as browsers send them, and now and then what a client
 * should not send.
 */
import type { Plan } from "../scripts/plan.ts";
import { Random, zipf } from "./random.ts";

export interface BenchRequest {
  method: "GET" | "POST";
  authority: string;
  /** Path and query. */
  target: string;
  /** Beside Host; names in lower case. */
  headers: [name: string, value: string][];
}

/** Without these 20 headers, Host and three more stay: what a tool sends. */
export type HeaderSet = "browser" | "few";

const SEED = 20;
/** The farm's most read wikis, the first one first; the others follow in an order of no meaning. */
const MOST_READ = [
  ..."enwiki jawiki dewiki ruwiki frwiki eswiki zhwiki itwiki commonswiki wikidatawiki ptwiki plwiki".split(
    " ",
  ),
  ..."fawiki arwiki idwiki nlwiki enwiktionary trwiki hewiki ukwiki svwiki viwiki kowiki cswiki".split(" "),
];

/** @param hosts wiki → its own host */
export function makeRequests(
  plan: Plan,
  hosts: ReadonlyMap<string, string>,
  count: number,
  headers: HeaderSet,
): BenchRequest[] {
  const random = new Random(SEED);
  const known = [...hosts.keys()];
  const first = MOST_READ.filter((wiki) => hosts.has(wiki));
  const ranked = [...first, ...random.shuffled(known.filter((wiki) => !first.includes(wiki)).sort())];
  const draw = zipf(ranked.length, random);
  const oddHosts = strangers(plan);
  const debugs = plan.deployments.some(({ name }) => name === "k8s-mwdebug");
  return Array.from({ length: count }, () => {
    const wiki = ranked[draw()]!;
    const host = hosts.get(wiki)!;
    const kind = random.next();
    const { method, target } = pathOf(random);
    const set = headers === "browser" ? browserHeaders(host, random) : fewHeaders();
    if (kind < 0.03) return { ...random.pick(oddHosts), method: "GET", headers: set };
    // What a client should not send, or writes in its own way: a cluster of its own choice, capitals, a port.
    if (kind < 0.032) set.push(["x-mw-cluster", "mw-web-group0"]);
    else if (kind < 0.034 && debugs) set.push(["x-wikimedia-debug", "backend=k8s-mwdebug"]);
    const authority = kind >= 0.034 && kind < 0.04 ? `${host.toUpperCase()}:443` : host;
    return { method, authority, target, headers: set };
  });
}

/** Hosts that are no wiki's own: other readings, wikis in the path, unknown ones, addresses. */
function strangers(plan: Plan): { authority: string; target: string }[] {
  const page = "/wiki/Main_Page";
  const all = [
    { authority: "nosuchhost.example", target: page },
    { authority: "www.wikipedia.org", target: "/" },
    { authority: "xx.wikipedia.org", target: page },
    { authority: "10.64.0.1:4450", target: "/w/health-check.php" },
  ];
  if (!plan.wikis.some(({ id }) => id === "enwiki")) return all;
  return [
    ...all,
    { authority: "en.wikimedia.org", target: page },
    { authority: "en.wikipedia.beta.wmcloud.org", target: page },
    { authority: "de.m.wikipedia.org", target: page },
    {
      authority: "upload.wikimedia.org",
      target: "/wikipedia/commons/thumb/a/a9/Example.jpg/220px-Example.jpg",
    },
    { authority: "upload.wikimedia.org", target: "/wikipedia/en/a/a9/Example.jpg" },
    { authority: "auth.wikimedia.org", target: "/enwiki/wiki/Special:UserLogin?useformat=desktop" },
    { authority: "auth.wikimedia.org", target: "/dewiki/w/api.php?action=query" },
  ];
}

const TITLES = [
  ..."Main_Page Railway_signalman Albert_Einstein Special:RecentChanges User_talk:Example".split(" "),
  ..."Portal:Current_events %E6%9D%B1%E4%BA%AC AC%2FDC List_of_sovereign_states Q42".split(" "),
];
const MODULES = "ext.cite.styles%7Cext.uls.interlanguage%7Cskins.vector.icons%7Cskins.vector.styles.legacy";
const REVISION =
  "action=query&format=json&prop=revisions%7Cinfo&rvprop=ids%7Ctimestamp&formatversion=2&titles=";

function pathOf(random: Random): { method: "GET" | "POST"; target: string } {
  const kind = random.next();
  const title = random.pick(TITLES);
  const get = (target: string) => ({ method: "GET" as const, target });
  if (kind < 0.45) return get(`/wiki/${title}`);
  if (kind < 0.52) return get(`/w/index.php?title=${title}&action=history&offset=${random.below(1e9)}`);
  if (kind < 0.74) return get(`/w/load.php?lang=en&modules=${MODULES}&only=styles&skin=vector-2022`);
  if (kind < 0.9) return get(`/w/api.php?${REVISION}${title}`);
  if (kind < 0.93) return { method: "POST", target: "/w/api.php?action=edit&format=json" };
  if (kind < 0.96) return get(`/w/rest.php/v1/page/${title}/html`);
  return get(`/w/resources/assets/poweredby_mediawiki.svg?${random.below(1e5)}`);
}

export function fewHeaders(): [string, string][] {
  return [
    ["user-agent", "bench/1.0"],
    ["accept", "*/*"],
    ["x-forwarded-proto", "https"],
  ];
}

const COOKIE_BYTES = 1500;

/** With Host, 20 headers and a cookie of 1.5 kB; one in four has a session. */
export function browserHeaders(host: string, random = new Random(SEED)): [string, string][] {
  const session =
    random.next() < 0.25 ? `enwikiSession=${hex(random, 32)}; enwikiUserID=${random.below(1e6)}; ` : "";
  const start = `WMF-Last-Access=22-Nov-2026; WMF-Last-Access-Global=22-Nov-2026; GeoIP=DE:BE:Berlin:52.52:13.40:v4; ${session}NetworkProbeLimit=0.001; WMF-Uniq=`;
  return [
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    ["accept-language", "en-US,en;q=0.5"],
    ["accept-encoding", "gzip, deflate, br, zstd"],
    ["referer", `https://${host}/wiki/Railway_signalman`],
    ["dnt", "1"],
    ["upgrade-insecure-requests", "1"],
    ["sec-fetch-dest", "document"],
    ["sec-fetch-mode", "navigate"],
    ["sec-fetch-site", "same-origin"],
    ["sec-fetch-user", "?1"],
    ["priority", "u=0, i"],
    ["cache-control", "max-age=0"],
    ["x-client-ip", "192.0.2.7"],
    ["x-forwarded-for", "192.0.2.7, 10.64.0.2"],
    ["x-forwarded-proto", "https"],
    ["x-analytics", "https=1;client_port=54321;nocookies=0"],
    ["via", "1.1 edge"],
    ["cookie", start + hex(random, COOKIE_BYTES - start.length)],
  ];
}

function hex(random: Random, length: number): string {
  let text = "";
  while (text.length < length)
    text += random
      .below(16 ** 6)
      .toString(16)
      .padStart(6, "0");
  return text.slice(0, length);
}

/** The request as it goes over the wire. */
export function bytesOf({ method, authority, target, headers }: BenchRequest): Uint8Array {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: ${authority}`,
    ...headers.map((pair) => pair.join(": ")),
  ];
  if (method === "POST") lines.push("content-length: 0");
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
