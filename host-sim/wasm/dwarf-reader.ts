/** Bytes of a section of DWARF, read from the front; a RangeError where it ends too soon. */

const utf8 = new TextDecoder();

/** A number of more bits leads to no place in a module. */
const BITS_AT_MOST = 53;

export class DwarfReader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  u8(): number {
    return this.#view.getUint8(this.at++);
  }

  i8(): number {
    return this.#view.getInt8(this.at++);
  }

  u16(): number {
    this.at += 2;
    return this.#view.getUint16(this.at - 2, true);
  }

  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  /** An unsigned LEB128 number. */
  uleb(): number {
    return this.#leb(false);
  }

  /** A signed one. */
  sleb(): number {
    return this.#leb(true);
  }

  #leb(isSigned: boolean): number {
    let value = 0;
    let weight = 1;
    for (let bits = 7; bits <= BITS_AT_MOST; bits += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * weight;
      weight *= 0x80;
      if ((byte & 0x80) === 0) return isSigned && (byte & 0x40) !== 0 ? value - weight : value;
    }
    throw new RangeError("a number of too many bits");
  }

  /** Up to a NUL. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.at);
    if (end === -1) throw new RangeError("a text without an end");
    const text = utf8.decode(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#bytes.length) throw new RangeError("beyond the section");
  }
}
