// Jobs whose headers wait for their bodies, over all listeners of a worker and the oldest first: strangers may hold only
// so many of them, so many bytes, and for so long.

import { now } from "./clock";

const NANOSECONDS: u64 = 1_000_000_000;

@unmanaged
export class Held {
  stream: u32;
  /** So many of its body wait in the proxy. */
  bytes: u32;
  /** On the proxy's clock, in nanoseconds. */
  since: u64;
  /** For how long. */
  patience: u64;
  older: Held | null;
  newer: Held | null;
}

export let oldest: Held | null = null;
let newest: Held | null = null;
/** Of all of them. */
export let streams: u32 = 0;
export let bytes: u64 = 0;

export function add(stream: u32, seconds: u32): Held {
  const held = changetype<Held>(heap.alloc(offsetof<Held>()));
  held.stream = stream;
  held.bytes = 0;
  held.since = now();
  held.patience = <u64>seconds * NANOSECONDS;
  held.older = newest;
  held.newer = null;
  if (newest) newest!.newer = held;
  else oldest = held;
  newest = held;
  streams++;
  return held;
}

/** So many bytes of its body wait by now. */
export function grow(held: Held, size: u32): void {
  bytes += <u64>size - held.bytes;
  held.bytes = size;
}

/** The proxy's clock may be set back: then what waits begins anew, and waits no longer than that. */
export function isOverdue(held: Held, now: u64): bool {
  if (now < held.since) held.since = now;
  return now - held.since >= held.patience;
}

export function remove(held: Held): void {
  if (held.older) held.older!.newer = held.newer;
  else oldest = held.newer;
  if (held.newer) held.newer!.older = held.older;
  else newest = held.older;
  streams--;
  bytes -= held.bytes;
  heap.free(changetype<usize>(held));
}
