/** The checksum in AssemblyScript, against known values. */
import { crc32 } from "../crc32";
import { bytesOf } from "./ascii";

describe("crc32", () => {
  it("gives the check value of CRC-32/ISO-HDLC", () => {
    expect<u32>(crc32(bytesOf("123456789"), 9)).toBe(0xcbf43926);
  });

  it("is the same in turns of eight bytes and byte by byte, at any length and place", () => {
    const at = heap.alloc(64);
    for (let i: u32 = 0; i < 64; i++) store<u8>(at + i, <u8>(i * 37 + 11));
    let wrong = 0;
    for (let from: u32 = 0; from < 9; from++) {
      for (let length: u32 = 0; length < 50; length++) {
        // Bit by bit, as the standard has it.
        let crc: u32 = 0xffffffff;
        for (let i: u32 = 0; i < length; i++) {
          crc ^= <u32>load<u8>(at + from + i);
          for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
        }
        if (crc32(at + from, length) != ~crc) wrong++;
      }
    }
    heap.free(at);
    expect(wrong).toBe(0);
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
