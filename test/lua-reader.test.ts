/** The script for ATS, outside of ATS: it reads, refuses and decides as the decoder does. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeChecksum } from "../scripts/encode/container.ts";
import type { Plan } from "../scripts/plan.ts";
import { TableError } from "../scripts/table/check.ts";
import { decide } from "../scripts/table/decide.ts";
import { hashKey, hashText } from "../scripts/table/hash.ts";
import type { Answer, Request, Where } from "../scripts/table/request.ts";
import { Table } from "../scripts/table/table.ts";
import { findAts } from "./support/ats.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, tableOf } from "./support/farms.ts";
import { askLua, luaBytes, luaText, runLua } from "./support/lua-reader.ts";
import { anyPlan } from "./support/plans.ts";
import { requestsFor, wheresFor } from "./support/requests.ts";

const ats = findAts();
const IS_ABSENT = "why" in ats && !process.env.CI;

/** Keys whose hashes are compared, beside those of the real farm; a million take some minutes. */
const KEYS = Number(process.env.POINTSMAN_LUA_KEYS ?? 20_000);
const MUTATIONS = Number(process.env.POINTSMAN_LUA_MUTATIONS ?? 3_000);

describe.skipIf(IS_ABSENT)(`the reader in Lua${"why" in ats ? ` (skipped: ${ats.why})` : ""}`, () => {
  const farms = ["small", "production", "labs"] as const;
  for (const name of farms) {
    const isSkipped = name !== "small" && DATA_IS_ABSENT;
    it.skipIf(isSkipped)(`finds every key of ${name}${isSkipped ? WHY_SKIPPED : ""}`, () => {
      const table = tableOf(loadFarm(name).plan);
      const keys = (set: "wikis" | "hosts") => [...table.keys(table[set])].map(({ key }) => key);
      expect(keys("wikis").length).toBeGreaterThan(2);
      const lost = (set: "wikis" | "hosts") => `lost("${set}", ${luaText(keys(set).join("\n"))})`;
      expect(runLua([`open(nil, ${luaBytes(table.bytes)})`, lost("wikis"), lost("hosts")])).toEqual([
        null,
        "",
        "",
      ]);
    });
  }

  it("has the hash of generated keys", { timeout: 600_000 }, () => {
    const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
    const keys = fc.sample(
      fc.tuple(fc.string({ unit: byte, maxLength: 40 }), fc.nat(2 ** 31 - 1), fc.boolean()),
      KEYS,
    );
    const asked = keys.map(([key, half, isHigh]) => ({ key, seed: half * 2 + Number(isHigh) }));
    for (let from = 0; from < asked.length; from += 50_000) {
      const some = asked.slice(from, from + 50_000);
      const hashes = runLua(some.map(({ key, seed }) => `hash(${luaText(key)}, ${seed})`));
      const wrong = some.filter(({ key, seed }, i) => !isDeepStrictEqual(hashes[i], hashKey(key, seed)));
      expect(wrong).toEqual([]);
      const shares = runLua(some.map(({ key }) => `share(${luaText(key)})`));
      const share = (text: string) => Math.floor((hashText(text) * 10_000) / 2 ** 32);
      expect(some.filter(({ key }, i) => shares[i] !== share(key))).toEqual([]);
    }
  });

  /** Compares the answers to so many generated requests, anywhere. */
  const compare = (plan: Plan, count: number) => {
    const table = tableOf(plan);
    const asked: [Request, Where][] = fc.sample(
      fc.tuple(requestsFor(plan), fc.constantFrom(...wheresFor(plan))),
      count,
    );
    const answers = askLua(table, asked);
    const wrong = asked.flatMap(([request, where], i) => {
      const expected: Answer = decide(table, request, { ...where, bodiless: true }).answer;
      return isDeepStrictEqual(answers[i], expected) ? [] : [{ request, where, got: answers[i], expected }];
    });
    expect(wrong).toEqual([]);
  };

  for (const name of farms) {
    const isSkipped = name !== "small" && DATA_IS_ABSENT;
    it.skipIf(isSkipped)(
      `agrees about generated requests to the farm ${name}${isSkipped ? WHY_SKIPPED : ""}`,
      () => compare(loadFarm(name).plan, 2_000),
    );
  }

  it("agrees about generated farms", () => {
    for (const plan of fc.sample(anyPlan, 20)) compare(plan, 100);
  });

  it("takes a rule with more values than LuaJIT takes arguments", () => {
    const { plan } = loadFarm("small");
    const values = Array.from({ length: 9_000 }, (_, i) => `value-${i}`);
    const when = [
      { subject: "header", test: "option", not: false, name: "x-a", option: "b", values } as const,
    ];
    const listeners = plan.listeners.map((one) => ({
      ...one,
      routes: [{ when, outcome: "pass", wiki: "host", debug: false } as const, ...one.routes],
    }));
    const asked = ["value-8999", "value-9000"].map((value): [Request, Where] => [
      { authority: "en.wikipedia.org", target: "/", headers: [["x-a", `b=${value}`]] },
      { listener: null, secondary: false },
    ]);
    const answers = askLua(tableOf({ ...plan, listeners }), asked);
    expect(answers.map(({ kind }) => kind)).toEqual(["pass", "route"]);
  });

  it("refuses in the same words", () => {
    const plans = [loadFarm("small").plan, ...fc.sample(anyPlan, 10)];
    const tables = plans.map((plan) => Buffer.from(tableOf(plan).bytes));
    const mutation = fc.record({
      table: fc.nat(tables.length - 1),
      at: fc.nat(),
      to: fc.nat(255),
      isWhole: fc.nat(20),
    });
    const bad = fc.sample(mutation, MUTATIONS).map(({ table, at, to, isWhole }) => {
      const bytes = Buffer.from(tables[table]!);
      bytes[at % bytes.length] = to;
      if (isWhole === 0) return bytes.subarray(0, at % bytes.length);
      if (isWhole > 1) writeChecksum(bytes);
      return bytes;
    });
    const said = runLua(bad.map((bytes) => `open(nil, ${luaBytes(bytes)})`));
    const expected = bad.map(verdictOf);
    expect(expected.filter((one) => one !== null).length).toBeGreaterThan(MUTATIONS / 4);
    const wrong = bad.flatMap((_, i) =>
      said[i] === expected[i] ? [] : [{ got: said[i], expected: expected[i] }],
    );
    expect(wrong).toEqual([]);
  });
});

function verdictOf(bytes: Uint8Array): string | null {
  try {
    new Table(bytes);
    return null;
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return error.message;
  }
}
