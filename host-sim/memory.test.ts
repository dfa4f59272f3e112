/** What the host reads from a guest's memory and writes to it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { byteString, byteStringOf, bytesOf, textOf } from "./bytes.ts";
import { GuestMemory, type Pair, serializePairs } from "./memory.ts";

const memoryWith = (bytes: Uint8Array): GuestMemory => {
  const memory = new GuestMemory(new WebAssembly.Memory({ initial: 1 }));
  memory.write(0, bytes);
  return memory;
};

const byteText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) });

test("a map is serialised as the specification's example says", () => {
  // Its lengths are 32-bit integers, little-endian; the digits are the ASCII ones.
  expect([
    ...serializePairs([
      ["a", "1"],
      ["b", "22"],
    ]),
  ]).toEqual([
    2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0x61, 0, 0x31, 0, 0x62, 0, 0x32, 0x32, 0,
  ]);
});

test("what is serialised reads back the same, any bytes and lengths", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(byteText, byteText), { maxLength: 20 }), (pairs: Pair[]) => {
      const bytes = serializePairs(pairs);
      expect(memoryWith(bytes).pairs(0, bytes.length)).toEqual(pairs);
    }),
  );
});

test("a map whose sizes contradict each other is null, whatever the bytes", () => {
  const whole = serializePairs([["name", "value"]]);
  for (let size = 2; size < whole.length; size++) expect(memoryWith(whole).pairs(0, size)).toBe(null);
  const huge = whole.slice();
  huge[3] = 0xff;
  expect(memoryWith(huge).pairs(0, huge.length)).toBe(null);
  const unterminated = whole.slice();
  unterminated[whole.length - 1] = 1;
  expect(memoryWith(unterminated).pairs(0, whole.length)).toBe(null);
});

test("no bytes, and one zero byte, are the empty map", () => {
  expect(memoryWith(new Uint8Array(4)).pairs(0, 0)).toEqual([]);
  expect(memoryWith(new Uint8Array(4)).pairs(0, 1)).toEqual([]);
});

test("nothing outside the memory can be read or written", () => {
  const memory = memoryWith(new Uint8Array(0));
  const { size } = memory;
  expect(memory.string(size - 1, 1)).toBe("\0");
  expect(memory.string(size - 1, 2)).toBe(null);
  expect(memory.copy(size, 1)).toBe(null);
  expect(memory.u32(size - 3)).toBe(null);
  expect(memory.pairs(size - 2, 4)).toBe("outside");
  expect(memory.setU32(size - 3, 1)).toBe(false);
  expect(memory.setU64(size - 7, 1n)).toBe(false);
  expect(memory.write(size - 1, "ab")).toBe(false);
  expect(memory.writePairs(size - 4, [["a", "b"]])).toBe(false);
  expect(memory.string(0xffffffff, 0xffffffff)).toBe(null);
});

test("text and byte strings are told apart", () => {
  expect(byteString("é")).toBe("Ã©");
  expect(textOf(byteString("zażółć"))).toBe("zażółć");
  expect(() => bytesOf("zażółć")).toThrow("not a byte string");
});

test("byte strings have every byte, however long", () => {
  for (const size of [0, 1, 3, 4, 63, 64, 65, 8191, 8192, 8193, 8256, 20_000]) {
    const bytes = Uint8Array.from({ length: size + 2 }, (_, i) => i * 7);
    const text = byteStringOf(bytes, 1, size + 1);
    expect(text).toBe(Buffer.from(bytes).toString("latin1", 1, size + 1));
    expect(bytesOf(text)).toEqual(bytes.subarray(1, size + 1));
  }
});
