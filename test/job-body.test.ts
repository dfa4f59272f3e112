// The filter's scanner of job bodies, alone in a module, against JSON.parse and against the TypeScript reader.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type WikiOfBody, wikiOfBody } from "../scripts/table/job-body.ts";
import { compileGuest, FILTER_FLAGS } from "./support/compile-guest.ts";

interface Exports {
  memory: WebAssembly.Memory;
  alloc(size: number): number;
  beginJob(state: number): void;
  scanJob(state: number, field: number, fieldLength: number, at: number, length: number): number;
  jobValue(state: number): number;
  jobValueLength(state: number): number;
  JOB_STATE_BYTES: Constant;
  JOB_LOOKING: Constant;
  JOB_TEXT: Constant;
  JOB_NONE: Constant;
  JOB_CONFLICT: Constant;
}

interface Constant {
  value: number;
}

const GUARD = 0xa5;

class Scanner {
  private readonly field: number;
  private readonly state: number;
  private readonly chunk: number;
  private fieldLength = 0;
  readonly looking: number;

  constructor(private readonly wasm: Exports) {
    this.looking = wasm.JOB_LOOKING.value;
    this.field = wasm.alloc(64);
    this.state = wasm.alloc(wasm.JOB_STATE_BYTES.value + 1);
    this.chunk = wasm.alloc(11_000_000);
  }

  begin(field: string): void {
    const bytes = new Uint8Array(this.wasm.memory.buffer);
    this.fieldLength = Buffer.from(field).copy(bytes, this.field);
    // What the stream before has left in this memory must not matter, and the byte after it is not ours.
    bytes.fill(GUARD, this.state, this.state + this.wasm.JOB_STATE_BYTES.value + 1);
    this.wasm.beginJob(this.state);
  }

  /** Every chunk comes to the same place: what it was before is gone. */
  scan(chunk: Uint8Array): number {
    new Uint8Array(this.wasm.memory.buffer).set(chunk, this.chunk);
    return this.wasm.scanJob(this.state, this.field, this.fieldLength, this.chunk, chunk.length);
  }

  answer(status: number): WikiOfBody {
    const bytes = Buffer.from(this.wasm.memory.buffer);
    if (bytes[this.state + this.wasm.JOB_STATE_BYTES.value] !== GUARD)
      throw new Error("written past the state");
    if (status === this.wasm.JOB_CONFLICT.value) return { kind: "conflict" };
    if (status !== this.wasm.JOB_TEXT.value) return { kind: "none" };
    const at = this.wasm.jobValue(this.state);
    return { kind: "text", text: bytes.toString("latin1", at, at + this.wasm.jobValueLength(this.state)) };
  }

  /** As a filter does: what is not found within the limit is not looked for any longer. */
  whole(field: string, body: Uint8Array, cuts: readonly number[] = [], limit = body.length): WikiOfBody {
    this.begin(field);
    let status = this.looking;
    let from = 0;
    for (const cut of [...cuts, limit, body.length].sort((a, b) => a - b)) {
      if (from >= limit && status === this.looking) break;
      status = this.scan(body.subarray(from, cut));
      from = Math.min(cut, body.length);
    }
    return this.answer(status);
  }
}

/** The answer of the TypeScript reader. */
const read = (field: string, body: Uint8Array, limit = body.length): WikiOfBody =>
  wikiOfBody(Buffer.from(body).toString("latin1"), Buffer.from(field).toString("latin1"), limit);

/** Comparing the objects would be most of the time of 200,000. */
const shown = (answer: WikiOfBody): string =>
  answer.kind === "text" ? `text ${JSON.stringify(answer.text)}` : answer.kind;

/** Many documents a seed: what fast-check does for each run would cost more than a document. */
function forDocuments(count: number, make: (random: Random) => Document, check: Check): void {
  const each = Math.min(count, 100);
  const property = fc.property(fc.integer(), (seed) => {
    const random = new Random(seed);
    for (let i = 0; i < each; i++) {
      const made = make(random);
      check(made.field, Buffer.from(made.text), random, made.text);
    }
  });
  // A smaller seed would be no smaller document.
  fc.assert(property, { numRuns: count / each, endOnFailure: true });
}
type Check = (field: string, body: Uint8Array, random: Random, text: string) => void;

function expectSame(got: WikiOfBody, expected: WikiOfBody, what: string): void {
  if (shown(got) !== shown(expected))
    expect(`${shown(got)} of ${what}`).toBe(`${shown(expected)} of ${what}`);
}

