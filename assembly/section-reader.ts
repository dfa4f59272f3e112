// A table's bytes as they are read while nothing in them is trusted yet: numbers, sections, strings, and the sentence
// that says what is wrong. Both languages run this file and check.ts, in the subset that layout.ts keeps to as well; each
// gives it a handful of methods: read a number, say a part of the sentence, walk a million entries.

import * as L from "./layout";

/** WIKI or HOST as its head describes it; places are bytes from the start of the table. */
export class KeySetShape {
  count: u32 = 0;
  slots: u32 = 0;
  buckets: u32 = 0;
  seed: u32 = 0;
  displacementBytes: u32 = 0;
  displacements: u32 = 0;
  entryBytes: u32 = 0;
  entries: u32 = 0;
  stemBits: u32 = 0;
  suffixBits: u32 = 0;
  firstSuffix: u32 = 0;
  suffixes: u32 = 0;
  /** Values are below this. */
  values: u32 = 0;
}

/** Places are bytes from the start of the table. */
export abstract class SectionReader {
  /** Bytes of the table. */
  length: u32 = 0;
  /** Slots of the set that was walked last that hold a key. */
  keys: u32 = 0;
  /** Strings of STRS, once they are checked. */
  strings: u32 = 0;

  // ---- What each language does in its own way -------------------------------------------------------------

  abstract u8(at: u32): u32;
  abstract u16(at: u32): u32;
  abstract u32(at: u32): u32;
  /** CRC-32 of the bytes from `at` to the end. */
  abstract checksumFrom(at: u32): u32;
  /** All these bytes are printable ASCII. */
  abstract isPrintable(at: u32, length: u32): bool;
  /**
   * First slot whose entry has a stem, a suffix or a value that is not there; `set.slots` where all are sound.
   * `keys` becomes the number of slots before it that hold a key.
   */
  abstract firstUnsound(set: KeySetShape, stems: u32): u32;
  /** The slot is there, and holds a key. */
  abstract isFilled(set: KeySetShape, slot: u32): bool;
  /** Each host whose value is below `wikis.slots` leads to a slot that holds a wiki. */
  abstract leadToWikis(hosts: KeySetShape, wikis: KeySetShape): bool;

  abstract say(text: string): void;
  abstract sayNumber(number: u32): void;
  /** A section's four letters. */
  abstract saySection(name: u32): void;
  /** What was said is the whole sentence. Returns false, or throws. */
  abstract refuse(): bool;

  // ---- Sentences ------------------------------------------------------------------------------------------

  fail(name: u32, what: string): bool {
    this.say("section ");
    this.saySection(name);
    this.say(" ");
    this.say(what);
    return this.refuse();
  }

  failAt(name: u32, thing: string, number: u32, what: string): bool {
    this.say("section ");
    this.saySection(name);
    this.say(" ");
    this.say(thing);
    this.say(" ");
    this.sayNumber(number);
    this.say(" ");
    this.say(what);
    return this.refuse();
  }

  failCount(number: u32, what: string): bool {
    this.sayNumber(number);
    this.say(what);
    return this.refuse();
  }

  failPlain(what: string): bool {
    this.say(what);
    return this.refuse();
  }

  // ---- Sections -------------------------------------------------------------------------------------------

  /** Place of a section's directory entry, 0 where the table has none of that name. */
  entryOf(name: u32): u32 {
    let at: u32 = L.HEADER_BYTES;
    for (let i = this.u16(L.HEADER_SECTIONS); i > 0; i--) {
      if (this.u32(at) == name) return at;
      at += L.DIRECTORY_ENTRY;
    }
    return 0;
  }

  startOf(name: u32): u32 {
    return this.u32(this.entryOf(name) + L.DIRECTORY_OFFSET);
  }

  lengthOf(name: u32): u32 {
    return this.u32(this.entryOf(name) + L.DIRECTORY_LENGTH);
  }

  /** The section has at least so many bytes. */
  checkRoom(name: u32, length: u32): bool {
    return this.lengthOf(name) >= length || this.fail(name, "is cut short");
  }

  checkLength(name: u32, length: u32): bool {
    return this.lengthOf(name) == length || this.fail(name, "is not as long as its entries");
  }

  /** A section of a u32 count and entries of one size. */
  checkList(name: u32, body: u32, entrySize: u32, most: u32): bool {
    if (!this.checkRoom(name, body)) return false;
    const count = this.u32(this.startOf(name));
    if (count > most) return this.fail(name, "has too many entries");
    return this.checkLength(name, body + count * entrySize);
  }

  // ---- Strings --------------------------------------------------------------------------------------------

  checkString(name: u32, at: u32): bool {
    if (this.u16(at) < this.strings) return true;
    return this.fail(name, "refers to a string that is not there");
  }

  checkStringOrNone(name: u32, at: u32): bool {
    return this.u16(at) == L.NONE || this.checkString(name, at);
  }

  stringStart(number: u32): u32 {
    const ends: u32 = this.startOf(L.SECTION_STRINGS) + L.STRINGS_ENDS;
    return ends + 4 * this.strings + (number == 0 ? 0 : this.u32(ends + 4 * (number - 1)));
  }

  stringLength(number: u32): u32 {
    const end: u32 = this.startOf(L.SECTION_STRINGS) + L.STRINGS_ENDS + 4 * number;
    return this.u32(end) - (number == 0 ? 0 : this.u32(end - 4));
  }

  /** A string, and not an empty one. */
  isName(number: u32): bool {
    return number < this.strings && this.stringLength(number) > 0;
  }

  areSame(a: u32, b: u32): bool {
    const length = this.stringLength(a);
    if (length != this.stringLength(b)) return false;
    const first = this.stringStart(a);
    const second = this.stringStart(b);
    for (let i: u32 = 0; i < length; i++) {
      if (this.u8(first + i) != this.u8(second + i)) return false;
    }
    return true;
  }

  isText(number: u32, literal: string): bool {
    const length = this.stringLength(number);
    if (length != <u32>literal.length) return false;
    const start = this.stringStart(number);
    for (let i: u32 = 0; i < length; i++) {
      if (this.u8(start + i) != <u32>literal.charCodeAt(i)) return false;
    }
    return true;
  }
}
