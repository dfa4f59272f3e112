/** How much a guest may ask of the host: beyond it the guest is trapped, and the trap names the bound. */
import { GuestTrap } from "./trap.ts";

/** Host calls in one callback. */
export const HOST_CALLS = 1_000_000;

/** Bytes that pass between guest and host in one callback, both ways together. */
export const PASSED_BYTES = 512 * 1024 * 1024;

/** Callbacks of which each is there only because of what the guest asked for in the one before. */
export const FOLLOWING_CALLBACKS = 100;

/** Replies, continuations and notices that wait for the guest to return. */
export const DEFERRED = 10_000;

/** HTTP calls, or gRPC calls and streams, that a plugin has at a time. */
export const OPEN_CALLS = 10_000;

/** Headers in a map. */
export const HEADERS = 10_000;

/** Things of one other kind that the host keeps: messages of a stream, values of a queue, keys, metrics. */
export const KEPT = 100_000;

/** @param what is counted, as `headers in a map` */
export function trapBeyond(limit: number, count: number, what: string): void {
  if (count > limit) throw new GuestTrap(`more than ${limit} ${what}`);
}
