/** The wire format of protocol buffers, as far as guests send messages of it to the host: fields, texts, bytes. */

/** A field of a message: its number, and its bytes if it has a length. */
export interface Field {
  readonly number: number;
  readonly bytes: Uint8Array | null;
}

const VARINT_BYTES = 10;
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** The fields of a message; null where the bytes are none. */
export function fieldsOf(message: Uint8Array): Field[] | null {
  const fields: Field[] = [];
  /** The numbers of groups that have begun, the innermost last. */
  const groups: number[] = [];
  let at = 0;
  const varint = (): number | null => {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES; i++) {
      const byte = message[at++];
      if (byte === undefined) return null;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    return null;
  };
  while (at < message.length) {
    const tag = varint();
    if (tag === null || tag > 0xffffffff || tag < 8) return null;
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    let bytes: Uint8Array | null = null;
    if (type === 0) {
      if (varint() === null) return null;
    } else if (type === 2) {
      const size = varint();
      if (size === null || at + size > message.length) return null;
      bytes = message.subarray(at, at + size);
      at += size;
    } else if (type === 3) groups.push(number);
    else if (type === 4) {
      if (groups.pop() !== number) return null;
    } else {
      const size = FIXED[type];
      if (size === undefined || at + size > message.length) return null;
      at += size;
    }
    if (groups.length === 0 && type !== 4) fields.push({ number, bytes });
  }
  return groups.length === 0 ? fields : null;
}

/** The last of these texts, or "" if there is none; null where it is no UTF-8. */
export function utf8Of(fields: readonly Field[], number: number): string | null {
  let text = "";
  for (const field of fields) {
    if (field.number !== number || field.bytes === null) continue;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(field.bytes);
    } catch {
      return null;
    }
  }
  return text;
}
