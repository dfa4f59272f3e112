/** `pointsman status`: what proxies serve, by their own word, held against what the store wants served. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { count } from "../count.ts";
import { Refusal } from "../refusal.ts";
import { readBytes } from "../sources/files.ts";
import { askAll } from "../status/ask.ts";
import { readGauges } from "../status/gauges.ts";
import { type Judgement, judge, silent } from "../status/judge.ts";
import { type Endpoint, parseProxies, parseProxy } from "../status/proxies.ts";
import type { Version } from "../store/stages.ts";
import type { Entry, Rollout, Store } from "../store/store.ts";
import { wantedOf } from "../store/wanted.ts";
import { visibleOnLine } from "../visible.ts";
import { parseDuration } from "./duration.ts";
import { showTime } from "./history.ts";
import { addStoreOption, fileInStore, openStore, type StoreOptions } from "./store-options.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options extends StoreOptions {
  proxy: Endpoint[];
  proxies?: string;
  instances?: number;
  timeout: number;
  wait?: number;
  watch?: boolean;
  json?: boolean;
}

/** What a store's folder has for all who ask. */
const PROXIES_FILE = "proxies.txt";
const PROXIES_BYTES_AT_MOST = 2 ** 20;
/** Filters tell their proxies once a second. */
const ROUND_MS = 1000;

export function statusCommand(program: Command): void {
  addStoreOption(program.command("status"))
    .description("say what proxies serve, by their own gauges, and whether it is what the store wants served")
    .option(
      "--proxy <url>",
      "a proxy (repeatable), with the listeners that it must have: 'URL LISTENER …'",
      collectProxy,
      [],
    )
    .addOption(
      new Option(
        "--proxies <file>",
        `a file of such proxies, one a line (default: ${PROXIES_FILE} in the store's folder); - is standard input`,
      ).conflicts("proxy"),
    )
    .option(
      "--instances <n>",
      "how many instances serve a listener, for a proxy that does not say how many workers it has",
      wholeNumber(1, 99_999, "Must be a whole number from 1 on."),
    )
    .addOption(
      new Option("--timeout <time>", "how long a proxy may take to answer")
        .argParser(parseDuration)
        .default(5000, "5s"),
    )
    .option("--wait <time>", "ask again until all is well, for at most this long", parseDuration)
    .addOption(new Option("--watch", "go on asking, and print what changes").conflicts("wait"))
    .option("--json", "print it as JSON; with --watch, one line for each change")
    .addHelpText(
      "after",
      `
Name a proxy by the URL of Envoy's admin interface, of metrics in Prometheus' format, or of ATS's stats_over_http.
After the URL, name the listeners that the proxy must have: one that is missing is then a fault. If you name none,
status judges the listeners that the proxy has.

The exit code is 0 only if every proxy serves the store's generation on every listener, with all its workers.

Examples:
  $ pointsman status --store /srv/pointsman --proxy http://127.0.0.1:9901 --proxy 'http://10.0.0.2:9901 edge mesh'
  $ pointsman status --store /srv/pointsman --proxies proxies.txt --wait 60s
  $ POINTSMAN_STORE=/srv/pointsman pointsman status --json | jq '.proxies[] | select(.fine | not)'`,
    )
    .action(status);
}

async function status(options: Options): Promise<void> {
  const store = openStore(options);
  const proxies = proxiesOf(options);
  const tell = options.watch ? teller(options) : null;
  const until = Date.now() + (options.wait ?? 0);
  for (;;) {
    const state = await look(store, proxies, options);
    tell?.(state);
    if (!options.watch && (state.fine || Date.now() + ROUND_MS > until)) {
      for (const warning of state.warnings) process.stderr.write(`warning: ${warning}\n`);
      process.stdout.write(`${options.json ? JSON.stringify(state) : show(state).join("\n")}\n`);
      process.exitCode = state.fine ? 0 : 1;
      return;
    }
    await sleep(ROUND_MS);
  }
}

interface ListenerState extends Omit<Judgement, "served"> {
  /** `pushed` is when that generation was, by the store's history; null: it has none such. */
  served: (NonNullable<Judgement["served"]> & { pushed: string | null }) | null;
}

interface State {
  fine: boolean;
  wanted: Version & { pushed: string | null; state: Rollout["state"] | null };
  proxies: { proxy: string; fine: boolean; listeners: ListenerState[] }[];
  warnings: string[];
}

