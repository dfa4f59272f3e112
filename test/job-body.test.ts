// The filter's scanner of job bodies, alone in a module, against JSON.parse and against the TypeScript reader.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type WikiOfBody, wikiOfBody } from "../scripts/table/job-body.ts";
import { compileGuest, FILTER_FLAGS } from "./support/compile-guest.ts";
import { conflictingDocument, type Document, document, mutated, Random } from "./support/job-documents.ts";

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
