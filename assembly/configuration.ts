// The plugin's configuration: the table's bytes, or base64 of them, or a JSON object {"listener", "datacentre",
// "primary", "cluster-header", "attempt", "shadow", "table": base64}; without "table" in it, the table's bytes follow
// the object.

import { allocBlock, BLOCK_HEAD, keepBlock } from "./arena";
import { decodeBase64 } from "./base64";
import { areEqual, hexDigit } from "./bytes";
import * as C from "./characters";
import { crc32 } from "./crc32";
import * as L from "./layout";
import { loadTable } from "./load";
import * as message from "./message";
import { REFUSED_CLUSTER_HEADER, REFUSED_CONFIGURATION, REFUSED_LISTENER, REFUSED_ROOM } from "./refusals";
import { emitHeader, emitKind, headerName, isString, Table } from "./table";
import { ascii, Text } from "./text";

// What the JSON says, in the memory of the configuration itself; no length where it does not say it.
export let listener: usize = 0;
export let listenerLength: u32 = 0;
let datacentre: usize = 0;
let datacentreLength: u32 = 0;
let primary: usize = 0;
let primaryLength: u32 = 0;
let clusterHeader: usize = 0;
let clusterHeaderLength: u32 = 0;
let attempt: usize = 0;
let attemptLength: u32 = 0;
/** The filter decides and only tells: see shadow.ts. */
export let isShadow: bool = false;

/** Tells what brings this table from what brought others. */
export function hash(table: Table): u32 {
  return crc32(attempt, attemptLength) ^ load<u32>(table.bytes + L.HEADER_CHECKSUM);
}

/** Where the JSON does not name the listener, something else does. */
export function setListener(at: usize, length: u32): void {
  listener = at;
  listenerLength = length;
}

/**
 * The listener's entry in LSTN. One that is not named is the table's first; a table whose listener has no name
 * takes any that a table could have.
 * @returns 0 where there is none of that name: then the message says so
 */
export function findListener(table: Table): usize {
  if (listenerLength == 0) return table.listeners;
  let at = table.listeners;
  for (let i = table.listenerCount; i > 0; i--) {
    const name: u32 = load<u16>(at + L.LISTENER_NAME);
    const isIt =
      name == L.NONE ? listenerLength <= L.MAX_STRING_BYTES : isString(table, name, listener, listenerLength);
    if (isIt) return at;
    at += L.LISTENER_ENTRY;
  }
  message.because(REFUSED_LISTENER);
  message.text(ascii('the table has no listener "'));
  message.bytes(listener, listenerLength < 60 ? listenerLength : 60);
  message.text(ascii('"'));
  return 0;
}

/**
 * The proxy is in a secondary data centre. Which it is in, the configuration says, else the table
 * does for the listener; where either is not known, it is the primary.
 */
export function isSecondary(table: Table, at: usize): bool {
  let own = datacentre;
  let length = datacentreLength;
  const declared: u32 = load<u16>(at + L.LISTENER_DATACENTRE);
  if (length == 0 && declared != L.NONE) {
    own = table.stringAt(declared);
    length = table.stringLength(declared);
  }
  if (length == 0 || primaryLength == 0) return false;
  return length != primaryLength || !areEqual(own, primary, length);
}

/** The table sets the header that the proxy routes by, where the configuration says which; else the message says so. */
export function emitsClusterHeader(table: Table): bool {
  if (clusterHeaderLength == 0) return true;
  let name: u32 = 0;
  for (let i: u32 = 0; i < table.emitCount; i++) {
    if (emitKind(table, i) == L.EMIT_CLUSTER) name = headerName(table, emitHeader(table, i));
  }
  if (isString(table, name, clusterHeader, clusterHeaderLength)) return true;
  message.because(REFUSED_CLUSTER_HEADER);
  message.text(ascii('the proxy routes by "'));
  message.bytes(clusterHeader, min(clusterHeaderLength, 60));
  message.text(ascii('", and the table sets "'));
  message.bytes(table.stringAt(name), min(table.stringLength(name), 60));
  message.text(ascii('"'));
  return false;
}

let encoded: usize = 0;
let encodedLength: u32 = 0;

