/** `pointsman status`: what proxies serve, by their own word, held against what the store wants served. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { count } from "../count.ts";
import { Refusal } from "../refusal.ts";
import { Fleet } from "../rollout/fleet.ts";
import type { Judgement } from "../status/judge.ts";
import { type Endpoint, reportedAs } from "../status/proxies.ts";
import { hearAll, judgeWord } from "../status/word.ts";
import { type Version, versionFor } from "../store/stages.ts";
import { type Entry, isUnderWay, type Rollout, type Store } from "../store/store.ts";
import { wantedOf } from "../store/wanted.ts";
import { visibleOnLine } from "../visible.ts";
import { parseDuration } from "./duration.ts";
import { showTime } from "./history.ts";
import { addProxyOptions, namedProxies, type ProxyOptions, proxiesOf } from "./proxy-options.ts";
import { addStoreOption, openStore } from "./store-options.ts";

interface Options extends ProxyOptions {
  wait?: number;
  watch?: boolean;
  json?: boolean;
}

/** Filters tell their proxies once a second. */
const ROUND_MS = 1000;

export function statusCommand(program: Command): void {
  addProxyOptions(addStoreOption(program.command("status")))
    .description("say what proxies serve, by their own gauges, and whether it is what the store wants served")
    .option("--wait <time>", "ask again until all is well, for at most this long", parseDuration)
    .addOption(new Option("--watch", "go on asking, and print what changes").conflicts("wait"))
    .option("--json", "print it as JSON; with --watch, one line for each change")
    .addHelpText(
      "after",
      `
Name a proxy by the URL of Envoy's admin interface, of metrics in Prometheus' format, or of ATS's stats_over_http.
After the URL, name the listeners that the proxy must have: one that is missing is then a fault. If you name none,
status judges the listeners that the proxy has.

A proxy that cannot be asked from here, and has \`pointsman follow\` beside it, is report:NODE: what that told the store
counts. Where no proxy is named, all that report are shown.

After them, node=ID (and cluster=, locality=) say which node it is, for a proxy that does not say so itself.

The exit code is 0 only if every proxy serves the store's generation on every listener, with all its workers. While a
push goes through stages, a proxy whose stage has not begun is to serve the generation before.

Examples:
  $ pointsman status --store /srv/pointsman --proxy http://127.0.0.1:9901 --proxy 'http://10.0.0.2:9901 edge mesh'
  $ pointsman status --store /srv/pointsman --proxies proxies.txt --wait 60s
  $ POINTSMAN_STORE=/srv/pointsman pointsman status --json | jq '.proxies[] | select(.fine | not)'`,
    )
    .action(status);
}

async function status(options: Options): Promise<void> {
  const store = openStore(options);
  const proxies = namedProxies(options) ?? (await reportedProxies(store, options));
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

/** Where none are named: all that have told the store what they serve. Throws Refusal where none has. */
async function reportedProxies(store: Store, options: Options): Promise<Endpoint[]> {
  const { records } = await store.reports();
  return records.length === 0 ? proxiesOf(options) : records.map(({ node }) => reportedAs(node)).sort(byName);
}

const byName = (a: Endpoint, b: Endpoint) => (a.name < b.name ? -1 : 1);

interface ListenerState extends Omit<Judgement, "served"> {
  /** `pushed` is when that generation was, by the store's history; null: it has none such. */
  served: (NonNullable<Judgement["served"]> & { pushed: string | null }) | null;
}

interface State {
  fine: boolean;
  wanted: Version & {
    pushed: string | null;
    state: Rollout["state"] | null;
    /** Where it stands, of a push in stages. */
    stage?: { name: string; number: number; of: number };
    /** Who has changed its state last, and why. */
    said?: NonNullable<Rollout["said"]>;
  };
  /** `wanted`: the generation that this one is to serve, by its stage. */
  proxies: { proxy: string; fine: boolean; wanted: number; listeners: ListenerState[] }[];
  warnings: string[];
}

/** One round. Throws Refusal, SourceError. */
async function look(store: Store, proxies: readonly Endpoint[], options: Options): Promise<State> {
  const { timeout, instances = null } = options;
  const all = await hearAll(proxies, timeout, async () => (await store.reports()).records);
  // After the proxies: what they serve may be a push of this moment, which the history must have.
  const head = await store.head();
  const history = await store.history();
  const { entries, warnings } = history;
  const wanted = wantedOf(head, history);
  if (wanted === null)
    throw new Refusal(`${store.name}: nothing was pushed yet: \`pointsman push\` makes the first generation`);
  const { rollout } = head;
  const own = rollout !== null && isUnderWay(rollout) ? await ownWanted(rollout, proxies, timeout) : null;
  const judged = proxies.map(({ name, listeners }, i) => {
    const due = own?.[i] ?? wanted;
    const judgements = judgeWord(all[i]!, due, listeners, instances);
    return {
      proxy: name,
      wanted: due.generation,
      fine: judgements.every(({ verdict }) => verdict === "served"),
      listeners: judgements.map((judgement) => ({
        ...judgement,
        served: judgement.served && { ...judgement.served, pushed: pushedAt(entries, judgement.served) },
      })),
    };
  });
  return {
    fine: judged.every(({ fine }) => fine),
    wanted: { ...wanted, pushed: pushedAt(entries, wanted), ...stagesOf(rollout) },
    proxies: judged,
    warnings,
  };
}

/** What each is to serve by its stage; undefined: nobody knows who it is, or nothing was ever pushed to it. */
async function ownWanted(
  rollout: Rollout,
  endpoints: readonly Endpoint[],
  timeoutMs: number,
): Promise<(Version | undefined)[]> {
  const fleet = new Fleet(endpoints, { timeoutMs, instances: null, reports: async () => [] });
  await fleet.identify();
  return fleet.proxies.map(({ node }) => (node && versionFor(rollout, node)) ?? undefined);
}

function stagesOf(rollout: Rollout | null): Pick<State["wanted"], "state" | "stage" | "said"> {
  if (rollout === null) return { state: null };
  const { state, stages, at, said } = rollout;
  const stage = { name: stages[at]!.name, number: at + 1, of: stages.length };
  return { state, ...(stages.length > 1 && { stage }), ...(said && { said }) };
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

function show(state: State): string[] {
  const { generation } = state.wanted;
  const served = state.proxies.filter(({ fine, wanted }) => fine && wanted === generation).length;
  const waiting = state.proxies.filter(({ fine, wanted }) => fine && wanted !== generation).length;
  const all = count(state.proxies.length, "proxy", "proxies");
  const rest = waiting === 0 ? "" : `; ${waiting} serve what was before it until their stage begins`;
  return [
    showWanted(state),
    ...showProxies(state),
    `generation ${generation} is served by ${served} of ${all}${rest}`,
  ];
}

function showWanted({ wanted }: State): string {
  const { generation, digest, pushed, state, stage, said } = wanted;
  const where =
    stage === undefined || state === "done" ? "" : ` at ${stage.name} (${stage.number} of ${stage.of})`;
  const facts = [
    `generation ${generation}`,
    ...(state === null ? [] : [`${state}${where}`]),
    `digest ${digest}`,
    ...(pushed === null ? [] : [`pushed ${showTime(pushed)}`]),
    ...(said === undefined ? [] : [`by ${visibleOnLine(said.who)}: ${visibleOnLine(said.why)}`]),
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
        visibleOnLine(proxy),
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
