/** Replays a log of requests through the filter, and sums up what came of them. */
import type { SimulatedPlugin } from "../../host-sim/http/proxy.ts";
import {
  byteString,
  enumNames,
  type LogLine,
  type Pair,
  type RequestResult,
  type ResponseInput,
  type RootContext,
  Vm,
} from "../../host-sim/index.ts";
import { count } from "../count.ts";
import { describeOutcome, describeRule } from "../describe.ts";
import { pathInEnvoy } from "../explain/envoy-path.ts";
import { Explainer, peerOf } from "../explain/explainer.ts";
import { headersOf, type Question } from "../explain/question.ts";
import { type AskedAt, whereOf } from "../explain/where.ts";
import { TableError } from "../table/check.ts";
import { findListener } from "../table/decide.ts";
import { Table } from "../table/table.ts";
import { visibleOnLine } from "../visible.ts";

/** What a replayed request came to, for the summary; `line` is what is written for it. */
export interface Replayed {
  cluster: string | null;
  /** Of an answer of the proxy's own; null where the request went on. */
  status: number | null;
  /** In words; null where nothing is known of rules. */
  rule: string | null;
  /** The host, where it has no wiki, none of the table's, or none that is installed. */
  hostWithoutWiki: string | null;
  line: unknown;
}

/** A request that another module than ours could not take. */
export class Trapped extends Error {}

export type Replayer = (question: Question) => Replayed;

export interface Simulated extends SimulatedPlugin {
  /** The header that names the cluster. */
  header: string;
  /** Of a table: as which listener, in which data centre. */
  where: AskedAt;
  /** Gets what another module than ours logs while it starts. */
  log: (line: string) => void;
}

/**
 * Answers requests with the module: with everything that a table tells where the configuration is one, else with
 * the headers alone. Throws an Error that says why module or configuration were refused.
 */
export async function replayer(simulated: Simulated): Promise<Replayer> {
  const { wasm, profile, configuration } = simulated;
  const table = openTable(configuration);
  if (table) {
    const where = whereOf(table, simulated.where);
    return tableReplayer(await Explainer.create(configuration, wasm, { profile, ...where }), where.listener);
  }
  const vm = await Vm.load(wasm, simulated);
  const root = vm.createRoot(simulated);
  if (root.refused !== null)
    throw new Error(`the configuration was refused: ${vm.logs.at(-1)?.text ?? root.refused}`);
  for (const line of takeLogs(vm)) simulated.log(line);
  return (question) => {
    const { header } = simulated;
    const path = profile.resolvesPaths ? pathInEnvoy(byteString(question.path)) : question.path;
    return path === null ? refusedByEnvoy(question) : plainReplay(root, header, { ...question, path });
  };
}

/** null for a configuration that is no table. */
export function openTable(configuration: Uint8Array): Table | null {
  try {
    return new Table(configuration);
  } catch (error) {
    if (error instanceof TableError) return null;
    throw error;
  }
}

function tableReplayer(explainer: Explainer, listener: string | null): Replayer {
  const { table } = explainer;
  const rules = Array.from(
    { length: table.ruleCount },
    (_, i) => `${describeRule(table.rule(i))} → ${describeOutcome(table, table.rule(i))}`,
  );
  const none = `no rule → ${table.deployment(findListener(table, listener).deployment).name}`;
  return (question) => {
    const { answer, trail } = explainer.ask(question);
    return {
      cluster: answer.cluster,
      status: answer.status,
      rule:
        trail === null
          ? "no rule → refused before the rules"
          : trail.rule === null
            ? none
            : rules[trail.rule]!,
      hostWithoutWiki: trail?.wrong && trail.wrong !== "twoWikis" ? trail.host : null,
      line: answer,
    };
  };
}

/** What the upstream answers to a request of a log, which does not have the answer. */
const ANSWER: ResponseInput = { headers: [[":status", "200"]] };

function plainReplay(root: RootContext, header: string, question: Question): Replayed {
  const { body, client } = question;
  const result = root.request({
    headers: headersOf(question),
    ...(body !== null && { body: byteString(body) }),
    ...(client !== null && { properties: { "source.address": peerOf(client) } }),
    response: ANSWER,
  });
  const { headers, localReply, trapped, reset } = result;
  if (trapped !== null) throw new Trapped(`the module trapped: ${trapped}`);
  const cluster = headers.find(([name]: Pair) => name === byteString(header))?.[1] ?? null;
  const status = localReply?.status ?? null;
  const { authority, path, method } = question;
  const line = { authority, path, method, cluster, status, reset, headers, ...answerOf(result) };
  return { cluster, status, rule: null, hostWithoutWiki: null, line: { ...line, logs: takeLogs(root.vm) } };
}

