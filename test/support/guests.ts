/** Guests for the simulator's own tests, and short names for what every test does. */
import type { Pair } from "../../host-sim/memory.ts";
import type { RootContext, RootOptions } from "../../host-sim/root.ts";
import { type LoadOptions, Vm } from "../../host-sim/vm.ts";
import { compileGuest } from "./compile-guest.ts";

/** Turns `abort` into a bare trap, so that nothing is imported for it. */
export const bareAbort: readonly string[] = ["--use", "abort="];

/** Compiles one file of `guest/`, or the `source` given in its place. */
export function buildGuest(file: string, flags = bareAbort, source?: string): Promise<Uint8Array> {
  const entry = `test/support/guest/${file}`;
  return compileGuest(
    [entry, "--optimize", "--runtime", "incremental", ...flags],
    source === undefined ? {} : { [entry]: source },
  );
}

export const simple: readonly Pair[] = [
  [":authority", "en.example"],
  [":path", "/wiki/Cat?action=view"],
  [":method", "GET"],
  [":scheme", "https"],
];

/** `guest/guest.ts`: it does what its configuration and the header `x-do` say. */
export const guest = (): Promise<Uint8Array> => buildGuest("guest.ts");

/** The same with the calls that only proxy-wasm-cpp-host offers. */
export const guestWithExtras = (): Promise<Uint8Array> =>
  buildGuest("guest.ts", [...bareAbort, "--use", "EXTRAS=1"]);

/** How long a test may wait for asc, in milliseconds: it compiles only what is not in the cache. */
export const buildTimeout = 120_000;

export async function startGuest(
  script: string,
  options: LoadOptions & RootOptions = {},
): Promise<{ vm: Vm; root: RootContext }> {
  const vm = await Vm.load(await guest(), options);
  return { vm, root: vm.createRoot({ ...options, configuration: script }) };
}

/** What a guest logged since the last look. */
export const said = (vm: Vm): string[] => vm.logs.splice(0).map(({ text }) => text);

/** The simple request with commands for the guest. */
export const doing = (commands: string, ...more: Pair[]): { headers: Pair[] } => ({
  headers: [...simple, ...more, ["x-do", commands]],
});
