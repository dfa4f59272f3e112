/**
 * Prometheus' text format, as any scraper and any proxy writes it. Only the metrics that are asked for are parsed: a
 * proxy has thousands, and what is odd in those of others is not ours to judge.
 */

export interface Sample {
  name: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

/** A line of ours has some hundred characters. */
const LINE_AT_MOST = 64 * 1024;

const NAME = /[ \t]*([A-Za-z_:][\w:]*)[ \t]*/y;
const LABEL = /[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|(?=\}))/y;
const END_OF_LABELS = /[ \t]*\}/y;
/** A time may follow, and in OpenMetrics an exemplar. */
const VALUE = /[ \t]*([^ \t]+)(?:[ \t]+[^ \t]+)?[ \t]*(?:#.*)?$/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The samples whose names are wanted, or what is wrong with one. */
export function parsePrometheus(text: string, wanted: RegExp): Sample[] | string {
  const samples: Sample[] = [];
  let number = 0;
  for (const line of lines(text)) {
    number++;
    NAME.lastIndex = 0;
    const name = NAME.exec(line)?.[1];
    if (name === undefined || !wanted.test(name)) continue;
    const sample = line.length > LINE_AT_MOST ? null : parseSample(name, line, NAME.lastIndex);
    if (sample === null) return `line ${number} is no metric: \`${line.slice(0, 80)}\``;
    samples.push(sample);
  }
  return samples;
}

/** One after the other: a text of a million lines is not made into a million texts. */
function* lines(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf("\n", from);
    const to = end < 0 ? text.length : end;
    yield text.slice(from, text[to - 1] === "\r" ? to - 1 : to);
    from = to + 1;
  }
}

/** @param at where the name ends */
function parseSample(name: string, line: string, at: number): Sample | null {
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const labels = new Map<string, string>();
  if (line[at] === "{") {
    at++;
    for (let label = take(LABEL); label !== null; label = take(LABEL)) {
      if (labels.has(label[1]!)) return null;
      labels.set(label[1]!, unescaped(label[2]!));
    }
    if (!take(END_OF_LABELS)) return null;
  }
  const value = toNumber(take(VALUE)?.[1] ?? "");
  return value === null ? null : { name, labels, value };
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
}

/** As Go writes floats. */
function toNumber(text: string): number | null {
  if (NUMBER.test(text)) return Number(text);
  const [, sign, word] = /^([+-]?)(nan|inf|infinity)$/i.exec(text) ?? [];
  if (word === undefined) return null;
  if (/nan/i.test(word)) return Number.NaN;
  return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