/** As UTF-8, one character a byte; half a surrogate pair as three bytes. */
function bytesOf(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0xd800 || code > 0xdfff) return Buffer.from(character).toString("latin1");
    return String.fromCharCode(0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  }).join("");
}

function parsed(field: string, text: string): WikiOfBody {
  const value: unknown = JSON.parse(text)[field];
  if (typeof value !== "string") return { kind: "none" };
  const bytes = bytesOf(value);
  return bytes.length <= 510 ? { kind: "text", text: bytes } : { kind: "none" };
}

/** Every chunking into two, and byte by byte: after each byte the scan stands where the bytewise one does. */
function expectAnyChunking(scanner: Scanner, field: string, body: Uint8Array, text: string): void {
  const expected = scanner.whole(field, body);
  scanner.begin(field);
  const statuses = [scanner.looking];
  for (let i = 0; i < body.length; i++) statuses.push(scanner.scan(body.subarray(i, i + 1)));
  expectSame(scanner.answer(statuses.at(-1)!), expected, `bytewise ${text}`);
  for (let cut = 0; cut <= body.length; cut++) {
    scanner.begin(field);
    const before = scanner.scan(body.subarray(0, cut));
    if (before !== statuses[cut]) expect(before, `after ${cut} bytes of ${text}`).toBe(statuses[cut]);
    const after = scanner.scan(body.subarray(cut));
    expectSame(scanner.answer(after), expected, `cut at ${cut}: ${text}`);
  }
}

// ---- Generated documents: fast-check's own would take minutes for 200,000 -------------------------------

interface Document {
  /** The member that is looked for. */
  field: string;
  text: string;
}

/** mulberry32 */
class Random {
  constructor(private state: number) {}

  /** An integer from 0 to count - 1; 0 where count is 0. */
  below(count: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x100000000) * count);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const FIELDS = ["database", "database", "database", "wiki", "", 'é"\\😀/'];
const PIECES = ["enwiki", "database", "a", "1", "_", "-", " ", ":", ",", "{", "}", "[", "]", '"', "\\", "/"];
const RARE = [
  "\0",
  "\n",
  "\r",
  "\t",
  "\b",
  "\f",
  "\x1f",
  "\x7f",
  "é",
  "\u07ff",
  "\u0800",
  "漢",
  "\ud7ff",
  "\uffff",
];
/** Half pairs too: two of them may meet, and are one character then. */
const PAIRS = ["😀", "\u{10000}", "\u{10ffff}", "\ud800", "\udbff", "\udc00", "\udfff"];
const OTHERS = ["true", "false", "null", "0", "-1", "17", "1.5", "-0.25e+3", "1E9", "{", "["];
const BLANKS = ["", "", "", "", "", " ", "  ", "\n", "\r\n\t"];
const SHORT: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function someText(random: Random): string {
  let text = "";
  if (random.below(60) === 0) text = "x".repeat(500 + random.below(12)); // about as long as a key may be
  for (let count = random.below(5); count > 0; count--) {
    const list = [PIECES, PIECES, RARE, PAIRS][random.below(4)]!;
    text += random.of(list);
  }
  return text;
}

/** A JSON string, its characters as they are or escaped in one of the ways that there are. */
function quoted(text: string, random: Random): string {
  const often = random.of([2, 4, 30]);
  let inside = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const must = code < 0x20 || code === 0x22 || code === 0x5c || (code >= 0xd800 && code <= 0xdfff);
    if (!must && random.below(often) > 0) inside += character;
    else if (SHORT[character] !== undefined && random.below(2)) inside += SHORT[character];
    else for (let i = 0; i < character.length; i++) inside += escaped(character.charCodeAt(i), random);
  }
  return `"${inside}"`;
}

function escaped(unit: number, random: Random): string {
  const digits = unit.toString(16).padStart(4, "0");
  return `\\u${random.below(2) ? digits : digits.toUpperCase()}`;
}

/** Tokens, so that white space can be put between them anew. */
function someValue(random: Random, field: string, depth = 0): string[] {
  if (random.below(2)) return [quoted(someText(random), random)];
  const open = random.of(OTHERS);
  if (open !== "{" && open !== "[") return [open];
  const tokens: string[] = [open];
  for (let count = depth < 4 ? random.below(4) : 0; count > 0; count--) {
    if (open === "{") tokens.push(quoted(random.below(2) ? field : someText(random), random), ":");
    tokens.push(...someValue(random, field, depth + 1));
    if (count > 1) tokens.push(",");
  }
  tokens.push(open === "{" ? "}" : "]");
  return tokens;
}

