/** The gRPC side of the management server: streams of proxies, each with its bounds. */
import { constants, type Http2Stream } from "node:http2";
import type { PeerCertificate } from "node:tls";
import {
  type handleBidiStreamingCall,
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { listenersOf, proxyOf } from "./asked.ts";
import type { Fleet } from "./fleet.ts";
import { type Asked, EXTENSION_CONFIG, readAsked } from "./messages.ts";
import type { Subscriber } from "./subscriber.ts";

export interface XdsOptions {
  host: string;
  /** 0: the kernel chooses. */
  port: number;
  credentials: ServerCredentials;
  /** Names of certificates that may subscribe, `*` for any text before the first dot; null: whoever gets through TLS. */
  clients: readonly string[] | null;
  /** Streams at once. */
  streams: number;
  /** A stream must say who it is, a proxy must answer, and a connection must have a stream, within this. */
  silenceMs?: number;
}

/** Why a stream was ended by us. */
export const ENDS = ["full", "not-allowed", "bad-request", "too-fast", "silent"] as const;
export type End = (typeof ENDS)[number];

/** What a proxy may send: an Istio proxy's metadata are some 20 KiB. */
const MESSAGE_BYTES = 256 * 1024;
const STREAMS_A_CONNECTION = 16;
/** So many messages at once, and then so many a second. A busy one of 64 listeners sends two a push. */
const BURST = 200;
const A_SECOND = 50;
const SILENCE_MS = 30_000;

const CODES: Record<End, StatusObject["code"]> = {
  full: status.RESOURCE_EXHAUSTED,
  "not-allowed": status.PERMISSION_DENIED,
  "bad-request": status.INVALID_ARGUMENT,
  "too-fast": status.RESOURCE_EXHAUSTED,
  silent: status.DEADLINE_EXCEEDED,
};

/** Both ways in which Envoy asks for a filter; a delta is not one of them, since it can take a filter away. */
const METHODS = {
  ads: "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
  ecds: "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
};

type Call = ServerDuplexStream<Asked, Buffer>;

export class XdsServer {
  port = 0;
  readonly ended = Object.fromEntries(ENDS.map((end) => [end, 0])) as Record<End, number>;
  private readonly server: Server;
  private readonly silenceMs: number;
  private readonly calls = new Set<ProxyStream>();
  private sweeping: NodeJS.Timeout | null = null;

  constructor(
    private readonly fleet: Fleet,
    private readonly options: XdsOptions,
  ) {
    this.silenceMs = options.silenceMs ?? SILENCE_MS;
    this.server = new Server({
      "grpc.max_receive_message_length": MESSAGE_BYTES,
      "grpc.max_concurrent_streams": STREAMS_A_CONNECTION,
      "grpc.max_connection_idle_ms": this.silenceMs,
      // A proxy that was stopped looks connected for as long as nobody asks.
      "grpc.keepalive_time_ms": 5_000,
      // Long enough for a server that writes to ten thousands: it hears nothing meanwhile.
      "grpc.keepalive_timeout_ms": 5_000,
    });
    const same = (bytes: Buffer) => bytes;
    const codec = {
      requestStream: true,
      responseStream: true,
      requestDeserialize: readAsked,
      requestSerialize: same as never,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const { ads, ecds } = METHODS;
    const handle: handleBidiStreamingCall<Asked, Buffer> = (call) => this.open(call);
    this.server.addService(
      { ads: { path: ads, ...codec }, ecds: { path: ecds, ...codec } },
      { ads: handle, ecds: handle },
    );
  }

  /** Rejects where the address cannot be had. */
  async start(): Promise<void> {
    const { host, port, credentials } = this.options;
    this.port = await new Promise<number>((resolve, reject) =>
      this.server.bindAsync(
        `${host.includes(":") ? `[${host}]` : host}:${port}`,
        credentials,
        (error, bound) => (error ? reject(error) : resolve(bound)),
      ),
    );
    this.sweeping = setInterval(() => this.sweep(), this.silenceMs / 6);
  }

  /** Proxies keep what they have, and ask the next server. */
  stop(): void {
    if (this.sweeping !== null) clearInterval(this.sweeping);
    this.server.forceShutdown();
  }

  get streams(): number {
    return this.calls.size;
  }

  private open(call: Call): void {
    const stream = new ProxyStream(this.fleet, call, (end) => this.ended[end]++);
    this.calls.add(stream);
    call.on("close", () => {
      stream.closed();
      this.calls.delete(stream);
    });
    call.on("error", () => {});
    if (this.calls.size > this.options.streams) {
      stream.end("full", `this server takes ${this.options.streams} streams: ask another one`);
    } else if (!this.mayAsk(call)) {
      stream.end("not-allowed", "the client's certificate has none of the names that may subscribe");
    }
  }

  private mayAsk(call: Call): boolean {
    const { clients } = this.options;
    if (clients === null) return true;
    const certificate = call.getAuthContext().sslPeerCertificate;
    return (
      certificate !== undefined &&
      namesOf(certificate).some((name) => clients.some((one) => isName(one, name)))
    );
  }

  private sweep(): void {
    const now = Date.now();
    for (const stream of this.calls) {
      if (stream.isStuck(now - this.silenceMs / 6)) stream.breakOff();
      else if (stream.silence(now) > this.silenceMs)
        stream.end("silent", `nothing was heard for ${this.silenceMs / 1000} s`);
    }
  }
}

/** RFC 5280: the subject's common name, and the alternative names that say a host or a URI. */
function namesOf({ subject, subjectaltname = "" }: PeerCertificate): string[] {
  const alternative = [...subjectaltname.matchAll(/(?:^|, )(?:DNS|URI):([^,"]+)/g)].map(([, name]) => name!);
  return [...[subject?.CN ?? []].flat(), ...alternative];
}

function isName(wanted: string, name: string): boolean {
  if (!wanted.startsWith("*.")) return wanted === name;
  return name.slice(name.indexOf(".")) === wanted.slice(1) && name.indexOf(".") > 0;
}

class ProxyStream {
  private subscriber: Subscriber | null = null;
  private readonly since = Date.now();
  private tokens = BURST;
  private refilled = Date.now();
  private isEnded = false;
  private endedAt = 0;

  constructor(
    private readonly fleet: Fleet,
    private readonly call: Call,
    private readonly count: (end: End) => void,
  ) {
    call.on("data", (asked: Asked) => this.heard(asked));
    call.on("end", () => call.end());
  }

  private heard(asked: Asked): void {
    if (this.isEnded) return;
    const bad = this.hasToken() ? this.take(asked) : null;
    if (bad !== null) this.end("bad-request", bad);
  }

  /** A sentence where it cannot be taken. */
  private take(asked: Asked): string | null {
    if (this.subscriber === null) {
      const proxy = proxyOf(asked);
      if (typeof proxy === "string") return proxy;
      const { call } = this;
      const send = (message: Buffer) => {
        if (!this.isEnded) call.write(message);
      };
      this.subscriber = this.fleet.connect(proxy, { peer: call.getPeer(), send });
    }
    // By ADS a proxy may ask for other things too, of which we have none. By ECDS the type may be left out.
    if (asked.typeUrl !== EXTENSION_CONFIG && asked.typeUrl !== "") return null;
    const listeners = listenersOf(asked);
    if (typeof listeners === "string") return listeners;
    this.subscriber.heard(asked, listeners);
    return null;
  }

  /** Ends the stream where it has none left. */
  private hasToken(): boolean {
    const now = Date.now();
    this.tokens = Math.min(BURST, this.tokens + ((now - this.refilled) / 1000) * A_SECOND);
    this.refilled = now;
    this.tokens--;
    if (this.tokens >= 0) return true;
    this.end("too-fast", `more than ${A_SECOND} messages a second`);
    return false;
  }

  /** How long we have waited for it, in milliseconds. */
  silence(now: number): number {
    return this.subscriber === null ? now - this.since : this.subscriber.silence(now);
  }

  end(end: End, details: string): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.endedAt = Date.now();
    this.count(end);
    this.call.emit("error", { code: CODES[end], details });
  }

  /** It was ended before that, and is still there: who does not read does not hear of its end either. */
  isStuck(before: number): boolean {
    return this.isEnded && this.endedAt < before;
  }

  /** gRPC has no word for it: its end waits behind what was not read. */
  breakOff(): void {
    const { stream } = (this.call as unknown as { call: { stream?: Http2Stream } }).call;
    stream?.close(constants.NGHTTP2_CANCEL);
  }

  closed(): void {
    this.isEnded = true;
    if (this.subscriber !== null) this.fleet.disconnect(this.subscriber);
  }
}
