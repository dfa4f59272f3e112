// The test guest's commands: one for each host call, by words. Each gives its status, and what it got.
import * as host from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { address, bytes, pairs, slot64, slotA, slotB, taken, takenPairs, text } from "./bytes";
import * as env from "./env";
import * as wasi from "./wasi_snapshot_preview1";

function number(word: string): u32 {
  return <u32>i64.parse(word);
}

/** `a.b` as a property path: parts separated by NUL. */
function path(word: string): ArrayBuffer {
  const bytes = text(word);
  const start = changetype<usize>(bytes);
  for (let i = 0; i < bytes.byteLength; i++) {
    if (load<u8>(start + i) == 46) store<u8>(start + i, 0);
  }
  return bytes;
}

function plain(status: u32): string {
  return status.toString();
}

function withText(status: u32): string {
  return status == 0 ? `0 ${taken()}` : status.toString();
}

function withNumber(status: u32): string {
  return status == 0 ? `0 ${load<u32>(slotA).toString()}` : status.toString();
}

function withNumber64(status: u32): string {
  return status == 0 ? `0 ${load<u64>(slot64).toString()}` : status.toString();
}

function headerMap(w: string[]): string {
  const name = w[0];
  const map = number(w[1]);
  if (name == "size") return withNumber(host.proxy_get_header_map_size(map, slotA));
  if (name == "pairs") {
    const status = host.proxy_get_header_map_pairs(map, slotA, slotB);
    return status == 0 ? `0 ${takenPairs()}` : status.toString();
  }
  if (name == "setpairs") {
    const bytes = pairs(w[2]);
    return plain(host.proxy_set_header_map_pairs(map, address(bytes), bytes.byteLength));
  }
  const key = text(w[2]);
  const k = address(key);
  const size = key.byteLength;
  if (name == "get") return withText(host.proxy_get_header_map_value(map, k, size, slotA, slotB));
  if (name == "remove") return plain(host.proxy_remove_header_map_value(map, k, size));
  const value = text(w[3]);
  const v = address(value);
  if (name == "add") return plain(host.proxy_add_header_map_value(map, k, size, v, value.byteLength));
  return plain(host.proxy_replace_header_map_value(map, k, size, v, value.byteLength));
}

function buffer(w: string[]): string {
  const type = number(w[1]);
  if (w[0] == "bytes") {
    store<u32>(slotA, 0);
    return withText(host.proxy_get_buffer_bytes(type, number(w[2]), number(w[3]), slotA, slotB));
  }
  if (w[0] == "bufstatus") return withNumber(host.proxy_get_buffer_status(type, slotA, slotB));
  const value = text(w[4]);
  return plain(
    host.proxy_set_buffer_bytes(type, number(w[2]), number(w[3]), address(value), value.byteLength),
  );
}

function reply(w: string[]): string {
  const details = text(w[2]);
  const body = text(w[3]);
  const headers = pairs(w[4]);
  return plain(
    host.proxy_send_local_response(
      number(w[1]),
      address(details),
      details.byteLength,
      address(body),
      body.byteLength,
      address(headers),
      headers.byteLength,
      number(w[5]),
    ),
  );
}

function httpCall(w: string[]): string {
  const upstream = text(w[1]);
  const headers = pairs(w[2]);
  const body = text(w[3]);
  const trailers = pairs(w[4]);
  return withNumber(
    host.proxy_http_call(
      address(upstream),
      upstream.byteLength,
      address(headers),
      headers.byteLength,
      address(body),
      body.byteLength,
      address(trailers),
      trailers.byteLength,
      number(w[5]),
      slotA,
    ),
  );
}

function sharedData(w: string[]): string {
  const key = text(w[1]);
  if (w[0] == "getshared") {
    const status = host.proxy_get_shared_data(address(key), key.byteLength, slotA, slotB, slot64);
    return status == 0 ? `0 ${taken()} cas ${load<u32>(slot64).toString()}` : status.toString();
  }
  const value = text(w[2]);
  return plain(
    host.proxy_set_shared_data(address(key), key.byteLength, address(value), value.byteLength, number(w[3])),
  );
}

function metric(w: string[]): string {
  if (w[0] == "metric") {
    const name = text(w[2]);
    return withNumber(host.proxy_define_metric(number(w[1]), address(name), name.byteLength, slotA));
  }
  const id = number(w[1]);
  if (w[0] == "record") return plain(host.proxy_record_metric(id, i64.parse(w[2])));
  if (w[0] == "inc") return plain(host.proxy_increment_metric(id, i64.parse(w[2])));
  return withNumber64(host.proxy_get_metric(id, slot64));
}

function property(w: string[]): string {
  const key = path(w[1]);
  if (w[0] == "prop") return withText(host.proxy_get_property(address(key), key.byteLength, slotA, slotB));
  const value = text(w[2]);
  return plain(host.proxy_set_property(address(key), key.byteLength, address(value), value.byteLength));
}