/** The field's values at their places among others, all at the top of one object. */
function withField(field: string, values: readonly string[][], random: Random): Document {
  const members = values.map((value) => [quoted(field, random), ":", ...value]);
  for (let count = random.below(5); count > 0; count--) {
    const near = random.below(3)
      ? someText(random)
      : random.of([`${field}s`, field.slice(0, -1), ` ${field}`]);
    const name = near === field ? `${field}.` : near;
    const other = [quoted(name, random), ":", ...someValue(random, field)];
    members.splice(random.below(members.length + 1), 0, other);
  }
  let text = random.of(BLANKS);
  const tokens = ["{", ...members.flatMap((member, i) => (i === 0 ? member : [",", ...member])), "}"];
  for (const token of tokens) text += token + random.of(BLANKS);
  return { field, text };
}

/** The field is text, anything else or not there; where it stands more than once, it is the same. */
function document(random: Random): Document {
  const field = random.of(FIELDS);
  if (random.below(12) === 0) return withField(field, [], random);
  const count = random.below(6) === 0 ? 2 + random.below(2) : 1;
  if (random.below(4) === 0) {
    const value = someValue(random, field);
    return withField(field, Array(count).fill(value), random);
  }
  const text = someText(random);
  const values = Array.from({ length: count }, () => [quoted(text, random)]);
  return withField(field, values, random);
}

/** The field stands there twice and more, and one of its values is another one. */
function conflictingDocument(random: Random): Document {
  const field = random.of(FIELDS);
  const text = someText(random);
  const first = random.below(3) ? [quoted(text, random)] : someValue(random, field);
  const values = [first];
  for (let count = random.below(2); count > 0; count--) values.push(first);
  let second = random.below(2) ? [quoted(nearly(text, random), random)] : someValue(random, field);
  if (first[0]![0] !== '"' && random.below(4) === 0) second = [quoted(first.join(""), random)]; // 1 and "1"
  while (isSame(first, second)) second = someValue(random, field);
  values.splice(random.below(values.length + 1), 0, second);
  return withField(field, values, random);
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a[0]![0] === '"' && b[0]![0] === '"') return JSON.parse(a[0]!) === JSON.parse(b[0]!);
  return a.join("") === b.join("");
}

/** One character more, one less, or another one. */
function nearly(text: string, random: Random): string {
  const at = random.below(text.length);
  return text.slice(0, at) + random.of(["", "x", "é"]) + text.slice(at + random.below(2));
}

const MEANING = Buffer.from('""\\{}[]:,u0tfn- \n\x1f');

/** A few bytes changed, left out, put in or said again, or the end cut off. */
function mutated(body: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(body);
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    const byte = random.below(3) ? random.of([...MEANING]) : random.below(256);
    const size = random.below(random.of([1, 3, 20]));
    const otherCase = [...bytes.subarray(at, at + size)].map((c) => c ^ 0x20);
    const put = random.of([[], [byte], [byte, byte], otherCase, [...bytes.subarray(at, at + 2 * size)]]);
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(at + size)]);
    if (random.below(12) === 0) bytes = bytes.subarray(0, at);
  }
  return bytes;
}

// ---- The tests ------------------------------------------------------------------------------------------

