/** Base64 in AssemblyScript: what is decoded, and what is refused. */
import { decodeBase64 } from "../base64";
import { bytesOf, textAt } from "./ascii";

function decoded(text: string): string {
  const bytes = bytesOf(text);
  const length = decodeBase64(bytes, text.length, bytes);
  return length < 0 ? `refused at ${-length}` : textAt(bytes, length);
}

describe("decodeBase64", () => {
  it("reads the examples of RFC 4648", () => {
    expect(decoded("")).toBe("");
    expect(decoded("Zg==")).toBe("f");
    expect(decoded("Zm8=")).toBe("fo");
    expect(decoded("Zm9v")).toBe("foo");
    expect(decoded("Zm9vYmFy")).toBe("foobar");
  });

  it("skips white space, as YAML folds it in, and needs no padding", () => {
    expect(decoded("Zm9v\n  YmE")).toBe("fooba");
    expect(decoded("Z\tm9vYmFy\r\nZm9vYmFyZm9v\r\nYg==\n")).toBe("foobarfoobarfoob");
  });

  it("says where a character is none of base64's", () => {
    expect(decoded("Zm9v*mFy")).toBe("refused at 5");
    expect(decoded("Zm-v")).toBe("refused at 3");
    expect(decoded("Zm9vYmFyZm9*")).toBe("refused at 12");
    expect(decoded("Zm9v\nYmFyé")).toBe("refused at 10");
  });

  it("refuses more after the padding", () => {
    expect(decoded("Zg==Zg==")).toBe("refused at 5");
  });

  it("reads every byte value", () => {
    const room = heap.alloc(6);
    expect<i32>(decodeBase64(bytesOf("+/+/AP8="), 8, room)).toBe(5);
    expect<u32>(load<u32>(room)).toBe(0x00bffffb);
    expect<u8>(load<u8>(room + 4)).toBe(0xff);
  });
});
