// What the SDK's log writes to. asc has no `process.stdout` of its own; the SDK expects the one of
// @assemblyscript/wasi-shim, and this stands in its place: `--use process=` points here.
import { fd_write } from "./wasi_snapshot_preview1";

const stdoutFd = 1;

// biome-ignore lint/correctness/noUnusedVariables: it is the program's `process`, by the compiler's flag
namespace process {
  export namespace stdout {
    export function write(text: string): void {
      const bytes = String.UTF8.encode(text);
      const iovec = memory.data(8, 8);
      const written = memory.data(4, 4);
      store<u32>(iovec, changetype<usize>(bytes));
      store<u32>(iovec + 4, bytes.byteLength);
      fd_write(stdoutFd, iovec, 1, written);
    }
  }
}
