/** An upstream that speaks gRPC: what each of its methods does is a list of steps, which the simulator can follow too. */
import net from "node:net";
import { type handleBidiStreamingCall, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Pair } from "../../host-sim/index.ts";
import type { ClusterOptions } from "../../scripts/render/bootstrap.ts";
import { freePort } from "../support/free-port.ts";
import type { Received } from "./exchange.ts";

export type Step =
  /** Until so many messages have come, or the last. */
  | { readonly await: number }
  | { readonly initialMetadata: readonly Pair[] }
  | { readonly message: string }
  | { readonly status: number; readonly text: string; readonly trailingMetadata?: readonly Pair[] }
  /** The connection is cut. */
  | "cut";

/** By path, `/SERVICE/METHOD`; looked up when a call comes. */
export type Methods = Record<string, readonly Step[]>;

/** What a cluster's upstream is: one that nobody listens for, one that takes all and never answers, or one with methods. */
export type GrpcCluster = "down" | "mute" | Methods;

export interface GrpcServer {
  readonly cluster: ClusterOptions;
  /** Calls that were answered since the last look. */
  readonly received: Received[];
  stop(): void;
}

export async function startGrpc(name: string, what: GrpcCluster): Promise<GrpcServer> {
  if (typeof what !== "string") return GrpcUpstream.start(name, what);
  if (what === "down")
    return { cluster: { name, port: await freePort(), grpc: true }, received: [], stop() {} };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { cluster: { name, port, grpc: true }, received: [], stop };
}

class GrpcUpstream implements GrpcServer {
  readonly received: Received[] = [];
  readonly #name: string;
  readonly #server = new Server();
  #port = 0;

  private constructor(name: string, methods: Methods) {
    this.#name = name;
    const same = (bytes: Buffer) => bytes;
    for (const path of Object.keys(methods)) {
      this.#server.register(path, this.#handler(path, methods), same, same, "bidi");
    }
  }

  static async start(name: string, methods: Methods): Promise<GrpcUpstream> {
    const upstream = new GrpcUpstream(name, methods);
    const insecure = ServerCredentials.createInsecure();
    upstream.#port = await new Promise<number>((resolve, reject) =>
      upstream.#server.bindAsync("127.0.0.1:0", insecure, (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    return upstream;
  }

  get cluster(): ClusterOptions {
    return { name: this.#name, port: this.#port, grpc: true };
  }

  #handler(path: string, methods: Methods): handleBidiStreamingCall<Buffer, Buffer> {
    return (stream) => {
      const messages: string[] = [];
      const steps = [...methods[path]!];
      let ended = false;
      const headers = Object.entries(stream.metadata.getMap()).map(
        ([name, value]): Pair => [name, `${value}`],
      );
      const go = (): void => {
        for (let step = steps[0]; step !== undefined; step = steps[0]) {
          if (step !== "cut" && "await" in step && messages.length < step.await && !ended) return;
          steps.shift();
          if (step === "cut") this.#server.drain(`127.0.0.1:${this.#port}`, 0);
          else if ("initialMetadata" in step) stream.sendMetadata(metadataOf(step.initialMetadata));
          else if ("message" in step) stream.write(Buffer.from(step.message, "latin1"));
          else if ("status" in step) {
            const body = messages.join("|");
            this.received.push({ cluster: this.#name, method: "POST", path, headers, body });
            const metadata = metadataOf(step.trailingMetadata ?? []);
            stream.emit("error", { code: step.status, details: step.text, metadata });
          }
        }
      };
      stream.on("data", (bytes: Buffer) => {
        messages.push(bytes.toString("latin1"));
        go();
      });
      stream.on("end", () => {
        ended = true;
        go();
      });
      go();
    };
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

function metadataOf(pairs: readonly Pair[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of pairs) metadata.add(name, value);
  return metadata;
}
