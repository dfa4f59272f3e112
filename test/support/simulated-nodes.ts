/** Proxies of which only the stream is there, thousands of them in one process: each takes whatever it is sent. */
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { EXTENSION_CONFIG, readVersion, writeAsked } from "../../scripts/serve/messages.ts";

const ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const LISTENER = "pointsman-main";

export class SimulatedNodes {
  /** What each was sent last, and has acknowledged. */
  readonly versions: string[];
  /** Why streams ended; their nodes have begun another one, as Envoys do. */
  readonly ends: string[] = [];
  private readonly clients: Client[] = [];
  private readonly streams: ClientDuplexStream<Buffer, { versionInfo: string; nonce: string }>[] = [];
  private isClosed = false;

  constructor(port: number, count: number) {
    this.versions = Array.from({ length: count }, () => "");
    for (let i = 0; i < count; i++) {
      // A connection each.
      const options = { "grpc.use_local_subchannel_pool": 1 };
      this.clients.push(new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options));
      this.open(i);
    }
  }

  private open(i: number): void {
    const stream = this.clients[i]!.makeBidiStreamRequest(ADS, (bytes: Buffer) => bytes, readVersion);
    this.streams[i] = stream;
    stream.on("data", ({ versionInfo, nonce }) => {
      this.versions[i] = versionInfo;
      stream.write(ask({ versionInfo, responseNonce: nonce }));
    });
    stream.on("error", (error: Error) => {
      if (this.isClosed) return;
      this.ends.push(error.message);
      setTimeout(() => this.open(i), 1000 * Math.random());
    });
    const node = { id: `node-${i}`, cluster: "edge" };
    stream.write(ask({ node: node as never, versionInfo: this.versions[i]! }));
  }

  /** How many have this generation. */
  having(generation: number): number {
    return this.versions.filter((version) => version.startsWith(`${generation}-`)).length;
  }

  close(): void {
    this.isClosed = true;
    for (const stream of this.streams) stream.cancel();
    for (const client of this.clients) client.close();
  }
}

function ask(more: Parameters<typeof writeAsked>[0]): Buffer {
  return Buffer.from(writeAsked({ resourceNames: [LISTENER], typeUrl: EXTENSION_CONFIG, ...more }));
}
