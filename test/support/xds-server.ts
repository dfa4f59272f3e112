/**
 * An xDS server for one Envoy: the filter by ADS, state of the world. Messages are written by hand, as there are few and
 * each is small: field numbers are those of envoy/service/discovery/v3 and envoy/extensions/wasm/v3.
 */
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from "@grpc/grpc-js";

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

/** TypedExtensionConfig of the Wasm filter. */
function resource(wasm: string, listener: string, configuration: Uint8Array): Buffer {
  const code = field(3, field(1, field(1, wasm)));
  const vm = field(3, field(1, "pointsman"), field(2, "envoy.wasm.runtime.v8"), code);
  const plugin = [field(1, "pointsman"), field(2, listener), vm];
  const bytes = any(4, `${TYPE}google.protobuf.BytesValue`, field(1, configuration));
  const filter = any(2, `${TYPE}envoy.extensions.filters.http.wasm.v3.Wasm`, field(1, ...plugin, bytes));
  return Buffer.concat([field(1, "pointsman"), filter]);
}

interface Request {
  type: string;
  nonce: string;
  /** Its error_detail, where it is a NACK. */
  error: Buffer | null;
}

/** DiscoveryRequest: fields with lengths alone occur in what we ask of it. */
function readRequest(bytes: Buffer): Request {
  const fields = new Map<number, Buffer>();
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
    fields.set(tag >> 3, bytes.subarray(at, at + length));
    at += length;
  }
  const text = (field: number) => fields.get(field)?.toString() ?? "";
  return { type: text(4), nonce: text(5), error: fields.get(6) ?? null };
}

type Stream = ServerDuplexStream<Request, Buffer>;

export class XdsServer {
  port = 0;
  private readonly server = new Server();
  private readonly streams = new Set<Stream>();
  private answers = new Map<string, (answer: "ACK" | "NACK") => void>();
  private version = 0;
  private current: Buffer;

  constructor(
    private readonly wasm: string,
    private readonly listener: string,
    configuration: Uint8Array,
  ) {
    this.current = resource(wasm, listener, configuration);
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

  /** Sends this configuration of the plugin, and says what Envoy made of it. */
  async push(configuration: Uint8Array): Promise<"ACK" | "NACK"> {
    this.current = resource(this.wasm, this.listener, configuration);
    const [stream] = this.streams;
    if (!stream) throw new Error("no Envoy has asked for the filter");
    return new Promise((resolve) => this.answers.set(this.send(stream), resolve));
  }

  private serve(stream: Stream): void {
    stream.on("data", ({ type, nonce, error }: Request) => {
      if (type !== EXTENSION_CONFIG) return;
      if (nonce === "") {
        this.streams.add(stream);
        this.send(stream);
      }
      this.answers.get(nonce)?.(error ? "NACK" : "ACK");
    });
    stream.on("end", () => stream.end());
    stream.on("close", () => this.streams.delete(stream));
    stream.on("error", () => {});
  }

  /** @returns its nonce */
  private send(stream: Stream): string {
    const nonce = String(++this.version);
    const resources = any(2, EXTENSION_CONFIG, this.current);
    stream.write(Buffer.concat([field(1, nonce), resources, field(4, EXTENSION_CONFIG), field(5, nonce)]));
    return nonce;
  }
}
