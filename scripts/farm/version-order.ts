/** The one order of versions: which of two is newer. */
import { type Place, quoteAll, SourceError } from "../sources/problem.ts";

/** In a stated order: all versions with a number. */
const ANY_NUMBER = "*";

/**
 * Which of two versions is the newer. Versions are names, and most names have a number; the rest has the place that the
 * farm states. docs/farm.md gives the order and its reasons.
 */
export class VersionOrder {
  /** Of each name that has a stated place, the place. */
  private readonly places: ReadonlyMap<string, number>;
  private readonly numbered: number;

  /** @param stated names from the oldest to the newest; all versions with a number are at `*`, or before these */
  constructor(stated: readonly string[] = []) {
    this.places = new Map(stated.map((name, i) => [name, i]));
    this.numbered = this.places.get(ANY_NUMBER) ?? -1;
  }

  /** Above 0 where `a` is the newer. Names without any place come after all others, so that any list can be sorted. */
  compare(a: string, b: string): number {
    return this.placeOf(a) - this.placeOf(b) || compareVersions(a, b);
  }

  /** The same, and null where a name has no place, so that nobody can tell. */
  tell(a: string, b: string): number | null {
    const isPlaced = (version: string) => this.placeOf(version) !== Number.POSITIVE_INFINITY;
    return isPlaced(a) && isPlaced(b) ? this.compare(a, b) : null;
  }

  /** Where it matters which is the newer, names without any place are an error at `place`. Throws SourceError. */
  check(versions: Iterable<string>, place: Place): void {
    const different = [...new Set(versions)];
    const unknown = different.filter((version) => this.placeOf(version) === Number.POSITIVE_INFINITY);
    if (different.length < 2 || unknown.length === 0) return;
    const wayOut = `add ${quoteAll(unknown)} to \`version-order\`, which orders names without a number`;
    throw new SourceError(place, `the farm does not say which of ${quoteAll(different)} is newer: ${wayOut}`);
  }

  private placeOf(version: string): number {
    return this.places.get(version) ?? (parse(version) ? this.numbered : Number.POSITIVE_INFINITY);
  }
}

/** What there is of a version before itself, the last: from the first on. */
const STAGES = ["alpha", "wmf", "beta", "rc", ""];

interface Version {
  number: number[];
  /** Number of STAGES. */
  stage: number;
  /** What follows: `16` of `wmf.16`, `-maamedia.1`. */
  rest: string;
}

const FINAL = STAGES.length - 1;

/** `1.47.0-wmf.16`, `1.22wmf10`, `v1.46`, `REL1_43-fork`; null for a name without a number, as `master` or `4f2a9c1`. */
function parse(version: string): Version | null {
  const branch = /^REL(\d+(?:_\d+)*)(|[._-].*)$/.exec(version);
  // A branch goes on after each version that was made of it.
  if (branch)
    return { number: [...numbers(branch[1]!), Number.POSITIVE_INFINITY], stage: FINAL, rest: branch[2]! };
  const form = /^v?(\d+(?:\.\d+)*)(?:[._-]?(alpha|beta|rc|wmf)(?![a-z]))?(.*)$/i;
  const [, number, mark, rest] = form.exec(version) ?? [];
  if (number === undefined) return null;
  if (mark !== undefined) {
    const stage = STAGES.indexOf(mark.toLowerCase());
    return { number: numbers(number), stage, rest: rest!.replace(/^[._-]/, "") };
  }
  return /^([._-]|$)/.test(rest!) ? { number: numbers(number), stage: FINAL, rest: rest! } : null;
}

function numbers(text: string): number[] {
  return text.split(/[._]/).map(Number);
}

/** By number, then by stage, then by what follows; so it is the same on every machine, and 0 for equal names alone. */
export function compareVersions(a: string, b: string): number {
  const [these, those] = [parse(a), parse(b)];
  if (these === null || those === null) {
    if (these !== those) return these === null ? 1 : -1;
    return compareParts(a, b);
  }
  return (
    compareNumbers(these.number, those.number) ||
    these.stage - those.stage ||
    compareParts(these.rest, those.rest) ||
    compareParts(a, b)
  );
}

/** 1.46 is 1.46.0. */
function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference) return difference; // of two branches NaN
  }
  return 0;
}

/** Digits by their number, all else by its letters; not by locale. */
function compareParts(a: string, b: string): number {
  const [these, those] = [a, b].map((text) => text.match(/\d+|\D+/g) ?? []);
  for (const [i, part] of these!.entries()) {
    const other = those![i];
    if (other === undefined) return 1;
    const difference = Number(part) - Number(other);
    if (difference) return difference;
    if (part !== other) return part < other ? -1 : 1;
  }
  return these!.length - those!.length;
}
