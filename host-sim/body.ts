/** A body, or what of it a guest may see: bytes that grow at the end and can be replaced. */

const empty = new Uint8Array(0);

export class Body {
  #bytes: Uint8Array;
  #length: number;

  constructor(bytes: Uint8Array = empty) {
    this.#bytes = bytes;
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(more: Uint8Array): void {
    const length = this.#length + more.length;
    if (length > this.#bytes.length) {
      // Doubling, so that a body in small chunks is not copied once a chunk.
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(more, this.#length);
    this.#length = length;
  }

  /** Replaces `size` bytes at `start` by others; beyond the end both are taken as the end. */
  replace(start: number, size: number, value: Uint8Array): void {
    const from = Math.min(start, this.#length);
    const tail = this.#bytes.slice(Math.min(from + size, this.#length), this.#length);
    this.#bytes = this.#bytes.slice(0, from);
    this.#length = from;
    this.append(value);
    this.append(tail);
  }
}
