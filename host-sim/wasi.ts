/** The few WASI calls that proxy-wasm hosts offer (specification, and proxy-wasm-cpp-host exports.cc). */
import { Errno } from "./abi.ts";
import type { Context } from "./context.ts";
import type { Returned } from "./imports.ts";
import { byteString } from "./memory.ts";
import type { Vm } from "./vm.ts";

const stdout = 1;
const stderr = 2;
const infoLevel = 2;
const errorLevel = 4;
const realtime = 0;
const monotonic = 1;
/** `fs_rights_base` with FD_WRITE alone. */
const rightToWrite = 64n;

/** `NAME=value\0` for each environment variable. */
const environment = (vm: Vm): string[] =>
  Object.entries(vm.environment).map(([name, value]) => `${byteString(`${name}=${value}`)}\0`);

function fdWrite(vm: Vm, _context: Context, fd: number, bytes: Uint8Array): Returned {
  if (fd !== stdout && fd !== stderr) return Errno.BadF;
  // One line end at the end is the terminal's, not the log's.
  const text = Buffer.from(bytes).toString("latin1").replace(/\n$/, "");
  if (bytes.length > 0) vm.log(fd === stdout ? infoLevel : errorLevel, text);
  return [bytes.length];
}

function environGet(vm: Vm, _context: Context, array: number, buffer: number): Returned {
  let at = buffer;
  for (const [i, entry] of environment(vm).entries()) {
    if (!vm.memory.setU32(array + i * 4, at) || !vm.memory.write(at, entry)) return Errno.Fault;
    at += entry.length;
  }
  return Errno.Success;
}

function fdFdstatGet(vm: Vm, _context: Context, fd: number, address: number): Returned {
  if (fd !== stdout && fd !== stderr) return Errno.BadF;
  const written =
    vm.memory.setU64(address, 0n) &&
    vm.memory.setU64(address + 8, rightToWrite) &&
    vm.memory.setU64(address + 16, 0n);
  return written ? Errno.Success : Errno.Fault;
}

export const wasiHandlers = {
  fd_write: fdWrite,
  fd_read: () => Errno.NoSys,
  fd_seek: () => Errno.Success,
  fd_close: () => Errno.Success,
  fd_fdstat_get: fdFdstatGet,
  clock_time_get: (vm: Vm, _context: Context, clock: number) =>
    clock === realtime || clock === monotonic ? [vm.clock.nanoseconds] : Errno.NotSup,
  random_get: (vm: Vm, _context: Context, size: number) => [vm.randomBytes(size)],
  environ_sizes_get: (vm: Vm) => {
    const entries = environment(vm);
    return [entries.length, entries.join("").length];
  },
  environ_get: environGet,
  args_sizes_get: () => [0, 0],
  args_get: () => Errno.Success,
  // A C runtime calls this and then meets an unreachable instruction, which is what traps.
  proc_exit: () => Errno.Success,
};
