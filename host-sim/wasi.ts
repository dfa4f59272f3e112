/**
 * What WASI calls do in proxy-wasm hosts: standard output and error are the log, and of files, folders and sockets
 * there are none. Errors and what is written beside them are as Envoy 1.40 was seen to do; `wasi.test.ts` compares.
 */
import { Errno } from "./abi.ts";
import { byteString, byteStringOf } from "./bytes.ts";
import type { Context } from "./context.ts";
import type { Returned } from "./imports.ts";
import type { Vm } from "./vm.ts";

const stdout = 1;
const stderr = 2;
const infoLevel = 2;
const errorLevel = 4;
const realtime = 0;
const monotonic = 1;
const isClock = (clock: number): boolean => clock === realtime || clock === monotonic;
/** `fs_rights_base` with FD_WRITE alone. */
const rightToWrite = 64n;

const isOutput = (fd: number): boolean => fd === stdout || fd === stderr;

/** What the log takes like a file, and does nothing about. */
const ofOutput = (_vm: Vm, _context: Context, fd: number): number =>
  isOutput(fd) ? Errno.Success : Errno.BadF;

/** A call that says at an address that nothing came, and fails. */
const nothing =
  (errno: number, ...places: number[]) =>
  (vm: Vm, _context: Context, ...args: (number | bigint)[]): number =>
    places.every((at) => vm.memory.setU32(Number(args[at]), 0)) ? errno : Errno.Fault;

const noFile = (): number => Errno.BadF;
const notImplemented = (): number => Errno.NoSys;
const notSupported = (): number => Errno.NotSup;

/** `NAME=value\0` for each environment variable. */
const environment = (vm: Vm): string[] =>
  Object.entries(vm.environment).map(([name, value]) => `${byteString(`${name}=${value}`)}\0`);

function fdWrite(vm: Vm, _context: Context, fd: number, bytes: Uint8Array): Returned {
  if (!isOutput(fd)) return Errno.BadF;
  // One line end at the end is the terminal's, not the log's.
  const text = byteStringOf(bytes).replace(/\n$/, "");
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
  if (!isOutput(fd)) return Errno.BadF;
  const written =
    vm.memory.setU64(address, 0n) &&
    vm.memory.setU64(address + 8, rightToWrite) &&
    vm.memory.setU64(address + 16, 0n);
  return written ? Errno.Success : Errno.Fault;
}

export const wasiHandlers = {
  args_get: () => Errno.Success,
  args_sizes_get: () => [0, 0],
  environ_get: environGet,
  environ_sizes_get: (vm: Vm) => {
    const entries = environment(vm);
    return [entries.length, entries.join("").length];
  },
  clock_res_get: (_vm: Vm, _context: Context, clock: number) => (isClock(clock) ? [1n] : Errno.NotSup),
  clock_time_get: (vm: Vm, _context: Context, clock: number) =>
    isClock(clock) ? [vm.clock.nanoseconds] : Errno.NotSup,

  fd_advise: () => Errno.Success,
  fd_allocate: ofOutput,
  fd_close: () => Errno.Success,
  fd_datasync: ofOutput,
  fd_fdstat_get: fdFdstatGet,
  fd_fdstat_set_flags: notImplemented,
  fd_fdstat_set_rights: ofOutput,
  fd_filestat_get: noFile,
  fd_filestat_set_size: ofOutput,
  fd_filestat_set_times: ofOutput,
  fd_pread: notImplemented,
  fd_prestat_get: noFile,
  fd_prestat_dir_name: notImplemented,
  fd_pwrite: fdWrite,
  fd_read: notImplemented,
  fd_readdir: nothing(Errno.Exist, 4),
  fd_renumber: noFile,
  fd_seek: () => Errno.Success,
  fd_sync: ofOutput,
  fd_tell: (vm: Vm, _context: Context, fd: number, offset: number) => {
    if (!isOutput(fd)) return Errno.BadF;
    return vm.memory.setU64(offset, 0n) ? Errno.Success : Errno.Fault;
  },
  fd_write: fdWrite,

  path_create_directory: notSupported,
  path_filestat_get: notSupported,
  path_filestat_set_times: notSupported,
  path_link: notSupported,
  path_open: () => Errno.NoEnt,
  path_readlink: nothing(Errno.NotSup, 5),
  path_remove_directory: notSupported,
  path_rename: notSupported,
  path_symlink: notSupported,
  path_unlink_file: notSupported,

  poll_oneoff: () => [0],
  // A C runtime calls this and then meets an unreachable instruction, which is what traps.
  proc_exit: () => Errno.Success,
  random_get: (vm: Vm, _context: Context, size: number) => [vm.randomBytes(size)],
  sched_yield: () => Errno.Success,

  sock_accept: (vm: Vm, _context: Context, _fd: number, _flags: number, accepted: number) =>
    vm.memory.setU64(accepted, 0n) ? Errno.NotSup : Errno.Fault,
  sock_recv: (vm: Vm, _context: Context, ...args: number[]) =>
    vm.memory.setU32(args[4] ?? 0, 0) && vm.memory.write(args[5] ?? 0, "\0\0") ? Errno.NotSup : Errno.Fault,
  sock_send: nothing(Errno.NotSup, 4),
  sock_shutdown: notSupported,
};
