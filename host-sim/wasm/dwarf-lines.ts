/** Where an instruction comes from in its author's sources, by the lines that a module has as DWARF (versions 2 to 5). */
import { DwarfReader } from "./dwarf-reader.ts";
import { section } from "./reader.ts";
import { customSections, readSections } from "./sections.ts";

/** DWARF 5, section 6.2.5.2. */
const opcode = {
  extended: 0,
  copy: 1,
  advanceAddress: 2,
  advanceLine: 3,
  setFile: 4,
  setColumn: 5,
  constAddAddress: 8,
  fixedAdvanceAddress: 9,
} as const;
/** Section 6.2.5.3. */
const extendedOpcode = { endSequence: 1, setAddress: 2 } as const;
/** Section 6.2.4.1. */
const contentType = { path: 1, directory: 2 } as const;
/** Section 7.5.6. */
const form = {
  block: 0x09,
  data1: 0x0b,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  data16: 0x1e,
  string: 0x08,
  strp: 0x0e,
  udata: 0x0f,
  lineStrp: 0x1f,
} as const;

/** Texts are read when they are asked for: many entries may name a long one. */
interface TextAt {
  readonly bytes: Uint8Array;
  readonly at: number;
}

interface File {
  name: TextAt;
  directory: number;
}

/** A unit's line program. */
interface Unit {
  readonly version: number;
  readonly instructionSize: number;
  readonly lineBase: number;
  readonly lineRange: number;
  /** How many numbers follow each standard opcode, from 1 on. */
  readonly operands: readonly number[];
  readonly directories: readonly TextAt[];
  readonly files: readonly File[];
  readonly end: number;
}

interface Row {
  address: number;
  file: number;
  line: number;
  column: number;
  /** The first address behind the sequence. */
  isEnd: boolean;
}

/** Rows whose addresses ascend; the code from `first` to before `end`. */
interface Sequence {
  readonly first: number;
  readonly end: number;
  /** Where its part of the line program begins. */
  readonly at: number;
  readonly unit: Unit;
}

interface Sections {
  readonly lines: Uint8Array;
  /** Of texts, by the name of the section. */
  readonly texts: ReadonlyMap<string, Uint8Array>;
}

/**
 * `/src/lib.rs:12:5`, of the offset of an instruction in the module; null where no line is known. A unit that is damaged
 * or of another version tells nothing.
 */