function foreign(w: string[]): string {
  const name = text(w[1]);
  const args = bytes(w[2]);
  store<u32>(slotA, 0);
  return withText(
    host.proxy_call_foreign_function(
      address(name),
      name.byteLength,
      address(args),
      args.byteLength,
      slotA,
      slotB,
    ),
  );
}

function environment(): string {
  const status = wasi.environ_sizes_get(slotA, slotB);
  const count = load<u32>(slotA);
  const size = load<u32>(slotB);
  const array = new ArrayBuffer(count * 4);
  const bytes = new ArrayBuffer(size);
  const second = wasi.environ_get(address(array), address(bytes));
  return `${status.toString()} ${second.toString()} ${String.UTF8.decode(bytes).replaceAll("\0", ";")}`;
}

function wasiCall(w: string[]): string {
  const name = w[0];
  if (name == "fdwrite") {
    const bytes = text(w[2]);
    const iovec = memory.data(16, 8);
    const half = bytes.byteLength / 2;
    store<u32>(iovec, address(bytes));
    store<u32>(iovec + 4, half);
    store<u32>(iovec + 8, address(bytes) + half);
    store<u32>(iovec + 12, bytes.byteLength - half);
    return withNumber(wasi.fd_write(number(w[1]), iovec, 2, slotA));
  }
  if (name == "clock") return withNumber64(wasi.clock_time_get(number(w[1]), 0, slot64));
  if (name == "random") {
    const bytes = new Uint8Array(number(w[1]));
    return `${wasi.random_get(bytes.dataStart, bytes.length).toString()} ${bytes.toString()}`;
  }
  if (name == "environ") return environment();
  if (name == "args") {
    const status = wasi.args_sizes_get(slotA, slotB);
    return `${status.toString()} ${load<u32>(slotA).toString()} ${wasi.args_get(slotA, slotB).toString()}`;
  }
  wasi.proc_exit(number(w[1]));
  return "";
}

/** What proxy-wasm-cpp-host offers beyond the specification; only in a build with `--use EXTRAS=1`. */
function extra(w: string[]): string {
  const name = w[0];
  if (name == "fdread") return plain(wasi.fd_read(number(w[1]), slotA, 0, slotB));
  if (name == "fdseek") return plain(wasi.fd_seek(number(w[1]), 0, 0, slot64));
  if (name == "fdclose") return plain(wasi.fd_close(number(w[1])));
  if (name == "fdstat") return plain(wasi.fd_fdstat_get(number(w[1]), memory.data(24, 8)));
  if (name == "equal") return env.pthread_equal(number(w[1]), number(w[2])).toString();
  env.emscripten_notify_memory_growth(0);
  return "";
}

/** Calls the host with raw addresses: for what a well-behaved guest never does. */
function raw(w: string[]): string {
  const a = number(w[2]);
  const b = number(w[3]);
  if (w[1] == "log") return plain(host.proxy_log(2, a, b));
  if (w[1] == "get") return plain(host.proxy_get_header_map_value(0, a, b, slotA, slotB));
  if (w[1] == "setpairs") return plain(host.proxy_set_header_map_pairs(0, a, b));
  return plain(host.proxy_get_header_map_pairs(0, a, b));
}

const mapCommands = ["size", "pairs", "setpairs", "get", "add", "replace", "remove"];
const bufferCommands = ["bytes", "bufstatus", "setbytes"];
const extraCommands = ["fdread", "fdseek", "fdclose", "fdstat", "equal", "grown"];
const metricCommands = ["metric", "record", "inc", "getmetric"];

/** Runs one command and gives what came of it. */
export function run(words: string[]): string {
  const name = words[0];
  if (mapCommands.includes(name)) return headerMap(words);
  if (bufferCommands.includes(name)) return buffer(words);
  if (metricCommands.includes(name)) return metric(words);
  if (name == "reply") return reply(words);
  if (name == "call") return httpCall(words);
  if (name == "getshared" || name == "setshared") return sharedData(words);
  if (name == "prop" || name == "setprop") return property(words);
  if (name == "foreign") return foreign(words);
  if (name == "raw") return raw(words);
  if (name == "done") return plain(host.proxy_done());
  if (name == "effective") return plain(host.proxy_set_effective_context(number(words[1])));
  if (name == "loglevel") return withNumber(host.proxy_get_log_level(slotA));
  if (name == "time") return withNumber64(host.proxy_get_current_time_nanoseconds(slot64));
  if (name == "tick") return plain(host.proxy_set_tick_period_milliseconds(number(words[1])));
  if (name == "continue") return plain(host.proxy_continue_stream(number(words[1])));
  if (name == "close") return plain(host.proxy_close_stream(number(words[1])));
  if (name == "status") {
    const status = host.proxy_get_status(slot64, slotA, slotB);
    return status == 0 ? `0 ${load<u32>(slot64).toString()} ${taken()}` : status.toString();
  }
  if (isDefined(EXTRAS) && extraCommands.includes(name)) return extra(words);
  if (name == "leak") {
    heap.alloc(number(words[1]));
    return "";
  }
  if (name == "trap") unreachable();
  return wasiCall(words);
}
