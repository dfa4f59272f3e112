// What we write to a request, and what we answer ourselves: one write a header that upstream gets. A header of ours that a
// client sent costs a call only where it is there and we set none.

import {
  proxy_add_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_send_local_response,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import * as arena from "./arena";
import { Decision, TWO_WIKIS_REPLY } from "./decide";
import * as headers from "./headers";
import * as L from "./layout";
import {
  clusterOf,
  deploymentName,
  emitHeader,
  emitKind,
  headerName,
  KEY_ROOM,
  releaseName,
  releaseVersion,
  Table,
  writeKey,
} from "./table";
import { ascii } from "./text";

const AUTHORITY = ascii(":authority");
export const BAD_REQUEST: u32 = 400;
const LENGTH_REQUIRED: u32 = 411;
const NO_LENGTH = ascii("the request's body does not say how long it is\n");
/** L.TWO_WIKIS_TEXT. */
const TWO_WIKIS = ascii("the request's path can be read as that of two wikis\n");
/** What access logs say of an answer of ours. */
const DETAILS = ascii("pointsman");

/**
 * Sets each header that the decision has a value for; removes the others where the client sent them.
 * @param again other headers of ours stand there already, and `headers` has read another request since
 */
export function writeDecision(table: Table, decision: Decision, again: bool = false): void {
  for (let i: u32 = 0; i < table.emitCount; i++) {
    const header = emitHeader(table, i);
    const name = headerName(table, header);
    const kind = emitKind(table, i);
    const string = decision.pass ? L.NONE : stringOf(table, decision, kind);
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
function stringOf(table: Table, decision: Decision, kind: u32): u32 {
  switch (kind) {
    case L.EMIT_CLUSTER:
      return clusterOf(table, decision.deployment, decision.release);
    case L.EMIT_RELEASE:
      return releaseName(table, decision.release);
    case L.EMIT_VERSION:
      return releaseVersion(table, decision.release);
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
    proxy_replace_header_map_value(abi.REQUEST_HEADERS, at, nameLength, value, length);
    return;
  }
  if (headers.isThere(header)) removeHeader(table, name);
  proxy_add_header_map_value(abi.REQUEST_HEADERS, at, nameLength, value, length);
}

function removeHeader(table: Table, name: u32): void {
  proxy_remove_header_map_value(abi.REQUEST_HEADERS, table.stringAt(name), table.stringLength(name));
}

/** Only where there are pseudo-headers. */
export function writeAuthority(value: usize, length: u32): void {
  proxy_replace_header_map_value(abi.REQUEST_HEADERS, AUTHORITY.at, AUTHORITY.length, value, length);
}

/** The proxy answers itself, as plain text; it makes of that what HEAD and gRPC want. */
export function answer(status: u32, text: usize, length: u32): void {
  proxy_send_local_response(status, DETAILS.at, DETAILS.length, text, length, 0, 0, abi.NO_GRPC_STATUS);
}

/** ATS passes such a body on as it is on the wire, and an origin that answers before its end ends the process. */
export function answerNoLength(): void {
  answer(LENGTH_REQUIRED, NO_LENGTH.at, NO_LENGTH.length);
}

export function answerReply(table: Table, number: u32): void {
  if (number == TWO_WIKIS_REPLY) {
    answer(BAD_REQUEST, TWO_WIKIS.at, TWO_WIKIS.length);
    return;
  }
  const reply = table.replies + number * L.REPLY_ENTRY;
  const text: u32 = load<u16>(reply + L.REPLY_TEXT);
  answer(load<u16>(reply + L.REPLY_STATUS), table.stringAt(text), table.stringLength(text));
}
