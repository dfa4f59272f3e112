/** Bodies of jobs for the scanner, by the hundred thousand: fast-check's own documents would take minutes. */

export interface Document {
  /** The member that is looked for. */
  field: string;
  text: string;
}

/** mulberry32 */
export class Random {
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
    const similar = random.below(3)
      ? someText(random)
      : random.of([`${field}s`, field.slice(0, -1), ` ${field}`]);
    const name = similar === field ? `${field}.` : similar;
    const other = [quoted(name, random), ":", ...someValue(random, field)];
    members.splice(random.below(members.length + 1), 0, other);
  }
  let text = random.of(BLANKS);
  const tokens = ["{", ...members.flatMap((member, i) => (i === 0 ? member : [",", ...member])), "}"];
  for (const token of tokens) text += token + random.of(BLANKS);
  return { field, text };
}

/** The field is text, anything else or not there; where it stands more than once, it is the same. */
export function document(random: Random): Document {
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
export function conflictingDocument(random: Random): Document {
  const field = random.of(FIELDS);
  const text = someText(random);
  const first = random.below(3) ? [quoted(text, random)] : someValue(random, field);
  const values = [first];
  for (let count = random.below(2); count > 0; count--) values.push(first);
  let second = random.below(2) ? [quoted(almost(text, random), random)] : someValue(random, field);
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
function almost(text: string, random: Random): string {
  const at = random.below(text.length);
  return text.slice(0, at) + random.of(["", "x", "é"]) + text.slice(at + random.below(2));
}

const MEANING = Buffer.from('""\\{}[]:,u0tfn- \n\x1f');

/** A few bytes changed, left out, put in or said again, or the end cut off. */
export function mutated(body: Uint8Array, random: Random): Uint8Array {
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
