/** The filter as bytes, for whatever runs it. */
import bytes from "../build/pointsman.wasm";

/** The filter, as `npm run build` made it: bundled, so that the CLI is one file. */
export const filter: Uint8Array = bytes;
