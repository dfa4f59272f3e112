// The plugin's configuration: the table's bytes, or base64 of them, or JSON {"listener": …, "table": base64}.

import { decodeBase64, decodedRoom } from "./base64";
import { loadTable } from "./check";
import { MAGIC } from "./layout";
import * as message from "./message";
import { Table } from "./table";

/** Where the JSON named the listener; no length where it did not. In the memory of the configuration itself. */
export let listener: usize = 0;
export let listenerLength: u32 = 0;

let encoded: usize = 0;
let encodedLength: u32 = 0;

/** @returns null where the configuration is refused: then the message says what and where */
export function readConfiguration(at: usize, length: u32): Table | null {
  listener = 0;
  listenerLength = 0;
  if (length == 0) {
    message.text("the configuration is empty: it should be a table");
    return null;
  }
  if (length >= 4 && load<u32>(at) == MAGIC) {
    const bytes = heap.alloc(length + 8);
    memory.copy(bytes, at, length);
    return loadTable(bytes, length);
  }
  encoded = at;
  encodedLength = length;
  cursor = at;
  end = at + length;
  if (next() == 0x7b && !readJson(at)) return null;

  const bytes = heap.alloc(decodedRoom(encodedLength) + 8);
  const written = decodeBase64(encoded, encodedLength, bytes);
  if (written >= 0) return loadTable(bytes, written);
  heap.free(bytes);
  message.text("the configuration is neither a table nor base64: character ");
  message.decimal(<u32>(encoded - at) - written);
  return null;
}

// ---- The one JSON object that we read: two known names, each with a string ------------------------------

let cursor: usize = 0;
let end: usize = 0;

/** Reads on after the opening brace. */
function readJson(at: usize): bool {
  let hasTable = false;
  let hasListener = false;
  let c: u32 = 0x2c;
  while (c == 0x2c) {
    if (!readString()) return failJson(at, "a name in quotes");
    const isTable = textIs("table");
    if (!isTable && !textIs("listener")) {
      message.text('the configuration has an unknown name, or not as plain text: "');
      message.bytes(text, textLength < 40 ? textLength : 40);
      message.text('"; "table" and "listener" are known');
      return false;
    }
    if (isTable ? hasTable : hasListener) return failJson(at, "each name once");
    if (next() != 0x3a) return failJson(at, "a colon");
    if (!readString()) return failJson(at, "text in quotes");
    if (isTable) {
      hasTable = true;
      encoded = text;
      encodedLength = textLength;
    } else {
      hasListener = true;
      listener = text;
      listenerLength = textLength;
    }
    c = next();
  }
  if (c != 0x7d) return failJson(at, "a comma or a closing brace");
  if (next() != 0) return failJson(at, "nothing after the object");
  if (hasTable) return true;
  message.text('the configuration has no "table"');
  return false;
}

function failJson(at: usize, expected: string): bool {
  message.text("the configuration is not the JSON that is expected: ");
  message.text(expected);
  message.text(" at character ");
  message.decimal(<u32>(cursor - at));
  return false;
}

/** The next character that is not white space, passed over; 0 at the end. */
function next(): u32 {
  while (cursor < end) {
    const c: u32 = load<u8>(cursor++);
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return c;
  }
  return 0;
}

let text: usize = 0;
let textLength: u32 = 0;

function textIs(literal: string): bool {
  if (textLength != literal.length) return false;
  for (let i = 0; i < literal.length; i++) {
    if (load<u8>(text + i) != literal.charCodeAt(i)) return false;
  }
  return true;
}

/** Reads a JSON string, its escapes undone in place: what they stand for is never longer than they are. */
function readString(): bool {
  if (next() != 0x22) return false;
  text = cursor;
  let to = cursor;
  while (cursor < end) {
    let c: u32 = load<u8>(cursor++);
    if (c == 0x22) {
      textLength = <u32>(to - text);
      return true;
    }
    if (c < 0x20) return false;
    if (c == 0x5c) {
      c = readEscape();
      if (c == 0) return false;
    }
    store<u8>(to++, <u8>c);
  }
  return false;
}

/** What stands after a backslash; 0 where it is none of JSON's, or not ASCII: names and base64 need no more. */
function readEscape(): u32 {
  if (cursor >= end) return 0;
  const c: u32 = load<u8>(cursor++);
  if (c == 0x22 || c == 0x5c || c == 0x2f) return c;
  if (c == 0x6e) return 0x0a;
  if (c == 0x72) return 0x0d;
  if (c == 0x74) return 0x09;
  if (c != 0x75 || end - cursor < 4) return 0;
  let value: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(load<u8>(cursor++));
    if (digit < 0) return 0;
    value = (value << 4) | digit;
  }
  return value < 0x80 ? value : 0;
}

function hexDigit(c: u32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
