/** The simulator: the same exchanges, entered as Envoy's HTTP codec and connection manager hand them to a filter. */
import {
  type CompiledModule,
  type FailurePolicy,
  type Message,
  type Pair,
  ProxyHost,
  type RootOptions,
  type Shared,
  type Verdict,
  Vm,
} from "../../host-sim/index.ts";
import { enteringRequest, enteringResponse, leavingRequest, leavingResponse } from "./envoy-around.ts";
import { CALLED, type Exchange, isChunked, type Outcome, type Received } from "./exchange.ts";
import { SimulatedGrpc } from "./grpc-simulated.ts";
import type { GrpcCluster } from "./grpc-upstream.ts";
import { PROFILE } from "./which-envoy.ts";

const FILTER = "pointsman";
/** Envoy's log is set to `info`. */
const SHOWN_LEVEL = 2;

export interface SimulatedOptions {
  readonly module: CompiledModule;
  readonly configuration: Uint8Array;
  readonly clusterHeader: string;
  /** The first is also where requests without a cluster header go. */
  readonly clusters: readonly string[];
  readonly emittedHeaders?: readonly string[];
  /** By cluster: those that speak gRPC. */
  readonly grpc?: Readonly<Record<string, GrpcCluster>>;
  readonly failurePolicy?: FailurePolicy;
  /** What VMs beside the host's have in common with them. */
  readonly shared?: Shared;
  readonly allowOnHeadersStopIteration?: boolean;
}

export class Simulated {
  readonly host: ProxyHost;
  readonly first: Verdict;
  readonly #options: SimulatedOptions;
  readonly #grpc: SimulatedGrpc;
  #read = 0;

  constructor(options: SimulatedOptions) {
    this.#options = options;
    const { module, failurePolicy = "reload", grpc = {} } = options;
    this.#grpc = new SimulatedGrpc(grpc);
    this.host = new ProxyHost(module, {
      profile: PROFILE,
      workers: 1,
      failurePolicy,
      vmId: FILTER,
      upstreams: [...options.clusters, ...Object.keys(grpc)],
      ...(options.shared && { shared: options.shared }),
    });
    this.first = this.configure(options.configuration);
  }

  static async start(options: Omit<SimulatedOptions, "module"> & { wasm: Uint8Array }): Promise<Simulated> {
    return new Simulated({ ...options, module: await Vm.compile(options.wasm, PROFILE) });
  }

  configure(configuration: Uint8Array): Verdict {
    const { allowOnHeadersStopIteration = false } = this.#options;
    const options: RootOptions = { rootId: "main", name: FILTER, configuration, allowOnHeadersStopIteration };
    return this.host.configure(FILTER, options);
  }

  /** @param ticks whether a tick that the guest has asked for comes in between */
  run(exchange: Exchange, ticks = true): Outcome {
    this.takeLogs();
    const upstream: Received[] = [];
    const stream = this.host.begin(FILTER);
    if (stream === null) throw new Error("nothing was ever configured");
    const { emittedHeaders = [], clusterHeader } = this.#options;
    const settle = (): void => {
      for (let call = root.httpCalls[0]; call !== undefined; call = root.httpCalls[0]) {
        upstream.push(leavingRequest(call.upstream, call.headers, [call.body]));
        const answer = exchange.answer ?? CALLED;
        root.answerHttpCall(call.id, { headers: enteringResponse(answer), body: answer.body.join("") });
      }
      this.#grpc.settle(root, upstream);
      if (ticks && root.tickPeriod > 0) this.host.clock.advance(root.tickPeriod);
    };
    const { root } = stream;
    const { response } = exchange;
    // HTTP/1 ends a body by an empty piece.
    const requestPieces = exchange.body.length > 0 ? [...exchange.body, ""] : [];
    stream.open(enteringRequest(exchange, [clusterHeader, ...emittedHeaders]), requestPieces.length === 0);
    if (!exchange.impatient) settle();
    requestPieces.forEach((piece, i) => {
      stream.request.pushBody(Buffer.from(piece, "latin1"), i === requestPieces.length - 1);
      // Where the length is known the end comes with the last piece.
      if (exchange.impatient && i !== requestPieces.length - 1) return;
      if (exchange.framing === "chunked" || i !== requestPieces.length - 2) settle();
    });
    const sent = stream.result().upstream;
    if (sent?.ended) {
      upstream.push(leavingRequest(this.#cluster(sent), sent.headers, [sent.body]));
      const pieces = response.body.length > 0 ? [...response.body, ""] : [];
      if (stream.localReply === null && stream.reset === null) {
        stream.response.pushHeaders(enteringResponse(response), pieces.length === 0);
        if (!stream.response.sent.ended) settle();
        pieces.forEach((piece, i) => {
          stream.response.pushBody(Buffer.from(piece, "latin1"), i === pieces.length - 1);
          if (!stream.response.sent.ended && (isChunked(response) || i !== pieces.length - 2)) settle();
        });
      }
    }
    stream.close();
    settle();
    const { downstream } = stream.result();
    const client = downstream && leavingResponse(downstream);
    return { upstream, client, logs: this.takeLogs() };
  }

  #cluster({ headers }: Message): string {
    const named = headers.find(([name]: Pair) => name === this.#options.clusterHeader);
    return named?.[1] ?? this.#options.clusters[0]!;
  }

  /** What the guest logged since the last look, `level text`. */
  takeLogs(): string[] {
    const lines = this.host.logs.slice(this.#read);
    this.#read = this.host.logs.length;
    return lines.filter(({ level }) => level >= SHOWN_LEVEL).map(({ level, text }) => `${level} ${text}`);
  }
}
