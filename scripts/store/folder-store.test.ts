/** The store in a folder: what every store does, and what becomes of one that was damaged or whose writer died. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { entryOf, pushTo, reportOf, rolloutOf, storeSuite, tableOf } from "../../test/support/store-suite.ts";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import { FolderStore } from "./folder-store.ts";

storeSuite("folder", () => {
  const name = join(folderOf({}), "store");
  return { store: new FolderStore(name), again: (recordsAtMost) => new FolderStore(name, recordsAtMost) };
});

describe("a store in a folder", () => {
  const file = (store: FolderStore, name: string) => join(store.name, name);
  const read = (store: FolderStore, name: string) => readFileSync(file(store, name), "utf8");
  async function pushed(...numbers: number[]): Promise<FolderStore> {
    const store = new FolderStore(join(folderOf({}), "store"));
    for (const number of numbers) await pushTo(store, tableOf(number));
    return store;
  }
  const generations = async (store: FolderStore) =>
    (await store.history()).entries.map(({ generation }) => generation);

  it("has the files that the documents name, and no other", async () => {
    const store = await pushed(1, 2);
    await store.setFreeze({
      until: "2026-12-31T00:00:00.000Z",
      who: "a",
      why: "b",
      when: "2026-12-01T00:00:00.000Z",
    });
    expect(readdirSync(store.name).sort()).toEqual([
      "freeze.json",
      "history.jsonl",
      "rollout.json",
      "tables",
    ]);
    expect(readdirSync(file(store, "tables")).sort()).toEqual(
      [1, 2].map((number) => `${tableOf(number).digest}.table`).sort(),
    );
    expect(read(store, "history.jsonl").split("\n").length).toBe(3);
  });

  it("is made where its parent is there, and nowhere else", async () => {
    const store = new FolderStore(join(folderOf({}), "no", "store"));
    await expect(store.putTable(tableOf(1))).rejects.toThrow(
      `${store.name}: cannot be made: there is no such folder`,
    );
  });

  it("whose writer died before the history was written has it all the same, and the next one writes it", async () => {
    const store = await pushed(1, 2);
    const whole = read(store, "history.jsonl");
    const lastLine = whole.trimEnd().lastIndexOf("\n") + 1;
    for (let length = lastLine; length < whole.length; length += 7) {
      writeFileSync(file(store, "history.jsonl"), whole.slice(0, length));
      const { entries, warnings } = await store.history();
      expect(entries).toEqual([entryOf(tableOf(1)), entryOf(tableOf(2))]);
      const cutOff = `${file(store, "history.jsonl")}:2: left out: the last line is cut off after`;
      expect(warnings).toEqual(length === lastLine ? [] : [expect.stringContaining(cutOff)]);
    }
    await pushTo(store, tableOf(3));
    expect(read(store, "history.jsonl").startsWith(whole)).toBe(true);
    expect(await store.history()).toEqual({
      entries: [1, 2, 3].map((number) => entryOf(tableOf(number))),
      warnings: [],
    });
  });

  it("has an entry whose line lacks its end alone", async () => {
    const store = await pushed(1, 2);
    writeFileSync(file(store, "history.jsonl"), read(store, "history.jsonl").trimEnd());
    expect(await generations(store)).toEqual([2, 3]);
    await pushTo(store, tableOf(3));
    expect(await generations(store)).toEqual([2, 3, 4]);
  });

  it("goes on with the history where the rollout was moved away", async () => {
    const store = await pushed(1, 2);
    rmSync(file(store, "rollout.json"));
    expect((await store.head()).rollout).toBeNull();
    expect(await generations(store)).toEqual([2, 3]);
    await pushTo(store, tableOf(3));
    expect(await generations(store)).toEqual([2, 3, 4]);
  });

  it.each([
    ["{}\n", "`generation`: "],
    ["not JSON\n", "not JSON: "],
    ["\n", "not JSON: "],
    ["\u0000\u0000\n", "not JSON: "],
    [`${JSON.stringify(entryOf(tableOf(1)))}\n`, "generation 2 does not follow 3"],
    [`${JSON.stringify({ ...entryOf(tableOf(5)), more: 1 })}\n`, "Unrecognized key"],
    [`${JSON.stringify({ ...entryOf(tableOf(5)), digest: "../../x" })}\n`, "must be a table's digest"],
    [`${JSON.stringify({ ...entryOf(tableOf(5)), kind: "rollback" })}\n`, "`of` needs a rollback"],
  ])("leaves out a line of the history that is none, with its place: %j", async (line, why) => {
    const store = await pushed(1, 2);
    writeFileSync(file(store, "history.jsonl"), `${read(store, "history.jsonl")}${line}`);
    const { entries, warnings } = await store.history();
    expect(entries.length).toBe(2);
    expect(warnings).toEqual([expect.stringContaining(`${file(store, "history.jsonl")}:3: left out: `)]);
    expect(warnings[0]).toContain(why);
    await pushTo(store, tableOf(3));
    expect(await generations(store)).toEqual([2, 3, 4]);
  });

  it.each([
    ["", "not JSON"],
    ["[]", "expected object"],
    ['{"__proto__": {}}', "`revision`"],
    [(text: string) => text.slice(0, -20), "not JSON"],
    [(text: string) => text.replace('"going"', '"gone"'), "`rollout.state`: "],
    [(text: string) => text.replace('"at": 0', '"at": 1'), "`at` must be less than there are `stages`"],
    [(text: string) => text.replace('"generation": 3', '"generation": 4'), "must be the rollout's"],
    [(text: string) => text.replace('"generation": 3', '"generation": 4294967296'), "`rollout.generation`"],
    [(text: string) => text.replace(/"digest": "./, '"digest": "/'), "must be a table's digest"],
  ])("with a damaged rollout says so, changes nothing, and still has its tables", async (damage, why) => {
    const store = await pushed(1, 2);
    const text = typeof damage === "string" ? damage : damage(read(store, "rollout.json"));
    writeFileSync(file(store, "rollout.json"), text);
    const says = (error: Error) => {
      expect(error).toBeInstanceOf(SourceError);
      expect(error.message).toContain(`${file(store, "rollout.json")}: `);
      expect(error.message).toContain(why);
    };
    says(await store.head().catch((error) => error));
    says(await store.swap("2", rolloutOf(tableOf(3)), entryOf(tableOf(3))).catch((error) => error));
    expect(read(store, "rollout.json")).toBe(text);
    expect((await store.table(tableOf(2).digest)).digest).toBe(tableOf(2).digest);
  });

  it("refuses a table that is not what its name says, and a push of it mends it", async () => {
    const store = await pushed(1, 2);
    const [one, two] = [tableOf(1), tableOf(2)];
    const path = file(store, join("tables", `${one.digest}.table`));
    const flipped = Buffer.from(one.bytes);
    flipped[flipped.length - 1]! ^= 1;
    for (const bytes of [two.bytes, one.bytes.subarray(0, 100), flipped, Buffer.alloc(0)]) {
      writeFileSync(path, bytes);
      const error = await store.table(one.digest).catch((error) => error);
      expect(error).toBeInstanceOf(SourceError);
      expect(error.message).toContain(`${path}: `);
      await store.putTable(one);
      expect(Buffer.from((await store.table(one.digest)).bytes)).toEqual(Buffer.from(one.bytes));
    }
  });

  it("leaves out records of nodes that are damaged or another's, and what is over makes room", async () => {
    const store = new FolderStore(join(folderOf({}), "store"), 3);
    for (const node of ["a", "b", "c"]) await store.putReport(reportOf(node), 60);
    const [first, second, third] = readdirSync(file(store, "reports")).map((name) => `reports/${name}`);
    const whole = read(store, first!);
    writeFileSync(file(store, first!), whole.slice(0, -9));
    writeFileSync(file(store, second!), whole);
    const { records, warnings } = await store.reports();
    expect(records.length).toBe(1);
    expect(warnings).toEqual([
      expect.stringContaining(`${file(store, first!)}: left out: not JSON`),
      `${file(store, second!)}: left out: it is of another node`,
    ]);
    await expect(store.putReport(reportOf("d"), 60)).rejects.toThrow("no more are kept");
    utimesSync(file(store, third!), 1, 1);
    await store.putReport(reportOf("d"), 60);
    expect((await store.reports()).records).toEqual([reportOf("d")]);
  });

  it("refuses what is neither a file nor a folder of its own", async () => {
    const folder = folderOf({ store: "" });
    await expect(new FolderStore(join(folder, "store")).putTable(tableOf(1))).rejects.toThrow(Refusal);
    const store = await pushed(1);
    rmSync(file(store, "rollout.json"));
    mkdirSync(file(store, "rollout.json"));
    await expect(store.head()).rejects.toThrow("it is a folder, not a file");
    rmSync(file(store, "history.jsonl"));
    symlinkSync("history.jsonl", file(store, "history.jsonl"));
    await expect(pushTo(store, tableOf(2))).rejects.toThrow();
  });

  it("takes away what writers that were killed have left", async () => {
    const store = await pushed(1);
    for (const name of [".9999999.34.tmp", "tables/.9999999.34.tmp"])
      writeFileSync(file(store, name), "half");
    await pushTo(store, tableOf(2));
    expect(
      existsSync(file(store, ".9999999.34.tmp")) || existsSync(file(store, "tables/.9999999.34.tmp")),
    ).toBe(false);
  });

  it("never does else than refuse, whatever its files hold", async () => {
    const whole = await pushed(1, 2);
    const texts = ["rollout.json", "history.jsonl"].map(
      (name) => [name, readFileSync(file(whole, name))] as const,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...texts),
        fc.nat(),
        fc.nat(40),
        fc.uint8Array({ maxLength: 40 }),
        async ([name, bytes], at, cut, put) => {
          const start = at % bytes.length;
          const store = await pushed(1, 2);
          const damaged = Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + cut)]);
          writeFileSync(file(store, name), damaged);
          const refused = (error: unknown) => {
            if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
          };
          await store.head().catch(refused);
          const before = await store.history().catch(refused);
          await pushTo(store, tableOf(9)).catch(refused);
          const after = await store.history().catch(refused);
          // What could be read goes on to be there.
          if (before && after) expect(after.entries.slice(0, before.entries.length)).toEqual(before.entries);
        },
      ),
      { numRuns: 60 },
    );
  });
});
