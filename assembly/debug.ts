// The response to a request that a debugging rule sent says what was decided.

import {
  proxy_add_header_map_value,
  proxy_remove_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import * as arena from "./arena";
import { Decision } from "./decide";
import * as L from "./layout";
import * as message from "./message";
import { clusterOf, KEY_ROOM, releaseName, Table, writeKey } from "./table";
import { ascii, Text } from "./text";

const PREFIX = ascii("x-pointsman-");

/** What upstream says under these names goes. */
export function writeResponse(decision: Decision, table: Table): void {
  if (decision.wiki >= 0) {
    const text = arena.alloc(KEY_ROOM);
    set(ascii("wiki"), text, writeKey(table, table.wikis, decision.wiki, text));
  } else {
    set(ascii("wiki"), 0, 0);
  }
  setString(table, ascii("release"), releaseName(table, decision.release));
  setString(table, ascii("cluster"), clusterOf(table, decision.deployment, decision.release));
  setDecimal(ascii("rule"), decision.rule);
  setDecimal(ascii("generation"), load<u32>(table.bytes + L.HEADER_GENERATION));
  message.clear();
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  set(ascii("digest"), message.address(), message.size());
}

function setString(table: Table, name: Text, string: u32): void {
  set(name, table.stringAt(string), table.stringLength(string));
}

function setDecimal(name: Text, value: u32): void {
  message.clear();
  message.decimal(value);
  set(name, message.address(), message.size());
}

/** No length: there is nothing to say. ATS replaces no absent header, so one that is there goes first. */
function set(name: Text, value: usize, length: u32): void {
  const at = arena.alloc(PREFIX.length + name.length);
  memory.copy(at, PREFIX.at, PREFIX.length);
  memory.copy(at + PREFIX.length, name.at, name.length);
  const nameLength = PREFIX.length + name.length;
  proxy_remove_header_map_value(abi.RESPONSE_HEADERS, at, nameLength);
  if (length > 0) proxy_add_header_map_value(abi.RESPONSE_HEADERS, at, nameLength, value, length);
}