export function dwarfPositions(wasm: Uint8Array): (offset: number) => string | null {
  const sections = readSections(wasm);
  const code = sections.find(({ id }) => id === section.code);
  const texts = new Map(customSections(sections).map(({ name, content }) => [name, content]));
  const lines = texts.get(".debug_line");
  if (lines === undefined || code === undefined) return () => null;
  const sequences = sequencesOf({ lines, texts });
  return (offset) => {
    // Addresses count from where the content of the code section begins.
    const address = offset - code.at;
    const sequence = sequences.find(({ first, end }) => first <= address && address < end);
    try {
      return sequence === undefined ? null : positionIn(lines, sequence, address);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  };
}

/** Only where each begins and ends: of a large module, millions of rows would be held else. */
function sequencesOf(sections: Sections): Sequence[] {
  const sequences: Sequence[] = [];
  const { lines } = sections;
  for (let at = 0; at + 4 <= lines.length; ) {
    const reader = new DwarfReader(lines, at);
    const size = reader.u32();
    at = reader.at + size;
    try {
      const unit = unitOf(reader, at, sections);
      if (unit !== null) for (const one of sequencesOfUnit(reader, unit)) sequences.push(one);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return sequences;
}

function* sequencesOfUnit(reader: DwarfReader, unit: Unit): Generator<Sequence> {
  while (reader.at < unit.end) {
    const { at } = reader;
    let first: number | null = null;
    for (const { address, isEnd } of rowsOf(reader, unit)) {
      first ??= address;
      // A function that the linker left out is at 0, where no instruction can be.
      if (isEnd && first > 0) yield { first, end: address, at, unit };
    }
  }
}

function positionIn(lines: Uint8Array, { at, unit }: Sequence, wanted: number): string | null {
  let found: Row | null = null;
  for (const row of rowsOf(new DwarfReader(lines, at), unit)) {
    if (row.address > wanted) break;
    found = { ...row };
  }
  // Line 0 is what the compiler added.
  if (found === null || found.line === 0) return null;
  const file = fileOf(unit, found.file);
  return file === null ? null : `${file}:${found.line}${found.column === 0 ? "" : `:${found.column}`}`;
}

/** Until version 5, files count from 1, and directory 0 is that of the compiler, which stands elsewhere. */
function fileOf({ version, directories, files }: Unit, index: number): string | null {
  const file = files[version < 5 ? index - 1 : index];
  if (file === undefined) return null;
  const name = textAt(file.name);
  const directory = directories[version < 5 ? file.directory - 1 : file.directory];
  return directory === undefined || name.startsWith("/") ? name : `${textAt(directory)}/${name}`;
}

const textAt = ({ bytes, at }: TextAt): string => new DwarfReader(bytes, at).text();

/** The header, DWARF 5, section 6.2.4. Null where the version is none that is known here. */
function unitOf(reader: DwarfReader, end: number, sections: Sections): Unit | null {
  const version = reader.u16();
  if (version < 2 || version > 5) return null;
  if (version === 5) reader.skip(2);
  const headerSize = reader.u32();
  const program = reader.at + headerSize;
  const instructionSize = reader.u8();
  // How many operations an instruction has, of machines that are no Wasm; and whether rows are statements.
  reader.skip(version >= 4 ? 2 : 1);
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  if (lineRange === 0) return null;
  const operands = Array.from({ length: Math.max(reader.u8(), 1) - 1 }, () => reader.u8());
  const lists = version === 5 ? listsOf(reader, sections) : olderListsOf(reader, sections.lines);
  reader.at = program;
  return {
    version,
    instructionSize,
    lineBase,
    lineRange,
    operands,
    ...lists,
    end: Math.min(end, sections.lines.length),
  };
}

function olderListsOf(reader: DwarfReader, bytes: Uint8Array): Pick<Unit, "directories" | "files"> {
  const directories = Array.from(textsOf(reader, bytes));
  const files: File[] = [];
  for (const name of textsOf(reader, bytes)) {
    files.push({ name, directory: reader.uleb() });
    // When it was changed, and its size.
    reader.uleb();
    reader.uleb();
  }
  return { directories, files };
}

/** Up to an empty one. */
function* textsOf(reader: DwarfReader, bytes: Uint8Array): Generator<TextAt> {
  for (let at = reader.at; reader.text() !== ""; at = reader.at) yield { bytes, at };
}

function listsOf(reader: DwarfReader, sections: Sections): Pick<Unit, "directories" | "files"> {
  const directories = entriesOf(reader, sections).map(({ name }) => name);
  return { directories, files: entriesOf(reader, sections) };
}

function entriesOf(reader: DwarfReader, sections: Sections): File[] {
  const formats = Array.from({ length: reader.u8() }, () => ({ type: reader.uleb(), form: reader.uleb() }));
  const count = reader.uleb();
  if (formats.length === 0) return [];
  const entries: File[] = [];
  // Each takes a byte at least, so that a count that lies meets the section's end.
  for (let i = 0; i < count; i++) {
    const entry: File = { name: NO_TEXT, directory: 0 };
    for (const { type, form } of formats) {
      const value = readForm(reader, form, sections);
      if (type === contentType.path && typeof value === "object") entry.name = value;
      if (type === contentType.directory && typeof value === "number") entry.directory = value;
    }
    entries.push(entry);
  }
  return entries;
}

const NO_TEXT: TextAt = { bytes: new Uint8Array(1), at: 0 };

/** A number, or a text; of others, which say nothing here, 0. Throws a RangeError for a form that no header has. */
function readForm(reader: DwarfReader, kind: number, { lines, texts }: Sections): TextAt | number {
  const elsewhere = (name: string) => ({ bytes: texts.get(name) ?? NO_TEXT.bytes, at: reader.u32() });
  const skipped = (bytes: number) => {
    reader.skip(bytes);
    return 0;
  };
  switch (kind) {
    case form.string: {
      const { at } = reader;
      reader.text();
      return { bytes: lines, at };
    }
    case form.lineStrp:
      return elsewhere(".debug_line_str");
    case form.strp:
      return elsewhere(".debug_str");
    case form.udata:
      return reader.uleb();
    case form.data1:
      return reader.u8();
    case form.data2:
      return reader.u16();
    case form.data4:
      return reader.u32();
    case form.data8:
      return skipped(8);
    case form.data16:
      return skipped(16);
    case form.block:
      return skipped(reader.uleb());
    default:
      throw new RangeError(`form ${kind} in a header of lines`);
  }
}

/** The rows of one sequence (section 6.2.5); the same object each time, with other values. */
function* rowsOf(reader: DwarfReader, unit: Unit): Generator<Row> {
  const { instructionSize, lineBase, lineRange, operands, end } = unit;
  const row: Row = { address: 0, file: 1, line: 1, column: 0, isEnd: false };
  const base = operands.length + 1;
  while (reader.at < end) {
    const code = reader.u8();
    if (code >= base) {
      row.address += Math.floor((code - base) / lineRange) * instructionSize;
      row.line += lineBase + ((code - base) % lineRange);
      yield row;
    } else if (code === opcode.extended) {
      const next = reader.uleb() + reader.at;
      const what = reader.u8();
      if (what === extendedOpcode.endSequence) {
        row.isEnd = true;
        yield row;
        reader.at = next;
        return;
      }
      if (what === extendedOpcode.setAddress) row.address = reader.u32();
      reader.at = next;
    } else if (code === opcode.copy) yield row;
    else if (code === opcode.advanceAddress) row.address += reader.uleb() * instructionSize;
    else if (code === opcode.advanceLine) row.line += reader.sleb();
    else if (code === opcode.setFile) row.file = reader.uleb();
    else if (code === opcode.setColumn) row.column = reader.uleb();
    else if (code === opcode.constAddAddress)
      row.address += Math.floor((255 - base) / lineRange) * instructionSize;
    else if (code === opcode.fixedAdvanceAddress) row.address += reader.u16();
    else for (let i = 0; i < operands[code - 1]!; i++) reader.uleb();
  }
}
