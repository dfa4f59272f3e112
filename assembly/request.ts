// What we read of a request and write to it: one host call that brings every header, then one write a header
// that upstream gets. A header of ours that a client sent costs a call only where it is there and we set none.

import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_property,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_send_local_response,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as arena from "./arena";
import * as decision from "./decide";
import * as headers from "./headers";
import * as L from "./layout";
import {
  clusterOf,
  deploymentName,
  emitHeader,
  emitKind,
  headerName,
  KEY_ROOM,
  Table,
  writeKey,
} from "./table";

const REQUEST_HEADERS = 0;
const OK: u32 = 0;
const NO_GRPC_STATUS: u32 = 0xffffffff;

const resultAt = memory.data(4);
const resultSize = memory.data(4);

// ---- Reading --------------------------------------------------------------------------------------------

/** Reads the headers. ATS has no pseudo-headers: there, a property has the path. */
export function readRequest(table: Table): void {
  store<u32>(resultSize, 0);
  const isRead = proxy_get_header_map_pairs(REQUEST_HEADERS, resultAt, resultSize) == OK;
  headers.readPairs(table, load<u32>(resultAt), isRead ? load<u32>(resultSize) : 0);
  if (headers.hasPseudoHeaders) return;
  readProperty(pathProperty, 12);
  headers.setTarget(property, propertyLength);
}

/** For a host without pseudo-headers, when a rule asks for the first time. */
export function methodOfHost(): void {
  if (headers.hasPseudoHeaders) return;
  readProperty(methodProperty, 14);
  headers.setMethod(property, propertyLength);
}

/** `property` becomes the connection's address, with its port. */
export function addressOfClient(): void {
  readProperty(addressProperty, 14);
}

/** Value of the property that was read last; no length where there is none. */
export let property: usize = 0;
export let propertyLength: u32 = 0;

// Paths of properties as proxy_get_property takes them: parts with NUL between them.
/** "request", "path" */
const pathProperty = memory.data<u8>([0x72, 0x65, 0x71, 0x75, 0x65, 0x73, 0x74, 0, 0x70, 0x61, 0x74, 0x68]);
/** "request", "method" */
const methodProperty = memory.data<u8>([
  0x72, 0x65, 0x71, 0x75, 0x65, 0x73, 0x74, 0, 0x6d, 0x65, 0x74, 0x68, 0x6f, 0x64,
]);
/** "source", "address" */
const addressProperty = memory.data<u8>([
  0x73, 0x6f, 0x75, 0x72, 0x63, 0x65, 0, 0x61, 0x64, 0x64, 0x72, 0x65, 0x73, 0x73,
]);

function readProperty(path: usize, length: usize): void {
  store<u32>(resultSize, 0);
  const isRead = proxy_get_property(path, length, resultAt, resultSize) == OK;
  property = load<u32>(resultAt);
  propertyLength = isRead ? load<u32>(resultSize) : 0;
}

// ---- Writing --------------------------------------------------------------------------------------------

/**
 * Sets each header that the decision has a value for; removes the others where the client sent them.
 * @param again other headers of ours stand there already, and `headers` has read another request since
 */
export function writeDecision(table: Table, again: bool = false): void {
  for (let i: u32 = 0; i < table.emitCount; i++) {
    const header = emitHeader(table, i);
    const name = headerName(table, header);
    const kind = emitKind(table, i);
    const string = decision.pass ? L.NONE : stringOf(table, kind);
    if (kind == L.EMIT_WIKI && !decision.pass && decision.wiki >= 0) {
      const text = arena.alloc(KEY_ROOM);
      setHeader(table, again, header, name, text, writeKey(table, table.wikis, decision.wiki, text));
    } else if (string != L.NONE) {
      setHeader(table, again, header, name, table.stringAt(string), table.stringLength(string));
    } else if (!again && headers.isThere(header)) {
      removeHeader(table, name);
    }
  }
}

/** String of what the decision says, NONE where it says nothing or nothing that lies ready in the table. */
function stringOf(table: Table, kind: u32): u32 {
  const release = table.releases + decision.release * L.RELEASE_ENTRY;
  switch (kind) {
    case L.EMIT_CLUSTER:
      return clusterOf(table, decision.deployment, decision.release);
    case L.EMIT_RELEASE:
      return load<u16>(release + L.RELEASE_NAME);
    case L.EMIT_VERSION:
      return load<u16>(release + L.RELEASE_VERSION);
    case L.EMIT_GROUP:
      return decision.group;
    case L.EMIT_DEPLOYMENT:
      return deploymentName(table, decision.deployment);
    default:
      return L.NONE;
  }
}

/** Where there is nothing to replace, adding is cheaper; and in ATS replacing does nothing then. */
function setHeader(table: Table, again: bool, header: u32, name: u32, value: usize, length: u32): void {
  const at = table.stringAt(name);
  const nameLength = table.stringLength(name);
  if (again || (headers.hasPseudoHeaders && headers.isThere(header))) {
    proxy_replace_header_map_value(REQUEST_HEADERS, at, nameLength, value, length);
    return;
  }
  if (headers.isThere(header)) removeHeader(table, name);
  proxy_add_header_map_value(REQUEST_HEADERS, at, nameLength, value, length);
}

function removeHeader(table: Table, name: u32): void {
  proxy_remove_header_map_value(REQUEST_HEADERS, table.stringAt(name), table.stringLength(name));
}

/** ":authority" */
const authorityName = memory.data<u8>([0x3a, 0x61, 0x75, 0x74, 0x68, 0x6f, 0x72, 0x69, 0x74, 0x79]);

/** Only for a host with pseudo-headers. */
export function writeAuthority(value: usize, length: u32): void {
  proxy_replace_header_map_value(REQUEST_HEADERS, authorityName, 10, value, length);
}

// ---- Answering ------------------------------------------------------------------------------------------

/** "pointsman", what access logs say of an answer of ours. */
const details = memory.data<u8>([0x70, 0x6f, 0x69, 0x6e, 0x74, 0x73, 0x6d, 0x61, 0x6e]);

/** The proxy answers itself, as plain text; it makes of that what HEAD and gRPC want. */
export function answer(status: u32, text: usize, length: u32): void {
  proxy_send_local_response(status, details, 9, text, length, 0, 0, NO_GRPC_STATUS);
}

export function answerReply(table: Table, number: u32): void {
  const reply = table.replies + number * L.REPLY_ENTRY;
  const text: u32 = load<u16>(reply + L.REPLY_TEXT);
  answer(load<u16>(reply + L.REPLY_STATUS), table.stringAt(text), table.stringLength(text));
}