describe("the scanner of job bodies", () => {
  let scanner: Scanner;
  beforeAll(async () => {
    const entry = "test/support/guest/job-body-module.ts";
    const module = await WebAssembly.compile(await compileGuest([entry, ...FILTER_FLAGS]));
    const { exports } = new WebAssembly.Instance(module);
    scanner = new Scanner(exports as unknown as Exports);
  });

  it("finds what JSON.parse finds, in 200,000 documents", { timeout: 180_000 }, () => {
    const seen = { text: 0, none: 0, conflict: 0 };
    forDocuments(200_000, document, (field, body, random, text) => {
      const expected = parsed(field, text);
      seen[expected.kind]++;
      expectSame(scanner.whole(field, body), expected, text);
      expectSame(scanner.whole(field, body, [random.below(body.length)]), expected, `in two, ${text}`);
      expectSame(read(field, body), expected, `the reader, ${text}`);
    });
    expect(Math.min(seen.text, seen.none)).toBeGreaterThan(20_000);
  });

  it("finds it however the body is cut", () => {
    forDocuments(500, document, (field, body, _random, text) => {
      expectAnyChunking(scanner, field, body, text);
    });
    forDocuments(10_000, document, (field, body, random, text) => {
      const cuts = Array.from({ length: random.below(20) }, () => random.below(body.length + 1));
      expectSame(scanner.whole(field, body, cuts), parsed(field, text), `cut at ${cuts}: ${text}`);
    });
  });

  it("refuses a second value that is another one, however the body is cut", () => {
    forDocuments(10_000, conflictingDocument, (field, body, _random, text) => {
      expectSame(scanner.whole(field, body), { kind: "conflict" }, text);
      expectSame(read(field, body), { kind: "conflict" }, `the reader, ${text}`);
    });
    forDocuments(500, conflictingDocument, (field, body, _random, text) => {
      expectAnyChunking(scanner, field, body, text);
    });
  });

  it("agrees with the reader on documents that were spoilt, and never traps", () => {
    const seen = { text: 0, none: 0, conflict: 0 };
    const spoilt = (random: Random) => (random.below(2) ? document(random) : conflictingDocument(random));
    forDocuments(50_000, spoilt, (field, whole, random) => {
      const body = mutated(whole, random);
      const cuts = Array.from({ length: random.below(4) }, () => random.below(body.length + 1));
      const limit = random.below(3) ? body.length : random.below(body.length + 1);
      const expected = read(field, body, limit);
      seen[expected.kind]++;
      const what = `${JSON.stringify(Buffer.from(body).toString("latin1"))} cut at ${cuts}, limit ${limit}`;
      expectSame(scanner.whole(field, body, cuts, limit), expected, what);
    });
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(2_500);
  });

  it("agrees with the reader on any bytes, and never traps", () => {
    const start = fc.constantFrom("", "{", '{"', '{"database":', '{"database":"', '{"a":[', '{"a":"\\u');
    // Few bytes have a meaning; each of the others stands for all of them.
    const byte = fc.constantFrom(...Buffer.from('"""{}[]:,\\\\u0dD8cea -tn \n'), 0, 0x1f, 0x7f, 0x80, 0xff);
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.array(byte, { maxLength: 60 }));
    const property = fc.property(start, bytes, fc.nat(70), (before, after, cut) => {
      const body = Buffer.concat([Buffer.from(before), Buffer.from(after)]);
      const what = JSON.stringify(body.toString("latin1"));
      expectSame(scanner.whole("database", body, [Math.min(cut, body.length)]), read("database", body), what);
    });
    fc.assert(property, { numRuns: 50_000 });
  });

  it("neither recurses nor gives up on depth", () => {
    const deep = `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`;
    const body = Buffer.from(`{"a":${deep},"database":"enwiki","b":${deep},"database":"enwiki"}`);
    expect(scanner.whole("database", body)).toEqual({ kind: "text", text: "enwiki" });
    expect(read("database", body)).toEqual({ kind: "text", text: "enwiki" });
  });

  it("scans 10 MB, with the field first and last", () => {
    const job = '{"title":"Ünïcode \\u00e9\\ud83d\\ude00","database":"xwiki","n":[1,2.5,null,{"a":"\\"}"}]}';
    const jobs = `"jobs":[${Array(115_000).fill(job).join(",")}]`;
    const cuts = Array.from({ length: 1000 }, (_, i) => i * 16_384);
    const bodies: [string, WikiOfBody][] = [
      [`{"database":"enwiki",${jobs}}`, { kind: "text", text: "enwiki" }],
      [`{${jobs},"database":"enwiki"}`, { kind: "text", text: "enwiki" }],
      [`{"database":"enwiki",${jobs},"database":"enwiki"}`, { kind: "text", text: "enwiki" }],
      [`{"database":"enwiki",${jobs},"database":"dewiki"}`, { kind: "conflict" }],
      [`{"a":${jobs.replace(/^"jobs":/, "")}}`, { kind: "none" }],
    ];
    for (const [text, expected] of bodies) {
      const body = Buffer.from(text);
      expect(body.length).toBeGreaterThan(10_000_000);
      const inReach = cuts.filter((cut) => cut < body.length);
      expect(scanner.whole("database", body, inReach)).toEqual(expected);
      expect(read("database", body)).toEqual(expected);
    }
    const early = Buffer.from(bodies[0]![0]);
    scanner.begin("database");
    expect(scanner.answer(scanner.scan(early.subarray(0, 100)))).toEqual({ kind: "text", text: "enwiki" });
  });
});
