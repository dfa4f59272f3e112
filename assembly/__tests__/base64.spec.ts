import { decodeBase64, decodedRoom } from "../base64";
import { bytesOf, textAt } from "./ascii";

function decoded(text: string): string {
  const room = heap.alloc(decodedRoom(text.length));
  const length = decodeBase64(bytesOf(text), text.length, room);
  return length < 0 ? `refused at ${-length}` : textAt(room, length);
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
  });

  it("says where a character is none of base64's", () => {
    expect(decoded("Zm9v*mFy")).toBe("refused at 5");
    expect(decoded("Zm-v")).toBe("refused at 3");
  });

  it("refuses more after the padding", () => {
    expect(decoded("Zg==Zg==")).toBe("refused at 5");
  });

  it("reads every byte value", () => {
    const room = heap.alloc(decodedRoom(8));
    expect<i32>(decodeBase64(bytesOf("+/+/AP8="), 8, room)).toBe(5);
    expect<u32>(load<u32>(room)).toBe(0x00bffffb);
    expect<u8>(load<u8>(room + 4)).toBe(0xff);
  });
});
