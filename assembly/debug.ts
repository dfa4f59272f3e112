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

/**
 * What the response is to say, in a heap block: the table may be gone by then. Of each value a u32, its length, and its
 * bytes, in the order in which `writeResponse` names them.
 */
export function noteDecision(decision: Decision, table: Table): usize {
  const wiki = arena.alloc(KEY_ROOM);
  const wikiLength = decision.wiki < 0 ? 0 : writeKey(table, table.wikis, decision.wiki, wiki);
  const release = releaseName(table, decision.release);
  const cluster = clusterOf(table, decision.deployment, decision.release);
  message.clear();
  message.decimal(decision.rule);
  const ruleLength = message.size();
  message.decimal(load<u32>(table.bytes + L.HEADER_GENERATION));
  const generationLength = message.size() - ruleLength;
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  const numbers = message.address();
  const size = wikiLength + table.stringLength(release) + table.stringLength(cluster) + message.size();
  const note = heap.alloc(6 * 4 + size);
  let to = add(note, wiki, wikiLength);
  to = add(to, table.stringAt(release), table.stringLength(release));
  to = add(to, table.stringAt(cluster), table.stringLength(cluster));
  to = add(to, numbers, ruleLength);
  to = add(to, numbers + ruleLength, generationLength);
  add(to, numbers + ruleLength + generationLength, 2 * L.DIGEST_BYTES);
  return note;
}

/** @returns where the next value goes */
function add(to: usize, value: usize, length: u32): usize {
  store<u32>(to, length);
  memory.copy(to + 4, value, length);
  return to + 4 + length;
}

/** What upstream says under these names goes. */
export function writeResponse(note: usize): void {
  let from = set(ascii("wiki"), note);
  from = set(ascii("release"), from);
  from = set(ascii("cluster"), from);
  from = set(ascii("rule"), from);
  from = set(ascii("generation"), from);
  set(ascii("digest"), from);
}

/** No length: there is nothing to say. ATS replaces no absent header, so one that is there goes first. */
function set(name: Text, value: usize): usize {
  const at = arena.alloc(PREFIX.length + name.length);
  memory.copy(at, PREFIX.at, PREFIX.length);
  memory.copy(at + PREFIX.length, name.at, name.length);
  const nameLength = PREFIX.length + name.length;
  const length = load<u32>(value);
  proxy_remove_header_map_value(abi.RESPONSE_HEADERS, at, nameLength);
  if (length > 0) proxy_add_header_map_value(abi.RESPONSE_HEADERS, at, nameLength, value + 4, length);
  return value + 4 + length;
}
