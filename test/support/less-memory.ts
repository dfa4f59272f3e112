/** The filter with a smaller bound on its memory, so that a test need not fill a gigabyte. */
import { filter } from "../../scripts/filter.ts";

/** MAX_MEMORY_PAGES of assembly/pages.ts, as `i32.const 15360` in the module, and `memory.size`, which it is above. */
const BOUND = Buffer.from([0x41, 0x80, 0xf8, 0x00, 0x3f, 0x00]);

/** @param pages below 16,384 */
export function filterWithPages(pages: number): Uint8Array {
  const module = Buffer.from(filter);
  const at = module.indexOf(BOUND);
  if (at < 0 || module.includes(BOUND, at + 1))
    throw new Error("where the filter's bound stands is not clear");
  module.set([0x41, (pages & 0x7f) | 0x80, (pages >> 7) | 0x80, 0], at);
  return module;
}
