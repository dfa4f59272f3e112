/**
 * Whom a gRPC call of a guest goes to: Envoy takes a serialized `envoy.config.core.v3.GrpcService`, and where the bytes
 * are none, the name of a cluster.
 */
import type { Pair } from "./memory.ts";

export interface GrpcService {
  /** The cluster's name, or the address that Envoy's other gRPC client would call; null where the message has neither. */
  readonly upstream: string | null;
  /** What the service adds to the initial metadata. */
  readonly metadata: readonly Pair[];
}

/** A field of a message: its number, and its bytes if it has a length. */
interface Field {
  readonly number: number;
  readonly bytes: Uint8Array | null;
}

const VARINT_BYTES = 10;
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** The fields of a message; null where the bytes are none. */
function fieldsOf(message: Uint8Array): Field[] | null {
  const fields: Field[] = [];
  /** The numbers of groups that have begun, the innermost last. */
  const groups: number[] = [];
  let at = 0;
  const varint = (): number | null => {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES; i++) {
      const byte = message[at++];
      if (byte === undefined) return null;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    return null;
  };
  while (at < message.length) {
    const tag = varint();
    if (tag === null || tag > 0xffffffff || tag < 8) return null;
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    let bytes: Uint8Array | null = null;
    if (type === 0) {
      if (varint() === null) return null;
    } else if (type === 2) {
      const size = varint();
      if (size === null || at + size > message.length) return null;
      bytes = message.subarray(at, at + size);
      at += size;
    } else if (type === 3) groups.push(number);
    else if (type === 4) {
      if (groups.pop() !== number) return null;
    } else {
      const size = FIXED[type];
      if (size === undefined || at + size > message.length) return null;
      at += size;
    }
    if (groups.length === 0 && type !== 4) fields.push({ number, bytes });
  }
  return groups.length === 0 ? fields : null;
}

/** The last of these texts, or "" if there is none; null where it is no UTF-8. */
function textOf(fields: readonly Field[], number: number): string | null {
  let text = "";
  for (const field of fields) {
    if (field.number !== number || field.bytes === null) continue;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(field.bytes);
    } catch {
      return null;
    }
  }
  return text;
}

const HEADER_KEY = 1;
const HEADER_VALUE = 2;

function headerOf(bytes: Uint8Array): Pair | null {
  const fields = fieldsOf(bytes);
  if (fields === null) return null;
  const name = textOf(fields, HEADER_KEY);
  const value = textOf(fields, HEADER_VALUE);
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
      upstream = target && textOf(target, 1);
      if (upstream === null) return null;
    } else if (number === INITIAL_METADATA) {
      const header = headerOf(bytes);
      if (header === null) return null;
      metadata.push(header);
    }
  }
  return { upstream, metadata };
}
