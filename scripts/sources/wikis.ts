/** The wikis of a farm and the version of each, with the line that says so. */
import { sortTexts } from "../collections/sort-texts.ts";
import { TextIndex } from "../collections/text-index.ts";

/** What a wiki runs, and the line that says so. */
export interface WikiVersion {
  /** Without `php-`: `1.47.0-wmf.16`. */
  readonly version: string;
  /** Of wikiversions.json. */
  readonly line?: number | undefined;
}

/**
 * Wikis and what each runs. A wiki's number is its ID's among all of them, sorted; the iterators go by the order of the
 * file.
 */
export class Wikis {
  /** Sorted. */
  readonly ids: readonly string[];
  /** Of each, its version without `php-`. */
  readonly versions: readonly string[];
  /** Each was given once: else nothing here holds. */
  readonly areUnique: boolean;
  private readonly index: TextIndex;
  /** Of each, its place in the file. */
  private readonly order: Uint32Array;

  /** @param lines none where there is no file of them */
  constructor(
    ids: readonly string[],
    versions: readonly string[],
    private readonly lines: readonly number[] = [],
  ) {
    const { texts, order } = sortTexts(ids);
    this.ids = texts;
    this.order = order;
    this.versions = texts.map((_, number) => versions[order[number]!]!);
    this.areUnique = texts.every((id, number) => id !== texts[number - 1]);
    this.index = new TextIndex(texts);
  }

  get size(): number {
    return this.ids.length;
  }

  /** -1 for a wiki that is none of them. */
  number(wiki: string): number {
    return this.index.number(wiki);
  }

  has(wiki: string): boolean {
    return this.number(wiki) !== -1;
  }

  get(wiki: string): WikiVersion | undefined {
    const number = this.number(wiki);
    return number === -1 ? undefined : this.at(number);
  }

  *keys(): Generator<string> {
    for (const [wiki] of this) yield wiki;
  }

  *values(): Generator<WikiVersion> {
    for (const [, version] of this) yield version;
  }

  *[Symbol.iterator](): Generator<[wiki: string, version: WikiVersion]> {
    const numbers = new Uint32Array(this.size);
    for (const [number, place] of this.order.entries()) numbers[place] = number;
    for (const number of numbers) yield [this.ids[number]!, this.at(number)];
  }

  private at(number: number): WikiVersion {
    return { version: this.versions[number]!, line: this.lines[this.order[number]!] };
  }
}