/** @returns null where the configuration is refused: then the message says what and where */
export function readConfiguration(at: usize, length: u32): Table | null {
  listenerLength = 0;
  datacentreLength = 0;
  primaryLength = 0;
  clusterHeaderLength = 0;
  attemptLength = 0;
  isShadow = false;
  message.because(REFUSED_CONFIGURATION);
  if (length == 0) {
    message.text(ascii("the configuration is empty: it should be a table"));
    return null;
  }
  encoded = at;
  encodedLength = length;
  cursor = at;
  end = at + length;
  if (isTable()) return loadRest();
  if (next() == C.OPEN_BRACE) {
    encodedLength = 0;
    if (!readJson(at)) return null;
    if (encodedLength == 0) return loadRest();
  }

  const isStruct = looksLikeStruct(at, length);
  const written = decodeBase64(encoded, encodedLength, encoded);
  if (written < 0 && isStruct) {
    sayStruct();
    return null;
  }
  if (written < 0) {
    message.text(ascii("the configuration is neither a table nor base64: character "));
    message.decimal(<u32>(encoded - at) - written);
    return null;
  }
  cursor = encoded;
  end = encoded + written;
  return loadRest();
}

/** What a Struct holds the filter cannot read, in no form of it. */
function sayStruct(): void {
  message.text(
    ascii(
      'the configuration is a google.protobuf.Struct: give a StringValue with the JSON {"table": base64}, or with base64 alone, or a BytesValue with the table',
    ),
  );
}

/** Of the tables that this VM holds, and what brings the next. */
export function sayNoRoom(length: u32): void {
  message.because(REFUSED_ROOM);
  message.text(ascii("no room for a configuration of "));
  message.decimal(length);
  message.text(ascii(" bytes beside the tables that are held"));
}

/** A Struct's binary form: its first field is an entry, and the entry's first its name. */
function looksLikeStruct(at: usize, length: u32): bool {
  const stop = at + length;
  let from = at;
  if (length < 4 || load<u8>(from++) != 0x0a) return false;
  // The entry's length, seven bits a byte.
  while (from < stop && load<u8>(from) > 0x7f) from++;
  return from + 1 < stop && load<u8>(from + 1) == 0x0a;
}

/** A table's bytes begin at the cursor. */
function isTable(): bool {
  return end - cursor >= 4 && load<u32>(cursor) == L.MAGIC;
}

/** From the cursor to the end stands a table. Where the proxy wrote it into a block of its own, it stays there. */
function loadRest(): Table | null {
  const length = <u32>(end - cursor);
  const block = keepBlock(cursor);
  if (block != 0) return loadTable(block, cursor, length);
  const own = allocBlock(length);
  if (own == 0) {
    sayNoRoom(length);
    return null;
  }
  memory.copy(own + BLOCK_HEAD, cursor, length);
  return loadTable(own, own + BLOCK_HEAD, length);
}

// ---- The one JSON object that we read: known names, each with a text; one has a number or a text, one true or false

let cursor: usize = 0;
let end: usize = 0;

const NAMES = 7;
/** Means nothing to the filter: each push has another, as a proxy skips bytes that it read last, refused or not. */
const ATTEMPT = 5;
const SHADOW = 6;

function nameOf(number: i32): Text {
  switch (number) {
    case 0:
      return ascii("table");
    case 1:
      return ascii("listener");
    case 2:
      return ascii("datacentre");
    case 3:
      return ascii("primary");
    case 4:
      return ascii("cluster-header");
    case ATTEMPT:
      return ascii("attempt");
    default:
      return ascii("shadow");
  }
}

