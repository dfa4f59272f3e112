/**
 * Whom a gRPC call of a guest goes to: Envoy takes a serialized `envoy.config.core.v3.GrpcService`, and where the bytes
 * are none, the name of a cluster.
 */
import type { Pair } from "./memory.ts";
import { fieldsOf, utf8Of } from "./protobuf.ts";

export interface GrpcService {
  /** The cluster's name, or the address that Envoy's other gRPC client would call; null where the message has neither. */
  readonly upstream: string | null;
  /** What the service adds to the initial metadata. */
  readonly metadata: readonly Pair[];
}

const HEADER_KEY = 1;
const HEADER_VALUE = 2;

function headerOf(bytes: Uint8Array): Pair | null {
  const fields = fieldsOf(bytes);
  if (fields === null) return null;
  const name = utf8Of(fields, HEADER_KEY);
  const value = utf8Of(fields, HEADER_VALUE);
  return name === null || value === null ? null : [name, value];
}

/** `envoy_grpc` and `google_grpc`: both have a name as their first field. */
const TARGETS: ReadonlySet<number> = new Set([1, 2]);
const INITIAL_METADATA = 5;

/** null where the bytes are no such message. */
export function parseGrpcService(bytes: Uint8Array): GrpcService | null {
  const fields = fieldsOf(bytes);
  if (fields === null) return null;
  let upstream: string | null = null;
  const metadata: Pair[] = [];
  for (const { number, bytes } of fields) {
    if (bytes === null) continue;
    if (TARGETS.has(number)) {
      const target = fieldsOf(bytes);
      upstream = target && utf8Of(target, 1);
      if (upstream === null) return null;
    } else if (number === INITIAL_METADATA) {
      const header = headerOf(bytes);
      if (header === null) return null;
      metadata.push(header);
    }
  }
  return { upstream, metadata };
}
