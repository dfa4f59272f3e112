/** What tests want to hold of a filter besides its answers. Each throws an Error that says what did not hold. */
import type { Vm } from "./vm.ts";

/** At most `limit` host calls while `run` runs; names the calls if there are more. */
export function assertHostCalls(vm: Vm, limit: number, run: () => void): void {
  const before = { ...vm.calls };
  const total = vm.hostCalls;
  run();
  const made = vm.hostCalls - total;
  if (made <= limit) return;
  const calls = Object.entries(vm.calls)
    .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} × ${count}`);
  throw new Error(`${made} host calls, at most ${limit} allowed: ${calls.join(", ")}`);
}

/**
 * Linear memory after 2n runs is what it was after n, and no context is left over. The first n are the guest's to
 * grow into its working size; allocators take memory in large steps, so small leaks need a large n to show.
 */
export function assertNoLeak(vm: Vm, n: number, run: () => void): void {
  for (let i = 0; i < n; i++) run();
  const bytes = vm.memoryBytes;
  const contexts = vm.liveContexts;
  for (let i = 0; i < n; i++) run();
  if (vm.memoryBytes > bytes) throw new Error(`memory grew by ${vm.memoryBytes - bytes} bytes in ${n} runs`);
  if (vm.liveContexts > contexts)
    throw new Error(`${vm.liveContexts - contexts} contexts were never deleted`);
}
