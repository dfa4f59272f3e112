// Who asks: the client's address, read where a rule asks for it. As text for shares, and as hexadecimal digits, of
// which a network is a beginning.

import * as bytes from "./bytes";
import { hexDigit, indexOf } from "./bytes";
import * as C from "./characters";
import { readForwarded } from "./forwarded";
import { withoutPort } from "./host";
import * as L from "./layout";
import * as read from "./read";
import { Table } from "./table";

/** Without port and brackets; no length where nobody knows it. */
export let address: usize = 0;
export let addressLength: u32 = 0;
/** `4` and 8 hexadecimal digits, or `6` and 32; no length where the address is none. */
export const digits = memory.data(48);
export let digitsLength: u32 = 0;

let listener: usize = 0;
let hasAddress: bool = false;
let hasDigits: bool = false;

/** Another request. @param at the entry of its listener in LSTN */
export function forget(at: usize): void {
  listener = at;
  hasAddress = false;
  hasDigits = false;
}

/** On an internal listener X-Forwarded-For says who asked, on an edge the connection does. */
export function readAddress(table: Table): void {
  if (hasAddress) return;
  hasAddress = true;
  const isInternal = (load<u8>(listener + L.LISTENER_FLAGS) & L.LISTENER_FLAG_INTERNAL) != 0;
  if (isInternal && readForwarded(table, load<u8>(listener + L.LISTENER_TRUSTED_HOPS))) {
    address = bytes.trimmed;
    addressLength = bytes.trimmedLength;
    return;
  }
  read.readClientAddress();
  address = read.property;
  addressLength = withoutPort(address, read.propertyLength);
  if (addressLength > 1 && load<u8>(address) == C.OPEN_BRACKET) {
    address++; // [v6]
    addressLength -= 2;
  }
}

export function readDigits(table: Table): void {
  if (hasDigits) return;
  hasDigits = true;
  readAddress(table);
  digitsLength = 0;
  if (readFour(address, addressLength, parsed)) write(C.FOUR, parsed, 4);
  else if (readSix(address, indexOf(address, addressLength, C.PERCENT))) writeSix(); // `%` begins a zone
}

/** An address as its 4 or 16 bytes. */
const parsed = memory.data(16);

/** Four decimal numbers with dots between them. */
function readFour(at: usize, length: u32, to: usize): bool {
  let numbers: u32 = 0;
  let number: u32 = 0;
  let size: u32 = 0;
  for (let i: u32 = 0; i <= length; i++) {
    const byte: u32 = i < length ? load<u8>(at + i) : C.DOT;
    if (byte == C.DOT) {
      if (size == 0 || numbers == 4) return false;
      store<u8>(to + numbers++, <u8>number);
      number = 0;
      size = 0;
    } else {
      // A zero in front would make it octal to some.
      if (byte < C.ZERO || byte > C.NINE || (size == 1 && number == 0)) return false;
      number = 10 * number + byte - C.ZERO;
      if (number > 255) return false;
      size++;
    }
  }
  return numbers == 4;
}

/** Groups of 16 bits between `:`; `::` stands, once, for those that are zero; the last two may be as in IPv4. */
function readSix(at: usize, length: u32): bool {
  let written: u32 = 0;
  let gap: u32 = 16; // where `::` stands; 16: nowhere
  let i: u32 = 0;
  if (length >= 2 && load<u8>(at) == C.COLON && load<u8>(at, 1) == C.COLON) {
    gap = 0;
    i = 2;
  }
  while (i < length) {
    if (written == 16) return false;
    const size = indexOf(at + i, length - i, C.COLON);
    if (size > 4) {
      if (written > 12 || i + size != length || !readFour(at + i, size, parsed + written)) return false;
      written += 4;
      break;
    }
    const group = readGroup(at + i, size);
    if (group < 0) return false;
    store<u16>(parsed + written, bswap<u16>(<u16>group));
    written += 2;
    i += size;
    if (i == length) break;
    if (++i == length) return false;
    if (load<u8>(at + i) != C.COLON) continue;
    if (gap != 16) return false;
    gap = written;
    i++;
  }
  if (gap == 16) return written == 16;
  if (written == 16) return false;
  memory.copy(parsed + 16 - (written - gap), parsed + gap, written - gap);
  memory.fill(parsed + gap, 0, 16 - written);
  return true;
}

/** One to four hexadecimal digits; -1 for anything else. */
function readGroup(at: usize, size: u32): i32 {
  if (size == 0) return -1;
  let group: i32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const digit = hexDigit(load<u8>(at + i));
    if (digit < 0) return -1;
    group = (group << 4) | digit;
  }
  return group;
}

/** An IPv4 address that is written as one of IPv6 is that IPv4 address. */
function writeSix(): void {
  const isFour = load<u64>(parsed) == 0 && load<u32>(parsed, 8) == 0xffff0000;
  if (isFour) write(C.FOUR, parsed + 12, 4);
  else write(C.SIX, parsed, 16);
}

function write(kind: u32, at: usize, size: u32): void {
  store<u8>(digits, <u8>kind);
  for (let i: u32 = 0; i < size; i++) {
    const byte: u32 = load<u8>(at + i);
    store<u8>(digits + 1 + (i << 1), hexDigitOf(byte >> 4));
    store<u8>(digits + 2 + (i << 1), hexDigitOf(byte & 15));
  }
  digitsLength = 1 + (size << 1);
}

function hexDigitOf(value: u32): u8 {
  return <u8>(value < 10 ? C.ZERO + value : C.LOWER_A - 10 + value);
}
