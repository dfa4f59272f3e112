// A filter in shadow decides, and only tells: one header says what would have become of the request. What routes requests
// today goes on routing them.

import {
  proxy_add_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import { BAD_REQUEST } from "./answer";
import * as arena from "./arena";
import { Decision, TWO_WIKIS_REPLY } from "./decide";
import * as headers from "./headers";
import * as L from "./layout";
import * as message from "./message";
import { clusterOf, KEY_ROOM, releaseName, Table, writeKey } from "./table";
import { ascii, Text } from "./text";

const HEADER = ascii("x-pointsman-shadow");
/** Two strings of a table, a wiki, and the words around them. */
const ROOM: u32 = KEY_ROOM + 2 * L.MAX_STRING_BYTES + 64;

let start: usize = 0;
let end: usize = 0;

/** @param isOfBody the body would have said the wiki, and nobody waits for it */
export function tell(table: Table, decision: Decision, isOfBody: bool): void {
  start = arena.alloc(ROOM);
  end = start;
  if (decision.pass) addText(ascii("pass"));
  else if (decision.reply >= 0) addReply(table, decision.reply);
  else addRoute(table, decision, isOfBody);
  write();
}

function addReply(table: Table, reply: u32): void {
  const isOwn = reply == TWO_WIKIS_REPLY;
  const status: u32 = isOwn ? BAD_REQUEST : load<u16>(table.replies + reply * L.REPLY_ENTRY + L.REPLY_STATUS);
  message.clear();
  message.decimal(status);
  addText(ascii("reply="));
  add(message.address(), message.size());
}

function addRoute(table: Table, decision: Decision, isOfBody: bool): void {
  addText(ascii("cluster="));
  addString(table, clusterOf(table, decision.deployment, decision.release));
  if (decision.wiki >= 0 && !isOfBody) {
    addText(ascii(";wiki="));
    end += writeKey(table, table.wikis, decision.wiki, end);
  }
  addText(ascii(";release="));
  addString(table, releaseName(table, decision.release));
  if (isOfBody) addText(ascii(";wiki-from=body"));
}

function addString(table: Table, string: u32): void {
  add(table.stringAt(string), table.stringLength(string));
}

function addText(text: Text): void {
  add(text.at, text.length);
}

function add(at: usize, length: u32): void {
  memory.copy(end, at, length);
  end += length;
}

/** A client's own copies go with it. ATS replaces no absent header. */
function write(): void {
  const length = <u32>(end - start);
  if (headers.hasPseudoHeaders) {
    proxy_replace_header_map_value(abi.REQUEST_HEADERS, HEADER.at, HEADER.length, start, length);
    return;
  }
  tellNothing();
  proxy_add_header_map_value(abi.REQUEST_HEADERS, HEADER.at, HEADER.length, start, length);
}

/** Nothing was decided, and no word of the client's stands for it. */
export function tellNothing(): void {
  proxy_remove_header_map_value(abi.REQUEST_HEADERS, HEADER.at, HEADER.length);
}
