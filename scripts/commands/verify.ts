/** `pointsman verify`: does a proxy route as the table says; and a log of a filter in shadow, against what was done. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { count } from "../count.ts";
import { type AskedAt, whereOf } from "../explain/where.ts";
import { progressLines } from "../progress.ts";
import { Refusal } from "../refusal.ts";
import { quoteAll } from "../sources/problem.ts";
import { wantedTable } from "../store/wanted.ts";
import { UnknownListener } from "../table/decide.ts";
import type { Table } from "../table/table.ts";
import type { Kind } from "../verify/outcome.ts";
import { type Place, parsePlace } from "../verify/places.ts";
import { type Probe, probesOf, sampleOf, Unasked } from "../verify/probes.ts";
import { FAILURES, type Verified, verify } from "../verify/verify.ts";
import { parseDuration } from "./duration.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { readInput } from "./files.ts";
import { refuseTwiceStdin, refuseUnheard } from "./heard.ts";
import { addListenerOptions } from "./listener-options.ts";
import { packFarm } from "./pack.ts";
import { tableIn } from "./put.ts";
import { openStore } from "./store-options.ts";
import { collectSame, type ShadowOptions, verifyShadow } from "./verify-shadow.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options extends FarmOptions, AskedAt, Omit<ShadowOptions, "shadow"> {
  proxy?: URL;
  table?: string;
  store?: string;
  path: Map<string, string>;
  header: [string, string][];
  wikiAt: Place;
  versionAt: Place;
  clusterAt: Place;
  rate: number;
  concurrency: number;
  timeout: number;
  sample?: number;
  seed: number;
  ca?: string;
  serverName?: string;
  shadow?: string;
  json?: boolean;
}

const OF_A_LOG = ["shadowField", "presentField", "same"];
const OF_A_PROXY = [
  ...["table", "store", "farm", "source", "today", "listener", "datacentre", "primary", "path", "header"],
  ...[
    "wikiAt",
    "versionAt",
    "clusterAt",
    "rate",
    "concurrency",
    "timeout",
    "sample",
    "seed",
    "ca",
    "serverName",
  ],
];

export function verifyCommand(program: Command): void {
  addListenerOptions(addFarmOptions(program.command("verify")))
    .description("ask a proxy for each wiki in each deployment, and hold what answers against the table")
    .option(
      "--proxy <url>",
      "the proxy's listener, as http://10.0.0.1:8080 or https://edge.example:443",
      parseProxy,
    )
    .addOption(new Option("--table <file>", "take this table instead of packing the farm").conflicts("store"))
    .addOption(
      new Option(
        "--store <place>",
        "take the table that this store wants served, instead of packing the farm",
      ),
    )
    .option(
      "--path <deployment=/path>",
      "the path to ask a deployment by (repeatable; default: one that the table's rules name)",
      collectPath,
      new Map(),
    )
    .option("--header <name=value>", "a header of each request (repeatable)", collectHeader, [])
    .addOption(placeOption("--version-at", "the version", "json:version"))
    .addOption(placeOption("--wiki-at", "the wiki", "json:dbname"))
    .addOption(placeOption("--cluster-at", "the cluster", "none"))
    .addOption(
      new Option("--rate <n/s>", "how many requests to begin in a second")
        .argParser(parseRate)
        .default(200, "200/s"),
    )
    .option(
      "--concurrency <n>",
      "how many requests may be open at once",
      wholeNumber(1, 1000, "Must be a whole number from 1 to 1000."),
      16,
    )
    .addOption(
      new Option("--timeout <time>", "how long an answer may take")
        .argParser(parseDuration)
        .default(10_000, "10s"),
    )
    .option(
      "--sample <n>",
      "ask only so many, chosen by chance, with one at least for each release and each group in each deployment",
      wholeNumber(1, 10_000_000, "Must be a whole number from 1 on."),
    )
    .option(
      "--seed <n>",
      "another number chooses another sample",
      wholeNumber(0, 2 ** 32 - 1, "Must be a whole number below 4294967296."),
      1,
    )
    .option(
      "--ca <file>",
      "the authorities that sign the proxy's certificate, for https:// (default: the system's)",
    )
    .option("--server-name <name>", "the name (SNI) of the proxy's certificate (default: each wiki's host)")
    .option(
      "--shadow <log>",
      "ask nobody: compare a log of a filter in shadow with what was done; - is standard input",
    )
    .option("--shadow-field <name>", "the log's field with x-pointsman-shadow", "shadow")
    .option("--present-field <name>", "the log's field with the cluster that answered", "upstream_cluster")
    .option(
      "--same <present=table>",
      "a cluster of today's is the table's, or reply=STATUS, or pass, under another name (repeatable)",
      collectSame,
      new Map(),
    )
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
verify sends one GET for each wiki and each deployment to which the table sends the wiki by a host and a path that are known. Each
answer must say which wiki and which version gave it: in a header (header:NAME), or in JSON (json:KEY, or json:a.b for a
key within another). Errors, redirects, answers of caches and silence are no proof, and are told apart.

With --shadow, verify reads an access log of JSON lines, as \`pointsman render envoy --shadow\` has Envoy write it, and
counts where the requests went beside where the table would have sent them.

The exit code is 0 only if all is right, and something was compared.

Examples:
  $ pointsman verify --proxy http://127.0.0.1:8080 --table production.table --header x-forwarded-proto=https \\
      --path 'mw-web=/wiki/Special:BlankPage' --path 'mw-api-ext=/w/api.php?action=query&meta=siteinfo&format=json' \\
      --wiki-at header:x-wiki --version-at header:x-version
  $ pointsman verify --proxy https://edge.example --store /srv/pointsman --sample 100 --rate 20/s
  $ pointsman verify --shadow shadow.log --same 'wikis-of-today=mw-web-group2' --json`,
    )
    .action(async (options: Options, command: Command) => {
      const { shadow, proxy } = options;
      if ((shadow === undefined) === (proxy === undefined))
        command.error("error: give either --proxy or --shadow, one of them", { exitCode: 2 });
      if (shadow !== undefined) {
        refuseUnheard(command, OF_A_PROXY, "only --proxy takes this: leave it out with --shadow");
        await verifyShadow({ ...options, shadow });
        return;
      }
      refuseUnheard(command, OF_A_LOG, "only --shadow takes this: leave it out with --proxy");
      if (options.table !== undefined || options.store !== undefined)
        refuseUnheard(command, ["farm", "source", "today"], "the table is not packed from a farm");
      if (proxy!.protocol !== "https:")
        refuseUnheard(command, ["ca", "serverName"], "only a proxy with https:// has a certificate");
      refuseTwiceStdin(command, [options.table ?? options.farm, options.ca]);
      await verifyProxy(options, proxy!);
    });
}

async function verifyProxy(options: Options, proxy: URL): Promise<void> {
  const { rate, concurrency, timeout, wikiAt, versionAt, clusterAt, header, ca, serverName } = options;
  if ([wikiAt, versionAt, clusterAt].every((place) => place === "none"))
    throw new Refusal(
      "nothing of an answer would be compared: say where it has its wiki, version or cluster",
    );
  const table = await tableOf(options);
  const { probes, unasked } = chooseProbes(table, options);
  const progress = progressLines((line) => process.stderr.write(line));
  const sums = await verify(probes, {
    proxy: {
      url: proxy,
      timeoutMs: timeout,
      headers: header,
      ...(ca !== undefined && { ca: readInput(ca) }),
      ...(serverName !== undefined && { serverName }),
    },
    places: { wiki: wikiAt, version: versionAt, cluster: clusterAt },
    rate,
    atOnce: concurrency,
    progress,
  });
  const { withoutHost, notInstalled, deployments } = unasked;
  const { generation, digest } = table;
  const notAsked = { withoutHost, notInstalled, deployments: [...deployments] };
  const wikis = new Set(probes.map(({ wiki }) => wiki)).size;
  const buckets = new Set(probes.map(({ deployment }) => deployment)).size;
  const json = { generation, digest, wikis, deployments: buckets, ...sums, notAsked };
  process.stdout.write(options.json ? `${JSON.stringify(json)}\n` : show(sums, wikis, buckets, unasked));
  process.exitCode = sums.right === sums.asked ? 0 : 1;
}

/** Throws Refusal, SourceError. */
async function tableOf(options: Options): Promise<Table> {
  if (options.table !== undefined) return tableIn(options.table);
  if (options.store === undefined) return packFarm({ ...options, strip: true }).table;
  return (await wantedTable(openStore({ store: options.store }))).table;
}

