/** Traps tell lines of C, by the DWARF of its module; of a damaged one they tell less, and nothing else happens. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { projectPath } from "../../test/support/data.ts";
import { TRAP_MODULES } from "../../test/support/dwarf/trap-modules.ts";
import { Vm } from "../index.ts";
import { dwarfPositions } from "./dwarf-lines.ts";
import { customSections, readSections } from "./sections.ts";

const source = readFileSync(projectPath("test/support/dwarf/trap.c"), "utf8").split("\n");

describe.each(TRAP_MODULES)("DWARF $version", ({ wasm }) => {
  test("a trap's frames have file, line and column", async () => {
    const vm = await Vm.load(wasm);
    vm.createRoot();
    const frames = vm.trap!.split("\n  ").slice(1);
    const told = frames.map((frame) => {
      const [, name, line, column, times] =
        /^at (\w+) \((?:\S*\/)?trap\.c:(\d+):(\d+), 0x[0-9a-f]+\)(.*)$/.exec(frame)!;
      return `${name}${times}: ${source[Number(line) - 1]!.slice(Number(column) - 1)}`;
    });
    expect(told).toEqual(["left: __builtin_trap();", "left × 4: left(n + 1) + 1;", "start: left(0);"]);
  });

  test("damaged anywhere, it throws nothing and ends", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    let unlike = 0;
    fc.assert(
      fc.property(changes, fc.nat(), (changed, cut) => {
        const damaged = wasm.slice();
        const lines = customSections(readSections(damaged)).find(
          ({ name }) => name === ".debug_line",
        )!.content;
        for (const [at, byte] of changed) lines[at % lines.length] = byte;
        if (cut % 4 === 0) lines.fill(0xff, cut % lines.length);
        const [before, after] = [dwarfPositions(wasm), dwarfPositions(damaged)];
        for (let offset = 0; offset < wasm.length; offset += 3)
          if (before(offset) !== after(offset)) unlike++;
      }),
      { numRuns: 300 },
    );
    expect(unlike).toBeGreaterThan(1000);
  });
});

test("a module without lines has none", () => {
  expect(dwarfPositions(readFileSync(projectPath("build/pointsman.wasm")))(100)).toBe(null);
});
