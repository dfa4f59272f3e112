/** What a proxy has counted of its requests: how many there were, how many of them were answered with 5xx, how long they took. */
import { readGauges } from "../status/gauges.ts";
import { parsePrometheus } from "../status/prometheus.ts";

/** Of the listeners that have the filter, since the proxy's start. */
export interface Counters {
  requests: number;
  errors: number;
  /** Those whose time is known: Envoy sums times up every five seconds. */
  timed: number;
  /** The sum of their times, in milliseconds. */
  ms: number;
}

/** What to ask Envoy's admin for: with one gauge of each listener, so that the listeners are known. */
export const COUNTERS_QUERY = `/stats?format=prometheus&filter=${encodeURIComponent(
  "^http[.].*[.]downstream_rq_(5xx|completed|time)$|^wasmcustom[.]pointsman[.]instances[.]",
)}`;

const PREFIX = "envoy_http_conn_manager_prefix";
const NAMES: Record<string, keyof Counters> = {
  envoy_http_downstream_rq_completed: "requests",
  envoy_http_downstream_rq_xx: "errors",
  envoy_http_downstream_rq_time_count: "timed",
  envoy_http_downstream_rq_time_sum: "ms",
};
const WANTED = new RegExp(`^(${Object.keys(NAMES).join("|")})$`);

/** Out of metrics in Prometheus' format, or a sentence with what is wrong with them. */
export function readCounters(text: string): Counters | string {
  const said = readGauges(text);
  if (typeof said === "string") return said;
  const samples = parsePrometheus(text, WANTED);
  if (typeof samples === "string") return samples;
  const spelt = (name: string) => (said.isExact ? name : name.replace(/\W/g, "_"));
  const ours = new Set(said.gauges.map(({ listener }) => listener));
  const sums: Counters = { requests: 0, errors: 0, timed: 0, ms: 0 };
  let isCounted = false;
  for (const { name, labels, value } of samples) {
    const prefix = labels.get(PREFIX);
    const isOther = name === "envoy_http_downstream_rq_xx" && labels.get("envoy_response_code_class") !== "5";
    if (prefix === undefined || !ours.has(spelt(prefix)) || isOther) continue;
    if (!Number.isFinite(value) || value < 0) return `its ${name} is no number of requests`;
    isCounted = true;
    sums[NAMES[name]!] += value;
  }
  if (isCounted) return sums;
  return "it counts no requests of the filter's listeners: let the stat_prefix of a listener's connection manager be the listener's name, as `render` does";
}

/** Between two looks; null: it was started anew meanwhile. */
export function between(before: Counters, after: Counters): Counters | null {
  const change = {
    requests: after.requests - before.requests,
    errors: after.errors - before.errors,
    timed: after.timed - before.timed,
    ms: after.ms - before.ms,
  };
  return change.requests < 0 || change.errors < 0 || change.timed < 0 ? null : change;
}
