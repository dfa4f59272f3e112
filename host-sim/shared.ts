/** What the VMs of one host have in common: shared data, queues and metrics. */
import { MetricType, Status } from "./abi.ts";
import { KEPT, trapBeyond } from "./limits.ts";
import { Queues } from "./queues.ts";

interface SharedValue {
  value: Uint8Array;
  cas: number;
}

/** `proxy_get_shared_data` and `proxy_set_shared_data` (proxy-wasm-cpp-host, shared_data.cc), for one vm_id. */
export class SharedData {
  readonly #values = new Map<string, SharedValue>();
  #lastCas = 0;

  get(key: string): Readonly<SharedValue> | null {
    return this.#values.get(key) ?? null;
  }

  /** Status.Ok, or Status.CasMismatch if `cas` is not 0 and the key has another. */
  set(key: string, value: Uint8Array, cas: number): number {
    const old = this.#values.get(key);
    if (old !== undefined && cas !== 0 && cas !== old.cas) return Status.CasMismatch;
    if (old === undefined) trapBeyond(KEPT, this.#values.size + 1, "keys of shared data");
    this.#lastCas = this.#lastCas >= 0xffffffff ? 1 : this.#lastCas + 1;
    this.#values.set(key, { value, cas: this.#lastCas });
    return Status.Ok;
  }
}

export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  value: bigint;
  /** What a histogram recorded, in order. */
  readonly recorded: bigint[];
}

const typeNames = ["counter", "gauge", "histogram"] as const;
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** The metrics of one host; ids are one VM's own (Envoy) or the host's (ATS). */
export class Metrics {
  readonly #byName = new Map<string, Metric>();

  /** The metric's value, or undefined if no VM has defined it. */
  value(name: string): bigint | undefined {
    return this.#byName.get(name)?.value;
  }

  all(): readonly Metric[] {
    return [...this.#byName.values()];
  }

  define(type: number, name: string): Metric {
    // Envoy keeps counters, gauges and histograms of one name apart.
    const key = `${type} ${name}`;
    const known = this.#byName.get(name) ?? this.#byName.get(key);
    const typeName = typeNames[type] ?? "counter";
    if (known !== undefined && known.type === typeName) return known;
    trapBeyond(KEPT, this.#byName.size + 1, "metrics");
    const metric: Metric = { name, type: typeName, value: 0n, recorded: [] };
    this.#byName.set(known === undefined ? name : key, metric);
    return metric;
  }

  /** The place of a metric among all: ATS's number for it. */
  place(metric: Metric): number {
    return [...this.#byName.values()].indexOf(metric);
  }

  atPlace(id: number): Metric | undefined {
    return [...this.#byName.values()][id];
  }
}

/** What `proxy_increment_metric` does to a metric: Envoy refuses a counter's delta below 1. */
export function increment(metric: Metric, delta: bigint): number {
  if (metric.type === "histogram") return Status.BadArgument;
  if (metric.type === "counter" && delta <= 0n) return Status.BadArgument;
  metric.value = u64(metric.value + delta);
  return Status.Ok;
}

/** What `proxy_record_metric` does: a gauge is set, a histogram gets a sample, and Envoy adds to a counter. */
export function record(metric: Metric, value: bigint): number {
  if (metric.type === "counter") metric.value = u64(metric.value + value);
  else if (metric.type === "gauge") metric.value = value;
  else metric.recorded.push(value);
  return Status.Ok;
}

/** One VM's numbers for metrics, by type: counters 4, 8, …; gauges 5, 9, …; histograms 6, 10, … (wasm.h). */
export class MetricIds {
  readonly #ids = new Map<number, Metric>();
  readonly #next = [MetricType.Counter + 4, MetricType.Gauge + 4, MetricType.Histogram + 4];

  add(type: number, metric: Metric): number {
    const id = this.#next[type] ?? 0;
    this.#next[type] = id + 4;
    this.#ids.set(id, metric);
    return id;
  }

  get(id: number): Metric | undefined {
    return this.#ids.get(id);
  }
}

export class Shared {
  readonly metrics = new Metrics();
  readonly queues = new Queues();
  readonly #data = new Map<string, SharedData>();

  data(vmId: string): SharedData {
    let data = this.#data.get(vmId);
    if (data === undefined) {
      data = new SharedData();
      this.#data.set(vmId, data);
    }
    return data;
  }
}
