import { crc32 } from "../crc32";
import { bytesOf } from "./ascii";

describe("crc32", () => {
  it("gives the check value of CRC-32/ISO-HDLC", () => {
    expect<u32>(crc32(bytesOf("123456789"), 9)).toBe(0xcbf43926);
  });

  it("gives zero for nothing", () => {
    expect<u32>(crc32(0, 0)).toBe(0);
  });

  it("tells a flipped bit", () => {
    const at = bytesOf("pointsman");
    const before = crc32(at, 9);
    store<u8>(at + 4, load<u8>(at + 4) ^ 1);
    expect<u32>(crc32(at, 9)).not.toBe(before);
  });
});
