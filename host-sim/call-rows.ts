/**
 * What a row of the tables of host calls says. Imports, signatures, argument decoding, traces, the coverage test and
 * the table in docs/host-sim.md are all made from the rows, so a new call is one row and one handler.
 */
import type { AbiVersion, EnumKind } from "./abi.ts";

/**
 * What a parameter is. Inputs reach the handler decoded:
 * - an enumeration's name: a number in range, else the call answers BadArgument
 * - `u32`, `u64`, `i64`: a number, or a bigint
 * - `address`: a guest address that the handler checks itself
 * - `string`: (address, size) → byte string, one character a byte
 * - `cString`: as `string`; a host that reads C strings reads on to the next NUL (see `Profile.cStrings`)
 * - `bytes`: (address, size) → Uint8Array, a copy
 * - `pairs`: (address, size) of a serialised map → pairs, or null if it is malformed
 * - `iovec`: (address, count) of (address, size) pairs → the bytes of all of them
 * - `asString`: address of an AssemblyScript string → string
 *
 * Outputs are what the handler returns in an array, in order, and are written only then:
 * - `outU32`, `outU64`: at the address
 * - `outBytes`, `outPairs`: into memory that the guest allocates; its address and size at two addresses
 * - `outBytesOrNull`: the same, but either address may be 0 for "not wanted"
 * - `outFill`: (address, size) of a guest's buffer, filled with exactly that many bytes
 */
export type ParamKind =
  | EnumKind
  | "u32"
  | "u64"
  | "i64"
  | "address"
  | "string"
  | "cString"
  | "bytes"
  | "pairs"
  | "iovec"
  | "asString"
  | "outU32"
  | "outU64"
  | "outBytes"
  | "outPairs"
  | "outBytesOrNull"
  | "outFill";

/** How many Wasm parameters each kind takes, where that is not one. */
const twoWide: ReadonlySet<ParamKind> = new Set<ParamKind>([
  "string",
  "cString",
  "bytes",
  "pairs",
  "iovec",
  "outBytes",
  "outPairs",
  "outBytesOrNull",
  "outFill",
]);

/** How many Wasm parameters a kind takes. */
export const width = (kind: ParamKind): 1 | 2 => (twoWide.has(kind) ? 2 : 1);
export const isOutput = (kind: ParamKind): boolean => kind.startsWith("out");

export interface Param {
  readonly name: string;
  readonly kind: ParamKind;
}

export type Group =
  | "context"
  | "configuration and buffers"
  | "logging"
  | "clocks and timers"
  | "header maps"
  | "streams"
  | "http calls"
  | "grpc calls"
  | "shared data"
  | "shared queues"
  | "metrics"
  | "properties"
  | "foreign functions"
  | "wasi"
  | "emscripten"
  | "assemblyscript";

export interface HostCall {
  readonly name: string;
  /** Wasm import module. `wasi_snapshot_preview1` calls are offered as `wasi_unstable` too, as Envoy does. */
  readonly module: "env" | "wasi_snapshot_preview1";
  readonly group: Group;
  readonly params: readonly Param[];
  /** `status`: proxy_status_t; `errno`: wasi_errno_t; `value`, `float`: the handler's number as it is; `none`: no result. */
  readonly result: "status" | "errno" | "value" | "float" | "none";
  readonly abi: readonly AbiVersion[];
}

const all: readonly AbiVersion[] = ["0.1.0", "0.2.0", "0.2.1"];

/** `spec` is `name:kind name:kind …`; see ParamKind. */
const params = (spec: string): Param[] =>
  spec === ""
    ? []
    : spec.split(" ").map((param) => {
        const [name = "", kind = ""] = param.split(":");
        return { name, kind: kind as ParamKind };
      });

type More = Partial<Pick<HostCall, "result" | "abi">>;

/** A call of the module `env`, of all versions of the ABI unless said otherwise. */
export const env = (group: Group, name: string, spec: string, more: More = {}): HostCall => ({
  name,
  module: "env",
  group,
  params: params(spec),
  result: "status",
  abi: all,
  ...more,
});

export const wasi = (name: string, spec: string, more: More = {}): HostCall => ({
  name,
  module: "wasi_snapshot_preview1",
  group: "wasi",
  params: params(spec),
  result: "errno",
  abi: all,
  ...more,
});
