/** The container of a table: header, sections, checksum. */
import { describe, expect, it } from "vitest";
import * as L from "../../assembly/layout.ts";
import { bytesOf, plainPlan, rebuilt, verdictOn } from "../../test/support/plans.ts";
import { crc32 } from "../table/crc32.ts";
import { decide } from "../table/decide.ts";
import { digestHolds } from "../table/digest.ts";
import { Table } from "../table/table.ts";
import { writeChecksum } from "./container.ts";

const nameOf = (letters: string) =>
  [...letters].reduce((number, letter, i) => number + letter.charCodeAt(0) * 256 ** i, 0);
const good = bytesOf(plainPlan({ hosts: [{ host: "a.example", destination: { wiki: 0 } }] }));
const extra = (letters: string) => ({ name: nameOf(letters), bytes: new Uint8Array([1, 2, 3]) });

describe("the checksum", () => {
  it("is the CRC-32 of zlib", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });
});

describe("a section", () => {
  it("that is unknown and optional is skipped", async () => {
    const bytes = rebuilt(good, (sections) => [...sections, extra("xtra")]);
    expect(await verdictOn(bytes)).toBe(null);
    const { answer } = decide(new Table(bytes), { authority: "a.example", target: "/" });
    expect(answer).toMatchObject({ wiki: "awiki" });
    expect(new Table(bytes).digest).toBe(new Table(good).digest);
  });

  it("that is unknown and required is refused by name", async () => {
    expect(await verdictOn(rebuilt(good, (sections) => [...sections, extra("XTRA")]))).toBe(
      "section XTRA is unknown to this reader",
    );
  });

  it("that is required and missing is refused by name", async () => {
    for (const { name } of new Table(good).sections) {
      const letters = String.fromCharCode(name & 0xff, (name >> 8) & 0xff, (name >> 16) & 0xff, name >> 24);
      expect(await verdictOn(rebuilt(good, (sections) => sections.filter((one) => one.name !== name)))).toBe(
        `section ${letters} is missing`,
      );
    }
  });

  it("that occurs twice is refused by name", async () => {
    expect(await verdictOn(rebuilt(good, (sections) => [...sections, extra("xtra"), extra("xtra")]))).toBe(
      "section xtra occurs twice",
    );
  });

  it("may stand anywhere in the directory", async () => {
    expect(await verdictOn(rebuilt(good, (sections) => sections.reverse()))).toBe(null);
  });
});

describe("a table is refused", () => {
  const changed = (change: (view: DataView) => void) => {
    const bytes = good.slice();
    change(new DataView(bytes.buffer));
    writeChecksum(bytes);
    return bytes;
  };

  it.each<[string, Uint8Array, string]>([
    [
      "of another layout",
      changed((view) => view.setUint16(L.HEADER_VERSION, 2, true)),
      "layout version 2: this reader knows 5",
    ],
    [
      "that is cut short",
      good.slice(0, -1),
      `${good.length - 1} bytes, but its header says ${good.length}: cut short or padded`,
    ],
    [
      "that is padded",
      new Uint8Array([...good, 0]),
      `${good.length + 1} bytes, but its header says ${good.length}: cut short or padded`,
    ],
    [
      "whose checksum is wrong",
      good.with(good.length - 1, good.at(-1)! ^ 1),
      "the checksum is wrong: the table is damaged",
    ],
    [
      "whose directory leads outside",
      changed((view) => view.setUint32(L.HEADER_BYTES + L.DIRECTORY_OFFSET, good.length + 1, true)),
      "section STRS lies outside the table",
    ],
  ])("%s", async (_, bytes, why) => {
    expect(await verdictOn(bytes)).toBe(why);
  });

  it("that is empty, or none", () => {
    expect(() => new Table(new Uint8Array(0))).toThrow("0 bytes: too short for a table");
    const text = new TextEncoder().encode("#".repeat(100));
    expect(() => new Table(text)).toThrow('does not begin with "PNTS": not a table');
  });

  it("not for a digest that is wrong, which inspect tells", async () => {
    const bytes = changed((view) => view.setUint8(L.HEADER_DIGEST, view.getUint8(L.HEADER_DIGEST) ^ 1));
    expect(await verdictOn(bytes)).toBe(null);
    expect(digestHolds(new Table(bytes))).toBe(false);
    expect(digestHolds(new Table(good))).toBe(true);
  });
});