/** Throws Refusal where there is nothing to ask. */
function chooseProbes(table: Table, options: Options): { probes: Probe[]; unasked: Unasked } {
  const { path: paths, header: headers, sample, seed } = options;
  const unasked = new Unasked(table);
  for (const name of paths.keys()) {
    if (!unasked.deployments.has(name))
      throw new Refusal(
        `the table has no deployment "${name}": it has ${quoteAll([...unasked.deployments])}`,
      );
  }
  try {
    const all = probesOf(table, { where: whereOf(table, options), paths, headers }, unasked);
    const probes = sample === undefined ? [...all] : sampleOf(all, sample, seed);
    if (probes.length === 0)
      throw new Refusal("there is nothing to ask: no host that is known leads to a wiki of the table");
    return { probes, unasked };
  } catch (error) {
    throw error instanceof UnknownListener ? new Refusal(error.message) : error;
  }
}

/** Of each kind. */
const SHOWN_AT_MOST = 5;

const MEANS: Record<Kind, string> = {
  right: "right",
  version: "answered by another version",
  wiki: "answered by another wiki",
  cluster: "answered by another cluster",
  "server-error": "answered by an error of the server",
  "client-error": "answered by an error of the request",
  redirect: "redirected",
  cached: "answered by a cache",
  unreadable: "answered by what does not say who it is",
  timeout: "not answered in time",
  unreachable: "not answered at all",
};

