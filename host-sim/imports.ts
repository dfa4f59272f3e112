/**
 * The host side of every import, made from the table of host calls: count, restrictions, faults, decoding and
 * checking of the arguments, the handler, delivery of its outputs, trace. A handler never sees a guest address
 * unless its row says `address`.
 */
import { Errno, enumNames, enums, errnoNames, Status, statusNames } from "./abi.ts";
import { byteStringOf, joined } from "./bytes.ts";
import { type HostCall, isOutput, type Param, width } from "./call-rows.ts";
import type { Context } from "./context.ts";
import type { Fault } from "./faults.ts";
import type { Pair } from "./memory.ts";
import type { TraceValue } from "./trace.ts";
import { GuestTrap } from "./trap.ts";
import type { Vm } from "./vm.ts";

export type Output = number | bigint | string | Uint8Array | readonly Pair[];

/** A status alone (Ok then leaves every output unwritten), or the outputs of a call that succeeded. */
export type Returned = number | readonly Output[];

/** `args` are the row's inputs, decoded; each handler declares the types that its row gives it. */
export type Handler = (vm: Vm, context: Context, ...args: never[]) => Returned;

type Raw = number | bigint;
type Input = number | bigint | string | Uint8Array | readonly Pair[];

/** A parameter with the place of its first Wasm argument. */
interface Placed extends Param {
  readonly at: number;
}

interface Failures {
  readonly memory: number;
  readonly argument: number;
}

const failures: Record<HostCall["result"], Failures> = {
  status: { memory: Status.InvalidMemoryAccess, argument: Status.BadArgument },
  errno: { memory: Errno.Fault, argument: Errno.Inval },
  value: { memory: 0, argument: 0 },
  float: { memory: 0, argument: 0 },
  none: { memory: 0, argument: 0 },
};

const u32 = (raw: Raw | undefined): number => Number(raw ?? 0) >>> 0;

/** Host calls of `env` that a module may make while it starts. */
const atStart: ReadonlySet<string> = new Set([
  "proxy_log",
  "emscripten_notify_memory_growth",
  "abort",
  "seed",
]);

const isAtStart = ({ profile }: Vm, { group, name }: HostCall): boolean =>
  group === "wasi" ? !profile.wasiNotAtStart.has(name) : atStart.has(name);

export function bindImport(vm: Vm, row: HostCall, handler: Handler): (...raw: Raw[]) => number | undefined {
  const placed: Placed[] = [];
  let at = 0;
  for (const param of row.params) {
    placed.push({ ...param, at });
    at += width(param.kind);
  }
  const inputs = placed.filter(({ kind }) => !isOutput(kind) || kind === "outFill");
  const outputs = placed.filter(({ kind }) => isOutput(kind));
  const fail = failures[row.result];
  const run = handler as (vm: Vm, context: Context, ...args: Input[]) => Returned;

  return (...raw) => {
    vm.calls[row.name] = (vm.calls[row.name] ?? 0) + 1;
    vm.hostCalls++;
    vm.boundHostCalls();
    if (!vm.instantiated && row.group !== "emscripten")
      throw new GuestTrap(`${row.name} was called from the module's start function`);
    if (vm.starting && !isAtStart(vm, row))
      throw new GuestTrap(`${row.name} is not allowed while the module starts`);
    if (vm.profile.aborting.has(row.name)) vm.abortHost(`${row.name} is not implemented`);
    const { context } = vm;
    const fault = vm.faults?.match(row.name) ?? null;
    const decoded = decode(vm, inputs, raw, fail);
    vm.trace?.({ type: "hostcall", name: row.name, context: context.id, args: shown(inputs, decoded) });
    if (fault !== null)
      vm.trace?.({ type: "fault", name: row.name, what: JSON.stringify(fault, bigToString) });
    if (fault !== null && "trap" in fault) throw new GuestTrap(fault.trap);

    let answer: Returned;
    if (fault !== null && "status" in fault) answer = fault.status;
    else if (fault !== null && "outputs" in fault) answer = fault.outputs;
    else if (vm.profile.wasiNosys.has(row.name)) answer = Errno.NoSys;
    else answer = typeof decoded === "number" ? decoded : run(vm, context, ...decoded);

    const written = typeof answer === "number" ? answer : deliver(vm, outputs, raw, answer, fail, fault);
    if (vm.trace !== null) {
      const delivered = typeof answer !== "number" && written === 0 ? answer : [];
      vm.trace({
        type: "result",
        name: row.name,
        result: named(row, written),
        out: shown(outputs, delivered),
      });
    }
    return row.result === "none" ? undefined : written;
  };
}

/** An address and a size in bytes. */
const isRange = (kind: Param["kind"]): boolean =>
  kind === "bytes" || kind === "string" || kind === "cString" || kind === "pairs" || kind === "outFill";

