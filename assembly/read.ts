// What we read of a request: one host call that brings every header, and a property where a proxy has no pseudo-headers
// or a rule asks for more.

import { proxy_get_header_map_pairs, proxy_get_property } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import * as arena from "./arena";
import { areEqual } from "./bytes";
import * as C from "./characters";
import * as headers from "./headers";
import { headerName, Table } from "./table";
import { ascii, Text } from "./text";

// Paths of properties as proxy_get_property takes them: parts with NUL between them.
const REQUEST_PATH = ascii("request\0path");
const REQUEST_HEADERS = ascii("request\0headers");
const REQUEST_METHOD = ascii("request\0method");
const SOURCE_ADDRESS = ascii("source\0address");
const PLUGIN_ROOT_ID = ascii("plugin_root_id");

/** Value of the property that was read last; no length where there is none. */
export let property: usize = 0;
export let propertyLength: u32 = 0;

/**
 * Reads the headers. ATS has no pseudo-headers: there, a property has the path.
 * @returns false where the proxy does not give them, as where there is no room for them
 */
export function readRequest(table: Table): bool {
  store<u32>(abi.resultSize, 0);
  if (!getPairs() && !(arena.madeRoom() && getPairs())) return false;
  headers.readPairs(table, load<u32>(abi.resultAt), load<u32>(abi.resultSize));
  if (headers.hasPseudoHeaders) return true;
  readProperty(REQUEST_PATH);
  headers.setTarget(property, propertyLength);
  for (let header: u32 = 0; header < table.headerCount; header++) {
    if (headers.isThere(header) && header != table.cookieHeader) readWhole(table, header);
  }
  return true;
}

/**
 * ATS shows of a header no more than what is before its first comma, where it takes it for a list: all that it does not
 * know, and X-Forwarded-For, but no cookies. A property has the whole, all copies in one: of another header that came
 * twice they stay apart, as they are.
 */
function readWhole(table: Table, header: u32): void {
  if (headers.isRepeated(header) && header != table.forwardedHeader) return;
  const name = headerName(table, header);
  const nameLength = table.stringLength(name);
  const path = arena.alloc(REQUEST_HEADERS.length + nameLength + 2);
  const end = path + REQUEST_HEADERS.length;
  memory.copy(path, REQUEST_HEADERS.at, REQUEST_HEADERS.length);
  memory.copy(end + 1, table.stringAt(name), nameLength);
  store<u8>(end, 0);
  store<u8>(end + 1 + nameLength, 0);
  if (takeWhole(header, path, REQUEST_HEADERS.length + nameLength + 2)) return;
  // By ATS's source the name follows at once, and its last byte is left out.
  memory.copy(end, end + 1, nameLength + 1);
  takeWhole(header, path, REQUEST_HEADERS.length + nameLength + 1);
}

/** @returns whether the property begins as the header does, but for a quote that ATS left out */
function takeWhole(header: u32, path: usize, length: u32): bool {
  readPath(path, length);
  headers.firstCopy(header);
  if (propertyLength < headers.copyLength) return false;
  const isQuoted = propertyLength > headers.copyLength && load<u8>(property) == C.QUOTE;
  if (!areEqual(property + (isQuoted ? 1 : 0), headers.copy, headers.copyLength)) return false;
  headers.setWhole(header, property, propertyLength);
  return true;
}

function getPairs(): bool {
  return proxy_get_header_map_pairs(abi.REQUEST_HEADERS, abi.resultAt, abi.resultSize) == abi.OK;
}

/** Where there are no pseudo-headers, when a rule asks for the method for the first time. */
export function readMethod(): void {
  if (headers.hasPseudoHeaders) return;
  readProperty(REQUEST_METHOD);
  headers.setMethod(property, propertyLength);
}

/** `property` becomes the connection's address, with its port. */
export function readClientAddress(): void {
  readProperty(SOURCE_ADDRESS);
}

/** `property` becomes the plugin's root_id. */
export function readRootId(): void {
  readProperty(PLUGIN_ROOT_ID);
}

function readProperty(path: Text): void {
  readPath(path.at, path.length);
}

function readPath(path: usize, length: u32): void {
  store<u32>(abi.resultSize, 0);
  const isRead = getProperty(path, length) || (arena.madeRoom() && getProperty(path, length));
  property = load<u32>(abi.resultAt);
  propertyLength = isRead ? load<u32>(abi.resultSize) : 0;
}

function getProperty(path: usize, length: u32): bool {
  return proxy_get_property(path, length, abi.resultAt, abi.resultSize) == abi.OK;
}
