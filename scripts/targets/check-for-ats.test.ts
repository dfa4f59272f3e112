/** What ATS would start without the filter for is refused before. */
import { beforeAll, describe, expect, it } from "vitest";
import { tableOf } from "../../test/support/farms.ts";
import { folderOf } from "../../test/support/folder.ts";
import { buildGuest, buildTimeout } from "../../test/support/guests.ts";
import { plainListener, plainPlan } from "../../test/support/plans.ts";
import { filter } from "../filter.ts";
import { atsPlugin } from "../render/ats/plugin.ts";
import { checkForAts } from "./check-for-ats.ts";

const table = tableOf(plainPlan({ listeners: [plainListener({ name: "a" }), plainListener({ name: "b" })] }));
const YAML = atsPlugin(table, { wasm: "pointsman.wasm", listener: "a", clusterHeader: "x-cluster" });

let simd: Uint8Array;
beforeAll(async () => {
  const source =
    "export function malloc(n: usize): usize { return heap.alloc(n); }\nexport function v(): i32 { return i32x4.extract_lane(i32x4.splat(7), 0); }";
  simd = await buildGuest("simd.ts", ["--use", "abort=", "--enable", "simd", "--noAssert", "-O0"], source);
}, buildTimeout);

/** In a folder as ATS's. */
async function check(text: string | Uint8Array): Promise<string> {
  const folder = folderOf({
    "pointsman.wasm": Buffer.from(filter),
    "simd.wasm": Buffer.from(simd),
    "empty.wasm": "",
  });
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  try {
    await checkForAts(bytes, `${folder}/x`, filter);
    return "taken";
  } catch (error) {
    return (error as Error).message.replaceAll(`${folder}/`, "");
  }
}

describe("taken are", () => {
  it.each([
    ["what `render` writes", YAML],
    ["the same with other names of keys", YAML.replace("root_id", "rootId").replace("vm_config", "vmConfig")],
    ["a table, as each of its listeners", table.bytes],
  ])("%s", async (_, text) => {
    expect(await check(text)).toBe("taken");
  });
});

const swap = (from: string | RegExp, to: string) => {
  const text = YAML.replace(from, to);
  if (text === YAML) throw new Error(`no ${from}`);
  return text;
};
const closed = "x: ATS would start without the filter, or with one that fails open: ";
describe("refused are", () => {
  it.each([
    ["half a table", table.bytes.subarray(0, 200), "x: 200 bytes, but its header says"],
    [
      "another spelling of false",
      swap("fail_open: false", "fail_open: False"),
      `${closed}config.fail_open: must be`,
    ],
    ["the default of fail_open", swap(/.*fail_open.*\n/, ""), `${closed}config.fail_open: must be \`false\``],
    [
      "another engine",
      swap("wamr", "v8"),
      `${closed}config.vm_config.runtime: must be \`ats.wasm.runtime.wamr\``,
    ],
    [
      "a filter that is not asked",
      swap(
        "  fail_open",
        "  capability_restriction_config: { allowed_capabilities: [proxy_log] }\n  fail_open",
      ),
      `${closed}config.capability_restriction_config: must not be there`,
    ],
    ["no VM", swap("vm_config", "vm"), `${closed}config: must have \`vm_config\``],
    ["a second plugin", `${YAML}more: {}\n`, `${closed}Unrecognized key: "more"`],
    [
      "bytes in the configuration",
      swap(/configuration: .*/, 'configuration: "\\x00"'),
      "the filter refuses it: a YAML scalar",
    ],
    ["a tab", swap("  name:", "\tname:"), "x: no YAML that ATS reads: "],
    ["bytes that are no text", Buffer.from([0x63, 0x3a, 0xff]), "x: no YAML that ATS reads: "],
    ["nothing", "", "x: no YAML that ATS reads: "],
    [
      "a filter that is not there",
      swap("pointsman.wasm", "nix.wasm"),
      "x: the filter that it names, nix.wasm, cannot be read",
    ],
    ["an empty filter", swap("pointsman.wasm", "empty.wasm"), "empty.wasm: no filter that ATS runs: "],
    [
      "a module that WAMR refuses",
      swap("pointsman.wasm", "simd.wasm"),
      "simd.wasm: no filter that ATS runs: ats-10.2 refuses simd",
    ],
    [
      "half a table in it",
      swap(/[\w+/]{40}(=*")/, "$1"),
      "x: the filter refuses it: pointsman: table refused: ",
    ],
    [
      "a listener that the table has not",
      swap('"listener":"a"', '"listener":"c"'),
      "x: the filter refuses it: pointsman: ",
    ],
    [
      "a header that the table does not set",
      swap("x-cluster", "x-other"),
      "x: the filter refuses it: pointsman: ",
    ],
  ])("%s", async (_, text, why) => {
    expect(await check(text)).toContain(why);
  });
});
