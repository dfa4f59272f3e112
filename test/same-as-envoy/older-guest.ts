/** The guest of the comparison as a module of ABI 0.1.0: the same commands, by the calls and callbacks of that version. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot } from "../../scripts/project-root.ts";
import { compileGuest, FILTER_FLAGS } from "../support/compile-guest.ts";

const SCRIPT = "test/same-as-envoy/guest/script.ts";

/** Of each file, what is otherwise in 0.1.0. */
const otherwise: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  [SCRIPT]: [
    ["proxy_abi_version_0_2_1", "proxy_abi_version_0_1_0"],
    ["headers: u32, end: u32): u32 {", "headers: u32): u32 {\n  const end: u32 = 0;"],
  ],
  "test/same-as-envoy/guest/commands.ts": [
    ["host.proxy_continue_stream(i32.parse(w[1]))", "old.proceed(i32.parse(w[1]))"],
    ["import { takenPairsShown", 'import * as old from "../../support/guest/env";\nimport { takenPairsShown'],
  ],
  "test/support/guest/commands.ts": [
    ["host.proxy_continue_stream(number(words[1]))", "env.proceed(number(words[1]))"],
    ["host.proxy_close_stream(number(words[1]))", "env.proxy_clear_route_cache()"],
    ["withNumber(host.proxy_get_log_level(slotA))", "withText(env.proxy_get_configuration(slotA, slotB))"],
  ],
  "test/support/guest/env.ts": [
    [
      "// The SDK's own",
      `declare function proxy_continue_request(): u32;
declare function proxy_continue_response(): u32;
export declare function proxy_clear_route_cache(): u32;
export declare function proxy_get_configuration(at: usize, size: usize): u32;
export function proceed(type: u32): u32 {
  return type === 0 ? proxy_continue_request() : proxy_continue_response();
}
// The SDK's own`,
    ],
  ],
};

/** Two commands do something else: `close` clears the route cache, `loglevel` gets the configuration. */
export async function olderGuest(): Promise<Uint8Array> {
  const texts: Record<string, string> = {};
  for (const [name, changes] of Object.entries(otherwise)) {
    let text = await readFile(join(projectRoot(), name), "utf8");
    for (const [from, to] of changes) {
      if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
      text = text.replaceAll(from, to);
    }
    texts[name] = text;
  }
  return compileGuest([SCRIPT, ...FILTER_FLAGS], texts);
}
