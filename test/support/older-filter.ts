/** The filter of a day before: it reads another layout of tables than ours, and refuses what we pack. */
import { LAYOUT_VERSION } from "../../assembly/layout.ts";
import { filter } from "../../scripts/filter.ts";

export function olderFilter(): Uint8Array {
  const module = Buffer.from(filter);
  // A number that was read, kept, and held against the version: `call`, `local.tee`, `i32.const`, `i32.ne`, `if`.
  const version = String.fromCharCode(LAYOUT_VERSION);
  const places = [
    ...module.toString("latin1").matchAll(new RegExp(`\x10.\x22.\x41${version}\x47\x04\x40`, "gs")),
  ];
  if (places.length !== 1) throw new Error("where the filter looks at the layout's version is not clear");
  module[places[0]!.index + 5] = LAYOUT_VERSION - 1;
  return module;
}
