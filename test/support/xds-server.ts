/** An xDS server for one Envoy that sends whatever a test wants it to, bad tables too, and waits for each answer. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import { resourceName } from "../../scripts/render/discovered-filter.ts";
import type { FilterOptions } from "../../scripts/render/plugin.ts";
import { type Asked, EXTENSION_CONFIG, readAsked, writeFilters } from "../../scripts/serve/messages.ts";

type Stream = ServerDuplexStream<Asked, Buffer>;

export class XdsServer {
  port = 0;
  private readonly server = new Server();
  /** Names that Envoy has asked for on its stream, and what to do with its next answer. */
  private stream: Stream | null = null;
  private asked: string[] = [];
  private answers = new Map<string, (answer: "ACK" | "NACK") => void>();
  private version = 0;

  constructor(private readonly wasm: string) {
    const handle: handleBidiStreamingCall<Asked, Buffer> = (stream) => this.serve(stream);
    const same = (bytes: Buffer) => bytes;
    const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
    const method = { path, requestStream: true, responseStream: true };
    const codec = { requestDeserialize: readAsked, requestSerialize: () => Buffer.alloc(0) };
    this.server.addService(
      { stream: { ...method, ...codec, responseSerialize: same, responseDeserialize: same } },
      { stream: handle },
    );
  }

  async start(): Promise<void> {
    this.port = await new Promise<number>((resolve, reject) =>
      this.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  }

  stop(): void {
    this.server.forceShutdown();
  }

  /**
   * Sends each of these listeners its filter, once Envoy has asked for all of them, and says what Envoy made of it.
   * Until then Envoy hears nothing: its first filter comes as late as the first push.
   */
  async push(
    listeners: readonly string[],
    filter: Omit<FilterOptions, "wasm" | "listener">,
    timeoutMs = 10_000,
  ): Promise<"ACK" | "NACK"> {
    const deadline = Date.now() + timeoutMs;
    while (!listeners.every((name) => this.asked.includes(resourceName(name)))) {
      if (Date.now() > deadline) throw new Error(`Envoy has asked for ${this.asked.join(", ") || "nothing"}`);
      await sleep(5);
    }
    const nonce = String(++this.version);
    const filters = listeners.map((listener) => ({ ...filter, wasm: this.wasm, listener }));
    this.stream!.write(writeFilters(filters, nonce, nonce));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer after ${timeoutMs} ms`)), timeoutMs);
      this.answers.set(nonce, (answer) => {
        clearTimeout(timer);
        this.answers.delete(nonce);
        resolve(answer);
      });
    });
  }

  private serve(stream: Stream): void {
    stream.on("data", ({ typeUrl, resourceNames, responseNonce, errorDetail }: Asked) => {
      if (typeUrl !== EXTENSION_CONFIG) return;
      this.stream = stream;
      this.asked = resourceNames;
      this.answers.get(responseNonce)?.(errorDetail ? "NACK" : "ACK");
    });
    stream.on("end", () => stream.end());
    stream.on("close", () => {
      if (this.stream !== stream) return;
      this.stream = null;
      this.asked = [];
    });
    stream.on("error", () => {});
  }
}
