// One line of text for the log, written into fixed memory: the filter has no strings of its own at run time.

import { proxy_log } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as C from "./characters";
import { Text } from "./text";

const ROOM: i32 = 512;
const start = memory.data(512);
let length: i32 = 0;

/** Why a table is refused: of refusals.ts. */
export let code: u32 = 0;

export function because(number: u32): void {
  code = number;
}

export function clear(): void {
  length = 0;
}

export function byte(value: u32): void {
  if (length < ROOM) store<u8>(start + length++, <u8>value);
}

export function text(text: Text): void {
  for (let i: u32 = 0; i < text.length; i++) byte(load<u8>(text.at + i));
}

/** A literal that TypeScript has as well, see section-reader.ts. */
export function literal(text: string): void {
  for (let i = 0; i < text.length; i++) byte(text.charCodeAt(i));
}

/** Bytes from outside: what is not printable ASCII shows as "?", so that a log line stays one line. */
export function bytes(from: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const c = load<u8>(from + i);
    byte(c >= C.SPACE && c <= C.TILDE ? c : C.QUESTION);
  }
}

export function decimal(value: u32): void {
  if (value >= 10) decimal(value / 10);
  byte(C.ZERO + (value % 10));
}

export function hexadecimal(from: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const c: u32 = load<u8>(from + i);
    nibble(c >> 4);
    nibble(c & 15);
  }
}

function nibble(value: u32): void {
  byte(value < 10 ? C.ZERO + value : C.LOWER_A - 10 + value);
}

/** A section's name: its four letters are the bytes of the number. */
export function sectionName(name: u32): void {
  for (let shift: u32 = 0; shift < 32; shift += 8) {
    const c = (name >> shift) & 0xff;
    byte(c > C.SPACE && c <= C.TILDE ? c : C.QUESTION);
  }
}

export function log(level: usize): void {
  proxy_log(level, start, length);
}

/** Where the line lies; `size` says how long it is. */
export function address(): usize {
  return start;
}

export function size(): i32 {
  return length;
}
