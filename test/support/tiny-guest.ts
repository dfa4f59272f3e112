/**
 * A filter small enough to trust, for the tests of this folder: it sets one header from its configuration.
 * What Envoy itself does (updates, refusals, dead VMs, client headers) is tested apart from Pointsman's filter.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The configuration is `HEADER:VALUE`; one that starts with `bad` is refused. Paths `/none` and `/trap` do as they say. */
const SOURCE = `
import {
  proxy_get_buffer_bytes, proxy_get_header_map_value, proxy_log, proxy_replace_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

const WARN: usize = 3;
const REQUEST_HEADERS: i32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;

let header: ArrayBuffer = new ArrayBuffer(0);
let value: ArrayBuffer = new ArrayBuffer(0);
const gotPtr: usize = heap.alloc(8);

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_vm_start(root: u32, size: u32): u32 { return 1; }

export function proxy_on_configure(root: u32, size: u32): u32 {
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, gotPtr, gotPtr + 4) != 0) return 0;
  const from = load<usize>(gotPtr);
  const text = String.UTF8.decodeUnsafe(from, size);
  if (text.startsWith("bad")) {
    const line = String.UTF8.encode("guest: refused " + text);
    proxy_log(WARN, changetype<usize>(line), line.byteLength);
    return 0;
  }
  const colon = text.indexOf(":");
  header = String.UTF8.encode(text.substring(0, colon));
  value = String.UTF8.encode(text.substring(colon + 1));
  return 1;
}

export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 {
  const name = String.UTF8.encode(":path");
  proxy_get_header_map_value(REQUEST_HEADERS, changetype<usize>(name), name.byteLength, gotPtr, gotPtr + 4);
  const path = String.UTF8.decodeUnsafe(load<usize>(gotPtr), load<usize>(gotPtr + 4));
  if (path == "/trap") unreachable();
  if (path == "/none") return 0;
  proxy_replace_header_map_value(
    REQUEST_HEADERS, changetype<usize>(header), header.byteLength, changetype<usize>(value), value.byteLength);
  return 0;
}
`;

/** A module whose request callback does nothing: what a Wasm filter costs before it does anything. */
export const RETURNS_AT_ONCE = `
export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_vm_start(root: u32, size: u32): u32 { return 1; }
export function proxy_on_configure(root: u32, size: u32): u32 { return 1; }
export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 { return 0; }
`;

/** Of `assemblyscript/asc`; its own types would declare AssemblyScript's globals (`console`, `i32`) everywhere here. */
interface Compiler {
  main(
    options: string[],
    files: {
      readFile(name: string, base: string): Promise<string | null>;
      writeFile(name: string, contents: Uint8Array): void;
      listFiles(folder: string, base: string): string[];
    },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

/** Compiles AssemblyScript text with the flags of the real filter. */
export async function compileGuest(source: string = SOURCE): Promise<Uint8Array> {
  const asc: Compiler = await import("assemblyscript/asc" as string);
  let wasm: Uint8Array | undefined;
  const options = ["guest.ts", "--outFile", "guest.wasm", "--runtime", "minimal", "--use", "abort=", "-O3"];
  const { error, stderr } = await asc.main(options, {
    readFile: async (name, base) => {
      if (name === "guest.ts") return source;
      // The project's own would add the real filter to what is compiled.
      if (name === "asconfig.json") return null;
      return readFile(join(base, name), "utf8").catch(() => null);
    },
    writeFile: (_name, contents) => {
      wasm = contents;
    },
    listFiles: () => [],
  });
  if (error || !wasm) throw new Error(`the guest does not compile: ${error?.message}\n${stderr.toString()}`);
  return wasm;
}
