/** A WebAssembly module's bytes, read from the front (WebAssembly core specification, section 5, "Binary Format"). */

/** Magic and version. */
export const headerSize = 8;
export const section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  global: 6,
  export: 7,
  code: 10,
} as const;

const valueTypes: Readonly<Record<number, string>> = {
  127: "i32",
  126: "i64",
  125: "f32",
  124: "f64",
  123: "v128",
  112: "funcref",
  111: "externref",
};

export class WasmReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes[this.at++] ?? 0;
  }

  peek(): number {
    return this.#bytes[this.at] ?? 0;
  }

  /** An LEB128 number; only its low 32 bits are right, and only the size of signed ones matters here. */
  number(): number {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) === 0) return value >>> 0;
    }
  }

  name(): string {
    const size = this.number();
    this.at += size;
    return new TextDecoder().decode(this.#bytes.subarray(this.at - size, this.at));
  }

  /** A type of values, or of a field; a reference to a type of the module is more than one byte. */
  valueType(): string {
    const byte = this.byte();
    if (byte === 0x63 || byte === 0x64) this.number();
    return valueTypes[byte] ?? "unknown";
  }

  numbers(count: number): void {
    for (let i = 0; i < count; i++) this.number();
  }
}
