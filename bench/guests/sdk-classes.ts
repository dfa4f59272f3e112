// Our own decision by the same table, in a filter that talks to the proxy as the SDK's guide has it: by its classes.
// All headers are read at once: to get them one by one costs a host call each.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import {
  BufferTypeValues,
  Context,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  Headers,
  RootContext,
  registerRootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";
import { reset } from "../../assembly/arena";
import { findListener, isSecondary, readConfiguration } from "../../assembly/configuration";
import { decide, decision } from "../../assembly/decide";
import { readPairs } from "../../assembly/headers";
import { clusterOf, emitHeader, headerName, Table } from "../../assembly/table";

class PointsmanRoot extends RootContext {
  table: Table | null = null;
  listener: usize = 0;
  secondary: bool = false;

  createContext(context_id: u32): Context {
    return new Pointsman(context_id, this);
  }

  onConfigure(size: u32): bool {
    const bytes = get_buffer_bytes(BufferTypeValues.PluginConfiguration, 0, size);
    const table = readConfiguration(changetype<usize>(bytes), bytes.byteLength);
    if (!table) return false;
    this.table = table;
    this.listener = findListener(table);
    this.secondary = isSecondary(table, this.listener);
    return this.listener != 0;
  }
}

class Pointsman extends Context {
  constructor(context_id: u32, root_context: PointsmanRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(_headers: u32, _end: bool): FilterHeadersStatusValues {
    const root = this.root_context as PointsmanRoot;
    const table = root.table!;
    const headers = stream_context.headers.request;
    const pairs = pairsOf(headers.get_headers());
    reset();
    readPairs(table, changetype<usize>(pairs), pairs.byteLength);
    decide(table, root.listener, root.secondary);
    const name = text(table, headerName(table, emitHeader(table, 0)));
    if (decision.pass) headers.remove(name);
    else headers.replace(name, text(table, clusterOf(table, decision.deployment, decision.release)));
    return FilterHeadersStatusValues.Continue;
  }
}

/** As the decision reads them: count, sizes, then name NUL value NUL each. */
function pairsOf(headers: Headers): ArrayBuffer {
  let size = 4;
  for (let i = 0; i < headers.length; i++)
    size += 10 + headers[i].key.byteLength + headers[i].value.byteLength;
  const pairs = new ArrayBuffer(size);
  let sizes = changetype<usize>(pairs);
  store<u32>(sizes, headers.length);
  sizes += 4;
  let at = sizes + 8 * headers.length;
  for (let i = 0; i < headers.length; i++) {
    const key = headers[i].key;
    const value = headers[i].value;
    store<u32>(sizes, key.byteLength);
    store<u32>(sizes, value.byteLength, 4);
    sizes += 8;
    memory.copy(at, changetype<usize>(key), key.byteLength);
    at += key.byteLength + 1;
    memory.copy(at, changetype<usize>(value), value.byteLength);
    at += value.byteLength + 1;
  }
  return pairs;
}

function text(table: Table, number: u32): string {
  return String.UTF8.decodeUnsafe(table.stringAt(number), table.stringLength(number));
}

registerRootContext((context_id: u32) => new PointsmanRoot(context_id), "pointsman");
