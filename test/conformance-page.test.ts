/** What docs/conformance.md says of the thirteen modules of the data; `npm run conformance` writes the page. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROFILES } from "../scripts/simulate/profiles.ts";
import { CONFIGURATIONS, loadsIn, TRIED } from "./conformance/found.ts";
import { filters } from "./same-as-envoy/foreign.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";

const PAGE = readFileSync(projectPath("docs/conformance.md"), "utf8");
const [LOADS = "", SAME = ""] = PAGE.split("## The same as Envoy");
const NAMES = [...PROFILES.keys()];

/** The cells of a module's row behind its name. */
const cells = (text: string, name: string): string[] =>
  new RegExp(`^\\| \`${name}\` \\|(.*)\\|$`, "m")
    .exec(text)?.[1]
    ?.split("|")
    .map((cell) => cell.trim()) ?? [];

/** As the page has it: `yes`, or the reason that its number stands for. */
function saidOf(cell: string): string {
  const number = /^no \((\d+)\)$/.exec(cell)?.[1];
  return number === undefined
    ? cell
    : (new RegExp(`^\\| ${number} \\| (.*) \\|$`, "m").exec(LOADS)?.[1] ?? "");
}

test("has a column for each profile", () => {
  expect(LOADS).toContain(`| module | of what | ${NAMES.join(" | ")} |\n`);
});

test("says that each module of which requests are tried is as in Envoy 1.40, as test/same-as-envoy shows", () => {
  for (const name of Object.keys(filters))
    expect([name, cells(SAME, name)[0]]).toEqual([name, `${TRIED} of ${TRIED}`]);
});

/** Go's take seconds to compile for each profile; `npm run conformance` asks them too. */
const QUICK = 1_000_000;

test.skipIf(DATA_IS_ABSENT)(`says where those of C++ and Rust load${WHY_SKIPPED}`, async () => {
  const folder = join(DATA, "modules");
  for (const file of readdirSync(folder).filter((one) => one.endsWith(".wasm"))) {
    const name = file.replace(".wasm", "");
    const wasm = readFileSync(join(folder, file));
    if (wasm.length > QUICK) continue;
    const loads = await loadsIn(wasm, filters[name]?.configuration ?? CONFIGURATIONS[name]);
    const said = cells(LOADS, name).slice(1).map(saidOf);
    expect([name, said]).toEqual([name, NAMES.map((profile) => loads[profile] ?? "yes")]);
  }
});
