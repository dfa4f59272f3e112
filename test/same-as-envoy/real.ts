/** The real Envoy: exchanges through it one after the other, with what the guest logged for each. */

import { setTimeout as sleep } from "node:timers/promises";
import { type EnvoyProcess, startEnvoy } from "../../scripts/envoy/process.ts";
import { CALLED, type Exchange, type Outcome } from "./exchange.ts";
import { type GrpcCluster, type GrpcServer, startGrpc } from "./grpc-upstream.ts";
import { sendPiecewise } from "./piecewise-client.ts";
import { ScriptedUpstreams } from "./scripted-upstreams.ts";
import { realEnvoy } from "./which-envoy.ts";

/** How long a line of the log may take to come, in milliseconds. */
const LINE_MS = 8_000;
const POLL_MS = 1;

/** The guest asks for an answer or a tick, and gets it. */
const asks = /^2 \d+ (call .* -> 0|tick [1-9]\d* -> 0)/;
const isAnswered = /^2 \d+ > (answer|tick)/;

/** What the guest logs of a request's headers and pieces, and of an answer's. */
const requestLines = [/ > request_headers /, / > request_body /];
const answerLines = [/ create /, / > response_headers /, / > response_body /];

/** The last that is logged of a request in which the guest traps. */
const isTrap = /\]\[wasm\] .* Function: \w+ failed: /;

const levels: Readonly<Record<string, number>> = { info: 2, warning: 3, error: 4, critical: 5 };

export interface RealOptions {
  /** Path of the module. */
  readonly wasm: string;
  readonly configuration: Uint8Array;
  readonly clusters: readonly string[];
  readonly clusterHeader: string;
  readonly emittedHeaders?: readonly string[];
  readonly failurePolicy?: "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";
  readonly allowOnHeadersStopIteration?: boolean;
  /** The guest logs each callback, so its log tells how far it is. */
  readonly talkative?: boolean;
  /** Of `clusters`: those to which the guest alone calls. */
  readonly called?: readonly string[];
  /** Beside `clusters`: those that speak gRPC, by name. */
  readonly grpc?: Readonly<Record<string, GrpcCluster>>;
}

export class Real {
  readonly envoy: EnvoyProcess;
  readonly upstreams: ScriptedUpstreams;
  readonly #grpc: readonly GrpcServer[];
  /** The guest lives and logs. */
  talkative: boolean;
  #read = 0;
  #exchange: Exchange | null = null;

  private constructor(
    envoy: EnvoyProcess,
    upstreams: ScriptedUpstreams,
    grpc: readonly GrpcServer[],
    talkative: boolean,
  ) {
    this.envoy = envoy;
    this.upstreams = upstreams;
    this.#grpc = grpc;
    this.talkative = talkative;
  }

  static async start(options: RealOptions): Promise<Real> {
    const { clusters, clusterHeader, emittedHeaders = [], wasm, configuration: table } = options;
    const { failurePolicy, allowOnHeadersStopIteration = false } = options;
    const upstreams = await ScriptedUpstreams.start(clusters);
    upstreams.called = new Set(options.called);
    const grpc: GrpcServer[] = [];
    try {
      for (const [name, methods] of Object.entries(options.grpc ?? {})) {
        grpc.push(await startGrpc(name, methods));
      }
      const envoy = await startEnvoy({
        envoy: await realEnvoy(),
        clusters: [...upstreams.clusters, ...grpc.map(({ cluster }) => cluster)],
        fallbackCluster: clusters[0]!,
        clusterHeader,
        emittedHeaders: [...emittedHeaders],
        filter: {
          wasm,
          table,
          ...(failurePolicy && { failurePolicy }),
          allowOnHeadersStopIteration,
        },
      });
      return new Real(envoy, upstreams, grpc, options.talkative ?? true);
    } catch (error) {
      for (const one of grpc) one.stop();
      await upstreams.stop();
      throw error;
    }
  }

  /** @param lines how many of such the guest logs, where it does not say how far it is */
  async run(
    exchange: Exchange,
    lines?: { count: number; isOne: (line: string) => boolean },
  ): Promise<Outcome> {
    const { upstreams } = this;
    this.takeLogs();
    this.#exchange = exchange;
    upstreams.received.length = 0;
    upstreams.response = exchange.response;
    upstreams.answer = exchange.answer ?? CALLED;
    let pieces = 0;
    let answered = 0;
    // First that the guest is done with the request, then each piece of the answer.
    upstreams.seen = (isOver) => this.#line(answerLines[Math.min(answered, 2)]!, answered++ - 1, isOver);
    const client = await sendPiecewise(this.envoy.port, exchange, (isOver) =>
      this.#line(requestLines[Math.min(pieces, 1)]!, pieces++, isOver),
    );
    await this.#line(/ > delete$/, 1, () => false);
    const logs = lines === undefined ? this.takeLogs() : await this.takeLines(lines.count, lines.isOne);
    const called = this.#grpc.flatMap(({ received }) => received.splice(0));
    return { upstream: [...called, ...upstreams.received], client, logs };
  }

  /** Waits until the guest has logged the nth such line, or at least one, and everything that it began is done. */
  async #line(pattern: RegExp, n: number, isOver: () => boolean): Promise<void> {
    if (!this.talkative) return;
    const exchange = this.#exchange;
    const end = Date.now() + LINE_MS;
    for (;;) {
      const lines = this.#guestLines();
      const count = (wanted: RegExp): number => lines.filter((line) => wanted.test(line)).length;
      // What the guest waits for comes before anything else does.
      const settled = count(asks) === count(isAnswered) && count(/^2 \d+ >/) === count(/^2 \d+ </);
      if (settled && count(pattern) >= Math.max(n, 1)) return;
      if (isOver() || this.#exchange !== exchange || this.#trapped()) return;
      if (Date.now() > end) throw new Error(`${exchange?.id}: no ${pattern} in\n${lines.join("\n")}`);
      await sleep(POLL_MS);
    }
  }

  #trapped(): boolean {
    return this.envoy.gone || this.envoy.logs.slice(this.#read).some((line) => isTrap.test(line));
  }

  /** What the guest logged, once it is so many lines: they come through a pipe. */
  async takeLines(count: number, isOne = (_line: string): boolean => true): Promise<string[]> {
    const end = Date.now() + LINE_MS;
    while (this.#guestLines().filter(isOne).length < count && Date.now() < end) await sleep(POLL_MS);
    return this.takeLogs().filter(isOne);
  }

  /** What the guest logged since the last look, `level text`. */
  takeLogs(): string[] {
    const lines = this.#guestLines();
    this.#read = this.envoy.logs.length;
    return lines;
  }

  #guestLines(): string[] {
    return this.envoy.logs.slice(this.#read).flatMap((line) => guestLine(line) ?? []);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    for (const one of this.#grpc) one.stop();
    await this.upstreams.stop();
  }
}

/** `[time][thread][level][wasm] [file:line] wasm log ROOT NAME VM: text` → `level text`. */
export function guestLine(line: string): string | null {
  const found = /^\[[^\]]*\]\[\d+\]\[(\w+)\]\[wasm\] \[[^\]]*\] wasm log[^:]*: (.*)$/s.exec(line);
  if (found === null) return null;
  const [, level = "", text = ""] = found;
  return `${levels[level] ?? level} ${text}`;
}
