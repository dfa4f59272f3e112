/** Every module that is measured compiles: the whole bench runs too seldom to tell. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { projectPath } from "../test/support/data.ts";
import { compileGuest, type GuestName } from "./guests.ts";

const folder = mkdtempSync(join(tmpdir(), "pointsman-guests-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const guests = readdirSync(projectPath("bench/guests")).map((file) => basename(file, ".ts") as GuestName);
test.each(guests)("%s", { timeout: 120_000 }, async (name) => {
  await expect(compileGuest(name, folder)).resolves.toBe(join(folder, `${name}.wasm`));
});