/** The inputs, or the status to fail with. */
function decode(vm: Vm, inputs: readonly Placed[], raw: readonly Raw[], fail: Failures): Input[] | number {
  const args: Input[] = [];
  for (const { kind, at } of inputs) {
    const first = u32(raw[at]);
    const second = u32(raw[at + 1]);
    let value: Input | null;
    switch (kind) {
      case "u32":
      case "address":
        value = first;
        break;
      case "u64":
        value = BigInt.asUintN(64, raw[at] as bigint);
        break;
      case "i64":
        value = BigInt.asIntN(64, raw[at] as bigint);
        break;
      case "string":
        value = vm.memory.string(first, second);
        break;
      case "cString":
        value = vm.memory.string(first, second);
        if (value !== null && vm.profile.cStrings) value = vm.memory.cString(first);
        break;
      case "bytes":
        value = vm.memory.copy(first, second);
        break;
      case "pairs": {
        const pairs = vm.memory.pairs(first, second);
        if (pairs === null && !vm.profile.malformedPairsAreEmpty) return fail.argument;
        value = pairs === "outside" ? null : (pairs ?? []);
        break;
      }
      case "iovec":
        value = gather(vm, first, second);
        break;
      case "asString":
        value = vm.assemblyScriptString(first);
        break;
      case "outFill":
        value = vm.memory.contains(first, second) ? second : null;
        break;
      default:
        if (!(kind in enums)) throw new Error(`no decoder for ${kind}`);
        if (enumNames[kind as keyof typeof enums][first] === undefined) return fail.argument;
        value = first;
    }
    if (value === null) return fail.memory;
    if (isRange(kind)) vm.passBytes(second);
    args.push(value);
  }
  return args;
}

/** The bytes of `count` (address, size) pairs, or null if any of it lies outside the memory. */
function gather(vm: Vm, address: number, count: number): Uint8Array | null {
  // Each pair takes 8 bytes, so a count that cannot be in memory is refused before it is believed.
  if (!vm.memory.contains(address, count * 8)) return null;
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let i = 0; i < count; i++) {
    const piece = vm.memory.copy(
      vm.memory.u32(address + i * 8) ?? 0,
      vm.memory.u32(address + i * 8 + 4) ?? 0,
    );
    if (piece === null) return null;
    pieces.push(piece);
    size += piece.length;
    vm.passBytes(piece.length);
    // Pieces may overlap, and would let a small guest ask for any amount of the host's memory.
    if (size > vm.memory.size) return null;
  }
  return joined(pieces);
}

/** Writes the outputs in order; stops at the first that does not fit, as hosts do. */
function deliver(
  vm: Vm,
  outputs: readonly Placed[],
  raw: readonly Raw[],
  values: readonly Output[],
  fail: Failures,
  fault: Fault | null,
): number {
  for (const [i, { kind, at }] of outputs.entries()) {
    const value = values[i];
    if (value === undefined) throw new Error(`output ${i} is missing`);
    const first = u32(raw[at]);
    const second = u32(raw[at + 1]);
    let ok: boolean;
    if (kind === "outU32") ok = vm.memory.setU32(first, Number(value));
    else if (kind === "outU64") ok = vm.memory.setU64(first, BigInt(value as bigint));
    else if (kind === "outFill") ok = vm.memory.write(first, value as Uint8Array);
    else ok = give(vm, value, first, second, kind === "outBytesOrNull", fault);
    if (!ok) return fail.memory;
  }
  return 0;
}

/** Puts bytes or a map into memory that the guest allocates, and their address and size where it wants them. */
function give(
  vm: Vm,
  value: Output,
  addressAt: number,
  sizeAt: number,
  optional: boolean,
  fault: Fault | null,
): boolean {
  let address = 0;
  let size = 0;
  if (fault !== null && "hostilePointer" in fault) {
    ({ address, size } = fault.hostilePointer);
  } else if (typeof value === "string" || ArrayBuffer.isView(value)) {
    size = value.length;
    vm.passBytes(size);
    if (size > 0 && !(optional && addressAt === 0)) {
      address = vm.allocate(size);
      if (address === 0 || !vm.memory.write(address, value)) return false;
    }
  } else {
    const pairs = value as readonly Pair[];
    // The empty map is no bytes at all, and the allocator is not asked.
    if (pairs.length > 0) {
      size = vm.pairsSize(pairs);
      vm.passBytes(size);
      address = vm.allocate(size);
      if (address === 0 || !vm.memory.writePairs(address, pairs)) return false;
    }
  }
  if (!(optional && addressAt === 0) && !vm.memory.setU32(addressAt, address)) return false;
  return (optional && sizeAt === 0) || vm.memory.setU32(sizeAt, size);
}

const bigToString = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

function named(row: HostCall, result: number): string | number | null {
  if (row.result === "none") return null;
  if (row.result === "status") return statusNames[result] ?? result;
  if (row.result === "errno") return errnoNames[result] ?? result;
  return result;
}

function shown(
  params: readonly Placed[],
  values: readonly (Input | Output)[] | number,
): Record<string, TraceValue> {
  const args: Record<string, TraceValue> = {};
  if (typeof values === "number") return args;
  for (const [i, { name, kind }] of params.entries()) {
    const value = values[i];
    if (value === undefined) continue;
    if (typeof value === "bigint") args[name] = value.toString();
    else if (ArrayBuffer.isView(value)) args[name] = byteStringOf(value);
    else if (kind in enums) args[name] = enumNames[kind as keyof typeof enums][value as number] ?? null;
    // A copy: the map may be changed after the event.
    else args[name] = Array.isArray(value) ? [...(value as readonly Pair[])] : (value as TraceValue);
  }
  return args;
}
