/** `pointsman status`: what proxies serve, by their own word, held against what the store wants served. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { Refusal } from "../refusal.ts";
import { Fleet } from "../rollout/fleet.ts";
import { type Endpoint, reportedAs } from "../status/proxies.ts";
import { type Status, showStatus } from "../status/show.ts";
import { hearAll, judgeWord } from "../status/word.ts";
import { showTime } from "../store/show.ts";
import { type Version, versionFor } from "../store/stages.ts";
import { type Entry, isUnderWay, type Rollout, type Store } from "../store/store.ts";
import { wantedOf } from "../store/wanted.ts";
import { parseDuration } from "./duration.ts";
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
      process.stdout.write(`${options.json ? JSON.stringify(state) : showStatus(state).join("\n")}\n`);
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

/** One round. Throws Refusal, SourceError. */
async function look(store: Store, proxies: readonly Endpoint[], options: Options): Promise<Status> {
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

function stagesOf(rollout: Rollout | null): Pick<Status["wanted"], "state" | "stage" | "said"> {
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

/** Says what is another than the time before, with when that was seen. */
function teller({ json }: Options): (state: Status) => void {
  let before = new Set<string>();
  return (state) => {
    const { warnings } = state;
    const lines = json
      ? [JSON.stringify(state)]
      : [...warnings.map((one) => `warning: ${one}`), ...showStatus(state)];
    const at = new Date().toISOString();
    for (const line of lines.filter((one) => !before.has(one))) {
      process.stdout.write(json ? `${JSON.stringify({ at, ...state })}\n` : `${showTime(at)}  ${line}\n`);
    }
    before = new Set(lines);
  };
}
