/** Searches and comparisons of bytes, at the ends of what they search too. */
import * as bytes from "../bytes";
import { indexOf, percentDecoded, trim } from "../bytes";
import { bytesOf, textAt } from "./ascii";

describe("indexOf", () => {
  it("finds the first place at every offset and length", () => {
    let wrong = 0;
    const at = heap.alloc(64);
    for (let length: u32 = 0; length < 40; length++) {
      for (let place: u32 = 0; place < 40; place++) {
        memory.fill(at, 0x3c, 64); // "<", one more than ";"
        store<u8>(at + place, 0x3b);
        store<u8>(at + place + 3, 0x3b);
        const expected = place < length ? place : length;
        if (indexOf(at, length, 0x3b) != expected) wrong++;
      }
    }
    heap.free(at);
    expect(wrong).toBe(0);
  });

  it("is not misled by bytes that borrow from their neighbours", () => {
    const at = heap.alloc(16);
    memory.fill(at, 0x80, 16);
    store<u8>(at + 3, 0x3a);
    store<u8>(at + 4, 0xbb);
    store<u8>(at + 9, 0x3b);
    expect<u32>(indexOf(at, 16, 0x3b)).toBe(9);
    heap.free(at);
  });
});

describe("trim and percentDecoded", () => {
  it("trims blanks at both ends", () => {
    trim(bytesOf(" \t a b \t"), 8);
    expect(textAt(bytes.trimmed, bytes.trimmedLength)).toBe("a b");
    trim(bytesOf("   "), 3);
    expect<u32>(bytes.trimmedLength).toBe(0);
  });

  it("decodes two digits and nothing else", () => {
    expect<i32>(percentDecoded(bytesOf("%2F"), 3)).toBe(0x2f);
    expect<i32>(percentDecoded(bytesOf("%2f"), 3)).toBe(0x2f);
    expect<i32>(percentDecoded(bytesOf("%2g"), 3)).toBe(-1);
    expect<i32>(percentDecoded(bytesOf("%2F"), 2)).toBe(-1);
    expect<i32>(percentDecoded(bytesOf("a2F"), 3)).toBe(-1);
  });
});
