/** Appends little-endian integers and ASCII text to bytes that grow. */
export class Writer {
  private buffer = new Uint8Array(1024);
  private length = 0;

  u8(value: number): this {
    return this.uint(value, 1);
  }

  u16(value: number): this {
    return this.uint(value, 2);
  }

  u32(value: number): this {
    return this.uint(value, 4);
  }

  /** @param value 0…2^53−1 @param bytes 1…8 */
  uint(value: number, bytes: number): this {
    this.reserve(bytes);
    for (let i = 0; i < bytes; i++) {
      this.buffer[this.length++] = value % 256;
      value = Math.floor(value / 256);
    }
    return this;
  }

  text(ascii: string): this {
    this.reserve(ascii.length);
    for (let i = 0; i < ascii.length; i++) this.buffer[this.length++] = ascii.charCodeAt(i);
    return this;
  }

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.length + bytes, 2 * this.buffer.length));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}