/** One round. Throws Refusal, SourceError. */
async function look(store: Store, proxies: readonly Endpoint[], options: Options): Promise<State> {
  const { timeout, instances = null } = options;
  const all = await askAll(
    proxies.map(({ url }) => url),
    timeout,
    (answer) => ("error" in answer ? answer.error : readGauges(answer.text)),
  );
  // After the proxies: what they serve may be a push of this moment, which the history must have.
  const head = await store.head();
  const history = await store.history();
  const { entries, warnings } = history;
  const wanted = wantedOf(head, history);
  if (wanted === null)
    throw new Refusal(`${store.name}: nothing was pushed yet: \`pointsman push\` makes the first generation`);
  const judged = proxies.map(({ name, listeners }, i) => {
    const said = all[i]!;
    const judgements = typeof said === "string" ? [silent(said)] : judge(said, wanted, listeners, instances);
    return {
      proxy: name,
      fine: judgements.every(({ verdict }) => verdict === "served"),
      listeners: judgements.map((judgement) => ({
        ...judgement,
        served: judgement.served && { ...judgement.served, pushed: pushedAt(entries, judgement.served) },
      })),
    };
  });
  return {
    fine: judged.every(({ fine }) => fine),
    wanted: { ...wanted, pushed: pushedAt(entries, wanted), state: head.rollout?.state ?? null },
    proxies: judged,
    warnings,
  };
}

/** When that content became a generation of the store. */
function pushedAt(
  entries: readonly Entry[],
  { generation, digest }: { generation: number; digest: string | null },
): string | null {
  if (digest === null) return null;
  const entry = entries.find((one) => one.generation === generation && one.digest.startsWith(digest));
  return entry?.when ?? null;
}

/** Throws Refusal, SourceError. */
function proxiesOf({ store, proxy, proxies }: Options): Endpoint[] {
  const own = fileInStore({ store }, PROXIES_FILE);
  const file = proxies ?? (own !== null && existsSync(own) ? own : null);
  if (proxy.length > 0) return proxy;
  if (file === null)
    throw new Refusal(
      `no proxies: name them by --proxy URL, --proxies FILE${own === null ? "" : `, or in ${own}`}`,
    );
  const read = parseProxies(readBytes(file, { file }, PROXIES_BYTES_AT_MOST).toString(), file);
  if (read.length === 0) throw new Refusal(`${file}: it names no proxy, so nothing can be said of any`);
  return read;
}

function show(state: State): string[] {
  const served = state.proxies.filter(({ fine }) => fine).length;
  return [
    showWanted(state),
    ...showProxies(state),
    `generation ${state.wanted.generation} is served by ${served} of ${count(state.proxies.length, "proxy", "proxies")}`,
  ];
}

function showWanted({ wanted }: State): string {
  const { generation, digest, pushed, state } = wanted;
  const facts = [
    `generation ${generation}`,
    ...(state === null ? [] : [state]),
    `digest ${digest}`,
    ...(pushed === null ? [] : [`pushed ${showTime(pushed)}`]),
  ];
  return `wanted: ${facts.join(", ")}`;
}

/** A line a listener, in columns. */
function showProxies({ proxies }: State): string[] {
  const rows = proxies.flatMap(({ proxy, listeners }) =>
    listeners.map(({ listener, verdict, what, served, refused }) => {
      const of = served === null ? [] : [showServed(served)];
      const why = refused
        ? `; refused the last table sent (${refused.code}): ${refused.means} ${refused.wayOut}`
        : "";
      return [
        proxy,
        listener === null ? "-" : visibleOnLine(listener),
        verdict === "served" ? verdict : verdict.toUpperCase(),
        `${[...of, what].join(", ")}${why}`,
      ];
    }),
  );
  const widths = [0, 1, 2].map((column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0),
  );
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "));
}

function showServed({ generation, pushed }: NonNullable<ListenerState["served"]>): string {
  return `generation ${generation}${pushed === null ? "" : ` of ${showTime(pushed)}`}`;
}

/** Says what is another than the time before, with when that was seen. */
function teller({ json }: Options): (state: State) => void {
  let before = new Set<string>();
  return (state) => {
    const { warnings } = state;
    const lines = json
      ? [JSON.stringify(state)]
      : [...warnings.map((one) => `warning: ${one}`), ...show(state)];
    const at = new Date().toISOString();
    for (const line of lines.filter((one) => !before.has(one))) {
      process.stdout.write(json ? `${JSON.stringify({ at, ...state })}\n` : `${showTime(at)}  ${line}\n`);
    }
    before = new Set(lines);
  };
}

function collectProxy(text: string, proxies: Endpoint[]): Endpoint[] {
  const proxy = parseProxy(text);
  if (typeof proxy === "string") throw new InvalidArgumentError(proxy);
  return [...proxies, proxy];
}
