/** A proxy of which only the stream is there: it asks an xDS server for filters, and answers as it is told. */
import { ChannelCredentials, Client, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import {
  type Asked,
  EXTENSION_CONFIG,
  readSent,
  type Sent,
  writeAsked,
} from "../../scripts/serve/messages.ts";

const ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

export interface NodeSaid {
  id?: string;
  cluster?: string;
  locality?: { region: string; zone: string; subZone: string };
  /** Under `pointsman` in its metadata. */
  settings?: Record<string, string>;
}

export class XdsClient {
  /** All that came, the oldest first. */
  readonly sent: Sent[] = [];
  error: ServiceError | null = null;
  private readonly client: Client;
  private readonly stream: ClientDuplexStream<Buffer, Sent>;

  constructor(port: number, credentials = ChannelCredentials.createInsecure(), path = ADS) {
    this.client = new Client(`127.0.0.1:${port}`, credentials);
    this.stream = this.client.makeBidiStreamRequest(path, (bytes) => bytes, readSent);
    this.stream.on("data", (sent: Sent) => this.sent.push(sent));
    this.stream.on("error", (error: ServiceError) => {
      this.error = error;
    });
  }

  ask(node: NodeSaid | null, listeners: string[], more: Partial<Asked> = {}): void {
    const asked: Partial<Asked> = {
      ...(node && { node: nodeOf(node) as never }),
      resourceNames: listeners.map((one) => `pointsman-${one}`),
      typeUrl: EXTENSION_CONFIG,
      ...more,
    };
    this.write(Buffer.from(writeAsked(asked)));
  }

  /** Whatever it is. */
  write(bytes: Buffer): void {
    this.stream.write(bytes);
  }

  /** Answers what came last. @param error it is refused */
  answer(listeners: string[], error: string | null = null): void {
    const { nonce, versionInfo } = this.sent.at(-1)!;
    this.ask(null, listeners, {
      responseNonce: nonce,
      ...(error === null ? { versionInfo } : { errorDetail: { message: error } }),
    });
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}

function nodeOf({ id = "envoy-1", cluster = "edge", locality, settings = {} }: NodeSaid): object {
  const fields = Object.fromEntries(
    Object.entries(settings).map(([key, stringValue]) => [key, { stringValue }]),
  );
  return { id, cluster, locality, metadata: { fields: { pointsman: { structValue: { fields } } } } };
}
