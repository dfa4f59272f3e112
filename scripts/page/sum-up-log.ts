/** Where the first lines of a log go, and what another table would change: within bounds, a slice at a time. */
import { type Explanation, SAID } from "../explain/explainer.ts";
import type { Question } from "../explain/question.ts";
import { readRequests } from "../requests/read-requests.ts";
import { type Replayed, type Replayer, Summary, whereTo } from "../simulate/replay.ts";

/** What is read of a log, whatever its size: a page has one thread, and a log may be anybody's. */
export interface Bounds {
  /** Out of gzip. */
  bytes: number;
  lines: number;
  /** Characters of one. */
  longestLine: number;
  /** How long the page does nothing else, but for one line. */
  sliceMs: number;
}

export const BOUNDS: Bounds = { bytes: 16 * 2 ** 20, lines: 1000, longestLine: 2 ** 20, sliceMs: 12 };

/** Requests that another table changes in the same way. */
export interface Change {
  what: string;
  count: number;
  first: { line: number; question: Question };
}

export interface SummedUp {
  summary: Summary;
  /** The most frequent first; null without another table. */
  changes: Change[] | null;
  lines: number;
  /** The file goes on. */
  isCut: boolean;
}

export interface SumUpOptions {
  /** Of requests whose log does not tell it. */
  host: string | null;
  now: Replayer;
  /** By the other table. */
  other: Replayer | null;
  /** Lets the page do what else it has to do; rejects where nobody wants the answer any more. */
  pause: () => Promise<void>;
  bounds?: Bounds;
}

/** @param name of the file. Throws SourceError for a file that is no log as a whole, and what `pause` rejects with. */
export async function sumUpLog(log: Blob, name: string, options: SumUpOptions): Promise<SummedUp> {
  const { host, now, other, pause, bounds = BOUNDS } = options;
  const summary = new Summary();
  const changes = new Map<string, Change>();
  let lines = 0;
  let isCut = false;
  const input = within(bounds.bytes, await unzipped(log), () => {
    isCut = true;
  });
  let started = performance.now();
  for await (const read of readRequests(input, name, { fields: {}, host, longestLine: bounds.longestLine })) {
    if (lines === bounds.lines) {
      isCut = true;
      break;
    }
    lines++;
    if (performance.now() - started > bounds.sliceMs) {
      await pause();
      started = performance.now();
    }
    if ("error" in read) summary.addBad(read);
    else if (read.question === null) summary.withoutRequest++;
    else {
      const { question, line } = read;
      const replayed = now(question);
      summary.add(replayed);
      const what = other === null ? null : changeOf(replayed, other(question));
      if (what === null) continue;
      const known = changes.get(what);
      if (known) known.count++;
      else changes.set(what, { what, count: 1, first: { line, question } });
    }
  }
  const found = [...changes.values()].sort((a, b) => b.count - a.count);
  return { summary, changes: other === null ? null : found, lines, isCut };
}

/** null where both say the same. */
function changeOf(before: Replayed, after: Replayed): string | null {
  const [a, b] = [before.line, after.line] as [Explanation, Explanation];
  const differ = SAID.filter((what) => a[what] !== b[what]);
  if (differ.length === 0) return null;
  const [from, to] = [whereTo(before), whereTo(after)];
  if (from !== to) return `${from} → ${to}`;
  return `${from}, with ${differ.map((what) => `${what} ${a[what] ?? "none"} → ${b[what] ?? "none"}`).join(", ")}`;
}

async function unzipped(log: Blob): Promise<ReadableStream<Uint8Array>> {
  const [first, second] = new Uint8Array(await log.slice(0, 2).arrayBuffer());
  const isZipped = first === 0x1f && second === 0x8b;
  return isZipped ? log.stream().pipeThrough(new DecompressionStream("gzip")) : log.stream();
}

/** The whole lines among the first bytes; what does not fit is told. */
async function* within(
  bytes: number,
  stream: ReadableStream<Uint8Array>,
  onCut: () => void,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (let left = bytes; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    if (value.length > left) {
      onCut();
      const fitting = value.subarray(0, left);
      yield fitting.subarray(0, fitting.lastIndexOf(10) + 1);
      return reader.cancel();
    }
    left -= value.length;
    yield value;
  }
}
