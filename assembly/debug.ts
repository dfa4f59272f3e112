// The response to a request that a debugging rule sent says what was decided.

import {
  proxy_add_header_map_value,
  proxy_remove_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as arena from "./arena";
import { Stream } from "./contexts";
import * as L from "./layout";
import * as message from "./message";
import { clusterOf, KEY_ROOM, releaseName, Table, writeKey } from "./table";

const RESPONSE_HEADERS = 2;

/** What upstream says under these names goes. */
export function writeResponse(stream: Stream, table: Table): void {
  if (stream.wiki >= 0) {
    const text = arena.alloc(KEY_ROOM);
    set("wiki", text, writeKey(table, table.wikis, stream.wiki, text));
  } else {
    set("wiki", 0, 0);
  }
  setString(table, "release", releaseName(table, stream.release));
  setString(table, "cluster", clusterOf(table, stream.deployment, stream.release));
  setDecimal("rule", stream.rule);
  setDecimal("generation", load<u32>(table.bytes + L.HEADER_GENERATION));
  message.clear();
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  set("digest", message.address(), message.size());
}

function setString(table: Table, name: string, string: u32): void {
  set(name, table.stringAt(string), table.stringLength(string));
}

function setDecimal(name: string, value: u32): void {
  message.clear();
  message.decimal(value);
  set(name, message.address(), message.size());
}

/** No length: there is nothing to say. ATS replaces no absent header, so one that is there goes first. */
function set(name: string, value: usize, length: u32): void {
  const full = "x-pointsman-";
  const at = arena.alloc(full.length + name.length);
  for (let i = 0; i < full.length; i++) store<u8>(at + i, <u8>full.charCodeAt(i));
  for (let i = 0; i < name.length; i++) store<u8>(at + full.length + i, <u8>name.charCodeAt(i));
  const nameLength = full.length + name.length;
  proxy_remove_header_map_value(RESPONSE_HEADERS, at, nameLength);
  if (length > 0) proxy_add_header_map_value(RESPONSE_HEADERS, at, nameLength, value, length);
}
