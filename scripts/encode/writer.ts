/** Sections as they are written. */
import { EncodeError } from "./encode-error.ts";

/** Appends little-endian integers and ASCII text to bytes that grow. */
export class Writer {
  private buffer: Uint8Array;
  private length = 0;

  /** @param bytes that are expected */
  constructor(bytes = 1024) {
    this.buffer = new Uint8Array(bytes);
  }

  u8(value: number): this {
    return this.uint(inBytes(value, 1), 1);
  }

  u16(value: number): this {
    return this.uint(inBytes(value, 2), 2);
  }

  u32(value: number): this {
    return this.uint(inBytes(value, 4), 4);
  }

  /** @param value 0…2^53−1 @param bytes 1…8 */
  uint(value: number, bytes: number): this {
    this.reserve(bytes);
    const high = Math.floor(value / 0x100000000);
    for (let i = 0; i < bytes; i++) {
      // The buffer keeps the lowest byte, and a shift is by its number's lowest five bits.
      this.buffer[this.length++] = (i < 4 ? value : high) >>> (8 * i);
    }
    return this;
  }

  text(ascii: string): this {
    this.reserve(ascii.length);
    for (let i = 0; i < ascii.length; i++) this.buffer[this.length++] = ascii.charCodeAt(i);
    return this;
  }

  append(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** What was written; not to be written to afterwards. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.length + bytes, 2 * this.buffer.length));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** A number of a plan that its field has no room for would stand there as another one. */
function inBytes(value: number, bytes: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** (8 * bytes)) return value;
  throw new EncodeError(`${value} is no number that ${bytes} bytes of a table can hold`);
}
