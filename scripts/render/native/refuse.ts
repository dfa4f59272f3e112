/** What Envoy's own routes cannot say is refused by name, unless it is left out by that name. */
import type { Unsaid } from "./unsaid.ts";

/** @param found of each listener. Throws RangeError. */
export function refuseUnsaid(found: ReadonlyMap<string, readonly Unsaid[]>, except: readonly string[]): void {
  const all = [...found].flatMap(([listener, unsaid]) => unsaid.map((one) => ({ listener, ...one })));
  for (const name of except) {
    if (!all.some((one) => one.name === name))
      throw new RangeError(`there is no "${name}" to leave out: these routes say all of it`);
  }
  const lines = all
    .filter(({ name }) => !except.includes(name))
    .map(({ listener, name, why }) => `  listener ${listener}, ${name}: ${why}`);
  if (lines.length === 0) return;
  throw new RangeError(
    [
      "Envoy's own routes cannot say all of this table:",
      ...lines,
      "render it with the filter, or leave out each of these by --except NAME: its requests then get a 501",
    ].join("\n"),
  );
}