/** Reads on after the opening brace. */
function readJson(at: usize): bool {
  let seen = 0;
  let c: u32 = C.COMMA;
  while (c == C.COMMA) {
    if (!readString()) return failJson(at, ascii("a name in quotes"));
    let name = 0;
    while (name < NAMES && !nameOf(name).is(text, textLength)) name++;
    if (name == NAMES && ascii("@type").is(text, textLength)) {
      sayMessage();
      return false;
    }
    if (name == NAMES) {
      message.text(ascii('the configuration has an unknown name, or not as plain text: "'));
      message.bytes(text, textLength < 40 ? textLength : 40);
      message.text(
        ascii(
          '"; "table", "listener", "datacentre", "primary", "cluster-header", "attempt" and "shadow" are known',
        ),
      );
      return false;
    }
    if ((seen & (1 << name)) != 0) return failJson(at, ascii("a name that did not come before"));
    seen |= 1 << name;
    if (next() != C.COLON) return failJson(at, ascii("a colon"));
    if (name == SHADOW) {
      if (!readShadow()) return failJson(at, ascii("true or false"));
    } else {
      if ((name != ATTEMPT || !readNumber()) && !readString()) return failJson(at, ascii("text in quotes"));
      take(name);
    }
    c = next();
  }
  if (c != C.CLOSE_BRACE) return failJson(at, ascii("a comma or a closing brace"));
  const hasTable = (seen & 1) != 0;
  if (!hasTable) {
    const brace = cursor;
    while (cursor < end && !isTable() && isWhite(load<u8>(cursor))) cursor++;
    if (isTable()) return true;
    cursor = brace;
    message.text(ascii('the configuration has no "table", and no table follows it'));
    return false;
  }
  return next() == 0 || failJson(at, ascii("nothing after the object"));
}

/** After "@type": a protobuf message as JSON, of which a proxy would hand in the value alone. */
function sayMessage(): void {
  const struct = ascii("google.protobuf.Struct");
  const isText = next() == C.COLON && readString();
  if (isText && textLength >= struct.length && struct.is(text + textLength - struct.length, struct.length)) {
    sayStruct();
    return;
  }
  message.text(
    ascii('the configuration is a message with its "@type": give what its "value" has, and no more'),
  );
}

/** The text that was read last is what the name means. */
function take(name: i32): void {
  if (name == 0) {
    encoded = text;
    encodedLength = textLength;
  } else if (name == 1) {
    setListener(text, textLength);
  } else if (name == 2) {
    datacentre = text;
    datacentreLength = textLength;
  } else if (name == 3) {
    primary = text;
    primaryLength = textLength;
  } else if (name == 4) {
    clusterHeader = text;
    clusterHeaderLength = textLength;
  } else {
    attempt = text;
    attemptLength = textLength;
  }
}

/** Reads a whole number as the text that it is. @returns whether there is one */
function readNumber(): bool {
  while (cursor < end && isWhite(load<u8>(cursor))) cursor++;
  const from = cursor;
  while (cursor < end && <u32>load<u8>(cursor) - C.ZERO < 10) cursor++;
  text = from;
  textLength = <u32>(cursor - from);
  return textLength > 0;
}

function readShadow(): bool {
  while (cursor < end && isWhite(load<u8>(cursor))) cursor++;
  isShadow = readWord(ascii("true"));
  return isShadow || readWord(ascii("false"));
}

function readWord(word: Text): bool {
  if (end - cursor < word.length || !word.is(cursor, word.length)) return false;
  cursor += word.length;
  return true;
}

function failJson(at: usize, expected: Text): bool {
  message.text(ascii("the configuration is not valid JSON: expected "));
  message.text(expected);
  message.text(ascii(" at character "));
  message.decimal(<u32>(cursor - at));
  return false;
}

/** The next character that is not white space, passed over; 0 at the end. */
function next(): u32 {
  while (cursor < end) {
    const c: u32 = load<u8>(cursor++);
    if (!isWhite(c)) return c;
  }
  return 0;
}

function isWhite(c: u32): bool {
  return c == C.SPACE || c == C.LF || c == C.CR || c == C.TAB;
}

let text: usize = 0;
let textLength: u32 = 0;

/** Reads a JSON string, its escapes undone in place: what they stand for is never longer than they are. */
function readString(): bool {
  if (next() != C.QUOTE) return false;
  text = cursor;
  let to = cursor;
  while (cursor < end) {
    let c: u32 = load<u8>(cursor++);
    if (c == C.QUOTE) {
      textLength = <u32>(to - text);
      return true;
    }
    if (c < C.SPACE) return false;
    if (c == C.BACKSLASH) {
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
  if (c == C.QUOTE || c == C.BACKSLASH || c == C.SLASH) return c;
  if (c == C.LOWER_N) return C.LF;
  if (c == C.LOWER_R) return C.CR;
  if (c == C.LOWER_T) return C.TAB;
  if (c != C.LOWER_U || end - cursor < 4) return 0;
  let value: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(load<u8>(cursor++));
    if (digit < 0) return 0;
    value = (value << 4) | digit;
  }
  return value < 0x80 ? value : 0;
}
