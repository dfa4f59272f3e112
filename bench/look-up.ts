/** How long the filter's look-up of a host takes inside a Wasm VM (this Node's V8, as Envoy's is). */
import { readFile } from "node:fs/promises";
import { hashKey, partOf } from "../scripts/table/hash.ts";
import type { Table } from "../scripts/table/table.ts";
import { Random } from "./random.ts";

export interface LookUps {
  /** ns a look-up, by what is looked up. */
  nanos: Record<KeyKind, number>;
}

export type KeyKind = "known" | "unknown" | "near misses" | "one bucket" | "long";

/** Of compiled `guests/look-up.ts`. */
interface Guest {
  memory: { buffer: ArrayBuffer };
  take(size: number): number;
  open(bytes: number, length: number): number;
  lookUp(keys: number, count: number, rounds: number): number;
  walk(keys: number, count: number, rounds: number): number;
  _initialize(): void;
}

const KEYS = 20_000;
/** Keys that are looked up in one go. */
const PIECE = 1_000;
const ROUNDS = 30;
/** A host has at most 253 characters; a header may be longer. */
const LONG = 250;

export async function measureLookUps(wasm: string, table: Table, hosts: readonly string[]): Promise<LookUps> {
  const guest = await load(wasm, table.bytes);
  const nanos = {} as Record<KeyKind, number>;
  for (const [kind, keys] of Object.entries(keysFor(table, hosts))) {
    nanos[kind as KeyKind] = time(guest, keys);
  }
  return { nanos };
}

async function load(wasm: string, table: Uint8Array): Promise<Guest> {
  const module = await WebAssembly.compile(await readFile(wasm));
  // The host calls that the filter's parts import; none is made while a good table is loaded.
  const env = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => 0]));
  const instance = new WebAssembly.Instance(module, { env });
  const guest = instance.exports as unknown as Guest;
  guest._initialize();
  const at = guest.take(table.length);
  new Uint8Array(guest.memory.buffer).set(table, at);
  if (!guest.open(at, table.length)) throw new Error("the table is refused by the filter's own checks");
  return guest;
}

/** In an order that the caches do not know, each list as long as the others. */
function keysFor(table: Table, hosts: readonly string[]): Record<KeyKind, string[]> {
  const random = new Random(1);
  const some = Array.from({ length: KEYS }, () => random.pick(hosts));
  const changed = (host: string) => {
    const at = random.below(host.length);
    const other = String.fromCharCode(97 + random.below(26));
    return `${host.slice(0, at)}${other}${host.slice(at + 1)}`;
  };
  // Keys of one bucket: an attacker who knows the table can choose them.
  const bucketOf = (key: string) => partOf(hashKey(key, table.hosts.seed).a, table.hosts.buckets);
  const bucket = bucketOf(hosts[0]!);
  const same: string[] = [];
  for (let n = 0; same.length < 20 && n < 4_000_000; n++) {
    const key = `attack${n.toString(36)}.example`;
    if (bucketOf(key) === bucket) same.push(key);
  }
  if (same.length === 0) same.push(hosts[0]!);
  return {
    known: some,
    unknown: some.map((_, n) => `host${n.toString(36)}.nowhere.example`),
    "near misses": some.map(changed),
    "one bucket": some.map((_, n) => same[n % same.length]!),
    long: some.map((host) => host.padStart(LONG, "a.")),
  };
}

/**
 * ns a key, without the loop around it. Keys are looked up in pieces so short that most are not interrupted: of each
 * piece the least time counts, and the pieces between two looks at one keep it out of the nearest caches.
 */
function time(guest: Guest, keys: readonly string[]): number {
  const pieces: { at: number; count: number; looked: number; walked: number }[] = [];
  for (let first = 0; first < keys.length; first += PIECE) {
    const some = keys.slice(first, first + PIECE);
    const bytes = Buffer.concat(some.map(entryOf));
    const at = guest.take(bytes.length);
    new Uint8Array(guest.memory.buffer).set(bytes, at);
    const never = Number.POSITIVE_INFINITY;
    pieces.push({ at, count: some.length, looked: never, walked: never });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const piece of pieces) {
      const { at, count } = piece;
      const began = performance.now();
      guest.lookUp(at, count, 1);
      const between = performance.now();
      guest.walk(at, count, 1);
      piece.looked = Math.min(piece.looked, between - began);
      piece.walked = Math.min(piece.walked, performance.now() - between);
    }
  }
  const all = pieces.reduce((sum, { looked, walked }) => sum + looked - walked, 0);
  return (all * 1e6) / keys.length;
}

function entryOf(key: string): Buffer {
  const entry = Buffer.alloc(2 + key.length);
  entry.writeUInt16LE(key.length);
  entry.write(key, 2, "latin1");
  return entry;
}