/** What the client got. */
function answerOf({ downstream }: RequestResult): { response: unknown } {
  if (downstream === null) return { response: null };
  const { headers, body } = downstream;
  return { response: { headers, body: new TextDecoder().decode(body) } };
}

function refusedByEnvoy({ authority, path, method }: Question): Replayed {
  const none = { cluster: null, status: 400 };
  const line = { authority, path, method, ...none, reset: null, headers: [], response: null, logs: [] };
  return { ...none, rule: null, hostWithoutWiki: null, line };
}

/** What the guest has logged since, `info: text`. */
function takeLogs({ logs }: Vm): string[] {
  return logs.splice(0).map(({ level, text }: LogLine) => `${enumNames.logLevel[level] ?? level}: ${text}`);
}

/** Distinct hosts that are counted one by one; what comes later is counted together, so that memory stays bounded. */
const MOST_HOSTS = 10_000;

/** Bad lines that a summary tells one by one. */
const BAD_LINES_TOLD = 10;

export interface BadLine {
  line: number;
  error: string;
}

/** The cluster, or why there is none. */
export function whereTo({ cluster, status }: Pick<Replayed, "cluster" | "status">): string {
  if (status !== null) return `(none: answered with ${status})`;
  return cluster ?? "(none: passed through)";
}

/** How many requests went where. */
export class Summary {
  requests = 0;
  badLines = 0;
  /** Lines of a log that have no request: the proxy's own, clients that never asked. */
  withoutRequest = 0;
  readonly firstBadLines: BadLine[] = [];
  readonly clusters = new Map<string, number>();
  readonly rules = new Map<string, number>();
  readonly hostsWithoutWiki = new Map<string, number>();
  otherHostsWithoutWiki = 0;

  add(replayed: Replayed): void {
    const { rule, hostWithoutWiki } = replayed;
    this.requests++;
    countOne(this.clusters, whereTo(replayed));
    if (rule !== null) countOne(this.rules, rule);
    if (hostWithoutWiki === null) return;
    if (this.hostsWithoutWiki.size < MOST_HOSTS || this.hostsWithoutWiki.has(hostWithoutWiki))
      countOne(this.hostsWithoutWiki, hostWithoutWiki);
    else this.otherHostsWithoutWiki++;
  }

  addBad(bad: BadLine): void {
    this.badLines++;
    if (this.firstBadLines.length < BAD_LINES_TOLD) this.firstBadLines.push(bad);
  }

  toJSON(): unknown {
    const { requests, badLines, firstBadLines, withoutRequest, otherHostsWithoutWiki } = this;
    const sorted = (counts: Map<string, number>) => Object.fromEntries(mostFirst(counts));
    return {
      requests,
      badLines,
      firstBadLines,
      withoutRequest,
      clusters: sorted(this.clusters),
      rules: sorted(this.rules),
      hostsWithoutWiki: sorted(this.hostsWithoutWiki),
      otherHostsWithoutWiki,
    };
  }

  /** @param hosts at most so many hosts without a wiki are named */
  show(hosts = 20): string {
    const facts = [count(this.requests, "request")];
    if (this.badLines > 0) facts.push(count(this.badLines, "bad line"));
    if (this.withoutRequest > 0) facts.push(`${count(this.withoutRequest, "line")} without a request`);
    const lines = [facts.join(", ")];
    const list = (title: string, counts: Map<string, number>, most = Number.POSITIVE_INFINITY) => {
      if (counts.size === 0) return;
      lines.push(title);
      for (const [name, number] of mostFirst(counts).slice(0, most))
        lines.push(`  ${String(number).padStart(9)}  ${visibleOnLine(name)}`);
      if (counts.size > most) lines.push(`             … and ${counts.size - most} more`);
    };
    list("by cluster:", this.clusters);
    list("by rule:", this.rules);
    list("hosts without a wiki:", this.hostsWithoutWiki, hosts);
    if (this.otherHostsWithoutWiki > 0)
      lines.push(`  ${String(this.otherHostsWithoutWiki).padStart(9)}  hosts beyond the first ${MOST_HOSTS}`);
    if (this.badLines > 0) lines.push("bad lines:");
    for (const { line, error } of this.firstBadLines) lines.push(`  line ${line}: ${visibleOnLine(error)}`);
    const more = this.badLines - this.firstBadLines.length;
    if (more > 0) lines.push(`  … and ${more} more`);
    return `${lines.join("\n")}\n`;
  }
}

function countOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

export function mostFirst(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
