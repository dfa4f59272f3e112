/** The two ways in which a call into the guest ends without a result. */

/** The guest trapped, or the host trapped it: its VM is dead from now on. */
export class GuestTrap extends Error {
  override name = "GuestTrap";
}

/** The guest made the host's process abort: nothing serves any more. */
export class HostAbort extends Error {
  override name = "HostAbort";
}

/** The message of a trap, or null if the error is not the guest's but a mistake in the simulator. */
export function trapMessage(error: unknown): string | null {
  if (error instanceof GuestTrap || error instanceof WebAssembly.RuntimeError) return error.message;
  // V8 reports an exhausted Wasm stack as this RangeError of its own.
  if (error instanceof RangeError && error.message.startsWith("Maximum call stack")) return "stack overflow";
  return null;
}
