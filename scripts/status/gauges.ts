/** What a proxy says of itself: the filter's gauges, out of Envoy's admin, Prometheus' text or ATS's statistics. */
import { parsePrometheus } from "./prometheus.ts";

/** Of a listener. A gauge is null where the proxy does not have it, or it is no number that a gauge of ours can be. */
export interface Gauges {
  listener: string;
  instances: number | null;
  /** The first 48 bits; 0 where the instances differ. */
  digest: number | null;
  generation: number | null;
  /** Why the last table was refused; 0: it was not. */
  refused: number | null;
}

export interface Said {
  gauges: Gauges[];
  /** How many instances serve a listener where all is well; null: the proxy does not say. */
  instances: number | null;
  /** Whether the listeners' names are as in the table; else what is no letter, digit or `_` in them became `_`. */
  isExact: boolean;
}

type Name = Exclude<keyof Gauges, "listener">;

const WORDS = "(instances|digest|generation|refused)";
/** As the filter names them. */
const OWN = new RegExp(`^(?:wasmcustom\\.)?pointsman\\.${WORDS}\\.listener\\.(.+)$`);
/** With the listener as a label, or at the end of the name where the proxy was not told to make labels. */
const PROMETHEUS = new RegExp(`^(?:envoy_)?(?:wasmcustom_)?pointsman_${WORDS}(?:_listener_(\\w+))?$`);
const WORKERS = "envoy_server_concurrency";
const WANTED = new RegExp(`${PROMETHEUS.source}|^${WORKERS}$`);

/** What to ask Envoy's admin for; a pattern of RE2. */
export const ENVOY_QUERY = `/stats?format=json&filter=${encodeURIComponent(
  `^wasmcustom[.]pointsman[.]${WORDS}[.]|^server[.]concurrency$`,
)}`;

/** The main thread has an instance too, which no request reaches. */
const BESIDE_WORKERS = 1;
/** ATS has one for all threads. */
const OF_ATS = 1;

/** What the proxy says, or a sentence with what is wrong with it. */
export function readGauges(text: string): Said | string {
  return /^\s*\{/.test(text) ? readJson(text) : readPrometheus(text);
}

function readJson(text: string): Said | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `its answer is no JSON: ${(error as Error).message}`;
  }
  const { stats, global } = value as { stats?: unknown; global?: unknown };
  if (Array.isArray(stats)) return readEnvoy(stats);
  if (typeof global === "object" && global !== null) return readAts(global);
  return "its answer is JSON, but neither Envoy's statistics nor those of ATS's stats_over_http";
}

function readEnvoy(stats: readonly unknown[]): Said | string {
  const collected = new Collected();
  let workers: number | null = null;
  for (const stat of stats) {
    const { name, value } = Object(stat) as { name?: unknown; value?: unknown };
    if (name === "server.concurrency") workers = whole(value);
    else collected.addOwn(name, value);
  }
  return collected.done(workers === null ? null : workers + BESIDE_WORKERS, true);
}

function readAts(metrics: object): Said | string {
  const collected = new Collected();
  for (const [name, value] of Object.entries(metrics)) {
    collected.addOwn(name, typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value);
  }
  return collected.done(OF_ATS, true);
}

function readPrometheus(text: string): Said | string {
  const samples = parsePrometheus(text, WANTED);
  if (typeof samples === "string") return samples;
  const collected = new Collected();
  let workers: number | null = null;
  let isExact = true;
  for (const { name, labels, value } of samples) {
    if (name === WORKERS) {
      if (workers !== null && workers !== whole(value)) return SEVERAL;
      workers = whole(value);
    }
    const [, word, listener] = PROMETHEUS.exec(name) ?? [];
    if (word === undefined) continue;
    if (listener !== undefined) isExact = false;
    const known = listener ?? labels.get("listener");
    if (known !== undefined) collected.add(word as Name, known, value);
  }
  return collected.done(workers === null ? null : workers + BESIDE_WORKERS, isExact);
}

const SEVERAL = "it says the same gauge twice, with different values: name each proxy's own metrics";

/** Gauges by listener. */
class Collected {
  private readonly gauges = new Map<string, Gauges>();
  private isTwice = false;

  /** If the name is one of ours. */
  addOwn(name: unknown, value: unknown): void {
    const [, word, listener] = (typeof name === "string" && OWN.exec(name)) || [];
    if (word !== undefined) this.add(word as Name, listener!, value);
  }

  add(name: Name, listener: string, value: unknown): void {
    let gauges = this.gauges.get(listener);
    if (gauges === undefined) {
      gauges = { listener, instances: null, digest: null, generation: null, refused: null };
      this.gauges.set(listener, gauges);
    }
    const number = whole(value);
    if (gauges[name] !== null && gauges[name] !== number) this.isTwice = true;
    gauges[name] = number;
  }

  /** One proxy's gauges must not pass for another's. */
  done(instances: number | null, isExact: boolean): Said | string {
    if (this.isTwice) return SEVERAL;
    return { gauges: [...this.gauges.values()], instances, isExact };
  }
}

/** What a gauge of ours can be; all of them are below 2 ** 53. */
function whole(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
