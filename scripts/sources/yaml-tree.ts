/** A YAML document as a tree of nodes that know their places. */
import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from "js-yaml";
import { type Place, Problems, quote, SourceError } from "./problem.ts";

/** One node of a YAML document: where it stands, and the nodes in it. */
export interface YamlNode {
  readonly start: number;
  /** End-exclusive; undefined for a collection, whose end js-yaml does not tell. */
  readonly end?: number;
  readonly entries?: Map<string, YamlEntry>;
  readonly items?: YamlNode[];
  /** What an alias stands for. */
  readonly aliased?: YamlNode;
}

export interface YamlEntry {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly node: YamlNode;
}

/** How many nodes the aliases of a document may add when written out. */
export const ALIASED_NODES_AT_MOST = 100_000;

/**
 * The tree of nodes with their offsets, from js-yaml's events: one document, no duplicate keys, no alias that
 * contains itself, and no few aliases that stand for billions of nodes ("billion laughs"). Throws SourceError.
 */
export function buildTree(text: string, events: readonly Event[], at: (offset: number) => Place): YamlNode {
  return new TreeBuilder(text, events, at).document();
}

class TreeBuilder {
  #next = 0;
  /** Nodes so far, aliases written out. */
  #size = 0;
  /** How many of them came by aliases. */
  #aliased = 0;
  readonly #anchors = new Map<string, { node: YamlNode; size: number } | "open">();
  readonly #problems = new Problems();
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #at: (offset: number) => Place;

  constructor(text: string, events: readonly Event[], at: (offset: number) => Place) {
    this.#text = text;
    this.#events = events;
    this.#at = at;
  }

  document(): YamlNode {
    if (this.#take()?.type !== EVENT_ID.DOCUMENT) {
      throw new SourceError(this.#at(0), "the file is empty: it must hold one YAML document");
    }
    const root = this.#node(0);
    this.#take();
    if (this.#take() !== undefined) {
      const second = this.#node(this.#text.length);
      throw new SourceError(
        this.#at(second.start),
        "this is a second YAML document (after `---`): keep one document in the file",
      );
    }
    this.#problems.throwIfAny();
    return root;
  }

  #take(): Event | undefined {
    return this.#events[this.#next++];
  }

  /** @param where the place of a node without text, like the value in `key:` */
  #node(where: number): YamlNode {
    const event = this.#take()!;
    if (event.type === EVENT_ID.ALIAS) return this.#alias(event.anchorStart, event.anchorEnd);
    if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) return { start: where, end: where };
    const anchor = event.anchorStart < 0 ? undefined : this.#text.slice(event.anchorStart, event.anchorEnd);
    if (anchor !== undefined) this.#anchors.set(anchor, "open");
    const before = this.#size;
    this.#size++;
    let node: YamlNode;
    if (event.type === EVENT_ID.SCALAR) node = this.#scalar(event, where);
    else if (event.type === EVENT_ID.SEQUENCE) node = this.#sequence(event.start);
    else node = this.#mapping(event.start);
    if (anchor !== undefined) this.#anchors.set(anchor, { node, size: this.#size - before });
    return node;
  }

  #scalar(event: ScalarEvent, where: number): YamlNode {
    if (event.valueStart < 0) return { start: where, end: where };
    if (event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED) {
      return { start: event.valueStart - 1, end: event.valueEnd + 1 };
    }
    if (event.style === SCALAR_STYLE.PLAIN) return { start: event.valueStart, end: event.valueEnd };
    const source = this.#text.slice(event.valueStart, event.valueEnd);
    return { start: event.valueStart + source.length - source.trimStart().length };
  }

  #sequence(start: number): YamlNode {
    const items: YamlNode[] = [];
    while (!this.#closes()) items.push(this.#node(start));
    return { start, items };
  }

  #mapping(start: number): YamlNode {
    const entries = new Map<string, YamlEntry>();
    while (!this.#closes()) {
      const event = this.#events[this.#next]!;
      const { start: keyStart, end: keyEnd = keyStart } = this.#node(start);
      const key = event.type === EVENT_ID.SCALAR ? getScalarValue(this.#text, event) : undefined;
      const node = this.#node(keyEnd);
      if (key === undefined) continue;
      const first = entries.get(key);
      if (first !== undefined) {
        const line = this.#at(first.keyStart).line;
        this.#problems.add(
          this.#at(keyStart),
          `key ${quote(key)} stands twice, first in line ${line}: keep one`,
        );
        continue;
      }
      entries.set(key, { keyStart, keyEnd, node });
    }
    return { start, entries };
  }

  #alias(nameStart: number, end: number): YamlNode {
    const start = nameStart - 1;
    const shown = quote(this.#text.slice(start, end));
    const anchored = this.#anchors.get(this.#text.slice(nameStart, end));
    if (anchored === undefined) {
      throw new SourceError(
        this.#at(start),
        `${shown} stands for nothing: no \`&\` anchor has that name before it`,
      );
    }
    if (anchored === "open") {
      throw new SourceError(this.#at(start), `${shown} stands for something that contains it: write it out`);
    }
    this.#size += anchored.size;
    this.#aliased += anchored.size;
    if (this.#aliased > ALIASED_NODES_AT_MOST) {
      const what = `up to ${shown}, aliases stand for more than ${ALIASED_NODES_AT_MOST} values`;
      throw new SourceError(this.#at(start), `${what}: use fewer of them`);
    }
    return { start, end, aliased: anchored.node.aliased ?? anchored.node };
  }

  #closes(): boolean {
    if (this.#events[this.#next]?.type !== EVENT_ID.POP) return false;
    this.#next++;
    return true;
  }
}
