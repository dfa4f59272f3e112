/**
 * An xDS server for one Envoy: the filters of its listeners by ADS, state of the world. Messages are written by hand, as there are few and
 * each is small: field numbers are those of envoy/service/discovery/v3 and envoy/extensions/wasm/v3.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import { resourceName } from "../../scripts/render/discovered-filter.ts";
import { FILTER_NAME } from "../../scripts/render/plugin.ts";

const TYPE = "type.googleapis.com/";
const EXTENSION_CONFIG = `${TYPE}envoy.config.core.v3.TypedExtensionConfig`;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

/** A field with a length: a text, bytes, or a message. */
const field = (number: number, ...parts: (Uint8Array | string)[]): Buffer => {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint((number << 3) | 2), varint(value.length), value]);
};
const any = (number: number, type: string, ...value: Uint8Array[]) =>
  field(number, field(1, type), field(2, ...value));

/** FAIL_RELOAD; and a BoolValue of true for allow_on_headers_stop_iteration. */
const SETTINGS = Buffer.concat([Buffer.from([7 << 3, 1]), field(9, Buffer.from([1 << 3, 1]))]);

/** TypedExtensionConfig of the Wasm filter. */
function resource(wasm: string, listener: string, configuration: Uint8Array): Buffer {
  const code = field(3, field(1, field(1, wasm)));
  const vm = field(3, field(1, FILTER_NAME), field(2, "envoy.wasm.runtime.v8"), code);
  const plugin = [field(1, FILTER_NAME), field(2, listener), vm, SETTINGS];
  const bytes = any(4, `${TYPE}google.protobuf.BytesValue`, field(1, configuration));
  const filter = any(2, `${TYPE}envoy.extensions.filters.http.wasm.v3.Wasm`, field(1, ...plugin, bytes));
  return Buffer.concat([field(1, resourceName(listener)), filter]);
}

interface Request {
  type: string;
  names: string[];
  nonce: string;
  /** Its error_detail, where it is a NACK. */
  error: Buffer | null;
}

/** DiscoveryRequest: fields with lengths alone occur in what we ask of it. */
function readRequest(bytes: Buffer): Request {
  const fields: [number: number, value: Buffer][] = [];
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    if ((tag & 7) !== 2) throw new Error(`a field of wire type ${tag & 7} in a DiscoveryRequest`);
    const length = number();
    fields.push([tag >> 3, bytes.subarray(at, at + length)]);
    at += length;
  }
  const all = (field: number) => fields.filter(([found]) => found === field).map(([, value]) => value);
  const text = (field: number) => all(field)[0]?.toString() ?? "";
  return { type: text(4), names: all(3).map(String), nonce: text(5), error: all(6)[0] ?? null };
}

type Stream = ServerDuplexStream<Request, Buffer>;

export class XdsServer {
  port = 0;
  private readonly server = new Server();
  /** Names that Envoy has asked for on its stream, and what to do with its next answer. */
  private stream: Stream | null = null;
  private asked: string[] = [];
  private answers = new Map<string, (answer: "ACK" | "NACK") => void>();
  private version = 0;

  constructor(private readonly wasm: string) {
    const handle: handleBidiStreamingCall<Request, Buffer> = (stream) => this.serve(stream);
    const same = (bytes: Buffer) => bytes;
    const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
    const method = { path, requestStream: true, responseStream: true };
    const codec = { requestDeserialize: readRequest, requestSerialize: () => Buffer.alloc(0) };
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
   * Sends each of these listeners its configuration of the plugin, once Envoy has asked for all of them, and says what
   * Envoy made of it. Until then Envoy hears nothing: its first filter comes as late as the first push.
   */
  async push(
    listeners: readonly string[],
    configuration: (listener: string) => Uint8Array,
    timeoutMs = 10_000,
  ): Promise<"ACK" | "NACK"> {
    const deadline = Date.now() + timeoutMs;
    while (!listeners.every((name) => this.asked.includes(resourceName(name)))) {
      if (Date.now() > deadline) throw new Error(`Envoy has asked for ${this.asked.join(", ") || "nothing"}`);
      await sleep(5);
    }
    const resources = listeners.map((name) =>
      any(2, EXTENSION_CONFIG, resource(this.wasm, name, configuration(name))),
    );
    const nonce = String(++this.version);
    this.stream!.write(
      Buffer.concat([field(1, nonce), ...resources, field(4, EXTENSION_CONFIG), field(5, nonce)]),
    );
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
    stream.on("data", ({ type, names, nonce, error }: Request) => {
      if (type !== EXTENSION_CONFIG) return;
      this.stream = stream;
      this.asked = names;
      this.answers.get(nonce)?.(error ? "NACK" : "ACK");
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