function show(sums: Verified, wikis: number, buckets: number, unasked: Unasked): string {
  const { asked, right, wrong, unanswered, failed } = sums;
  const lines = FAILURES.flatMap((kind) => {
    const { count: many, first } = failed[kind] ?? { count: 0, first: [] };
    if (many === 0) return [];
    const shown = first.slice(0, SHOWN_AT_MOST);
    const more = many - shown.length;
    return [
      `${number(many)} ${MEANS[kind]}:`,
      ...shown.map(
        ({ wiki, deployment, host, path, what }) => `  ${wiki} in ${deployment} (${host}${path}): ${what}`,
      ),
      ...(more > 0 ? [`  and ${number(more)} more`] : []),
    ];
  });
  const { withoutHost, notInstalled, deployments } = unasked;
  const why = [
    [withoutHost, "to which no host leads that is known"],
    [notInstalled, "not installed"],
  ] as const;
  for (const [many, what] of why) if (many > 0) lines.push(`not asked: ${count(many, "wiki")}, ${what}`);
  if (deployments.size > 0)
    lines.push(
      `not asked: ${quoteAll([...deployments])}, as no path that is known leads there: give one by --path, or a header by --header`,
    );
  const of = asked === wikis * buckets ? "" : ` (${number(asked)} requests)`;
  return [
    ...lines,
    `${number(wikis)} ${wikis === 1 ? "wiki" : "wikis"} × ${number(buckets)} ${buckets === 1 ? "deployment" : "deployments"}${of}: ${number(right)} right, ${number(wrong)} wrong, ${number(unanswered)} unanswered`,
  ]
    .join("\n")
    .concat("\n");
}

const number = (value: number) => value.toLocaleString("en-US");

// ---- Values of options --------------------------------------------------------------------------------------

function parseProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== "/" ||
    url.search ||
    url.hash ||
    url.username
  )
    throw new InvalidArgumentError("Write a proxy as http://HOST:PORT or https://HOST:PORT.");
  return url;
}

function collectPath(text: string, paths: Map<string, string>): Map<string, string> {
  const [, name, path] = /^([^=]+)=(\/[\x21-\x22\x24-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined || path === undefined)
    throw new InvalidArgumentError(
      "Write a path as DEPLOYMENT=/PATH, with other characters than ASCII as %XX.",
    );
  return new Map(paths).set(name, path);
}

function collectHeader(text: string, headers: [string, string][]): [string, string][] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("Write a header as NAME=VALUE.");
  if (/^(host|content-length|transfer-encoding|connection)$/i.test(name))
    throw new InvalidArgumentError(`verify sets ${name.toLowerCase()} itself.`);
  return [...headers, [name.toLowerCase(), value]];
}

function placeOption(flag: string, what: string, other: string): Option {
  return new Option(`${flag} <place>`, `where an answer has ${what}: header:NAME, json:KEY, or none`)
    .argParser((text: string) => {
      const place = parsePlace(text);
      if (place === undefined)
        throw new InvalidArgumentError("Write a place as header:NAME, json:KEY, json:a.b, or none.");
      return place;
    })
    .default(parsePlace(other), other);
}

function parseRate(text: string): number {
  const [, digits] = /^(\d{1,5})(?:\/s)?$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0)
    throw new InvalidArgumentError("Write a rate as 200/s, at most 99999/s.");
  return Number(digits);
}
