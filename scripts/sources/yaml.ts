/** Reads YAML, and keeps the place of every value. */
import { CORE_SCHEMA, constructFromEvents, mergeTag, parseEvents, YAMLException } from "js-yaml";
import { LOST_KEY } from "./names.ts";
import { type Place, quote, SourceError } from "./problem.ts";
import { LineIndex, readText } from "./text.ts";
import { buildTree, type YamlEntry, type YamlNode } from "./yaml-tree.ts";

/** A place in a YAML file and what stands there. */
export interface YamlPosition {
  readonly line: number;
  readonly column: number;
  /** The source text there; of a collection or a long text, its first line. */
  readonly text: string;
}

export interface LostKey extends YamlPosition {
  /** As it stands in the file, quotes aside. */
  readonly key: string;
}

/** A loaded YAML document that still knows where each of its values came from. */
export interface YamlSource {
  readonly file: string;
  readonly value: unknown;
  /**
   * Where `path` stands: its value, or the key before it. What is not in the file (a missing key) is placed at the
   * nearest thing around it that is.
   */
  positionOf(path: readonly (string | number)[], what?: "key" | "value"): YamlPosition;
  /** The same as a place for a SourceError. */
  placeOf(path: readonly (string | number)[], what?: "key" | "value"): Place;
  /** The keys of the mapping at `path` in the order of the file; objects put keys like `10` first. */
  keysOf(path: readonly (string | number)[]): string[];
  /** Keys of the file that the value does not have under their own name: a bare `1.50` is read as 1.5. */
  readonly lostKeys: readonly LostKey[];
}

/**
 * Pinned, so that a newer js-yaml cannot change what a farm means: YAML 1.2's core schema. `no`, `on` and `yes` are
 * text (the chapters list has Norway's `no`), and so are dates and `12:30`; `true`, `null`, `10`, `0x1f` are not.
 */
const SCHEMA = CORE_SCHEMA;
/** Of a file: a tree of values takes some thirty times as much memory as its text. */
const YAML_BYTES_AT_MOST = 32 * 2 ** 20;
/** Helm understands `<<: *anchor`, which YAML 1.2 dropped. */
const SCHEMA_WITH_MERGE = CORE_SCHEMA.withTags(mergeTag);

/** The text of a YAML file. What cannot be read is an error at `referrer`, the place that named the file. */
export function readYamlText(file: string, referrer?: Place): string {
  return readText(file, referrer, YAML_BYTES_AT_MOST);
}

/**
 * Loads one YAML document. Duplicate keys are refused, naming both lines. Anchors work, as long as all aliases
 * together stay small when written out. Throws SourceError.
 * @param text the content, where it does not come from the file
 * @param options `merge` reads `<<` as Helm does; without it, it is a key like any other
 */
export function loadYaml(
  file: string,
  text: string = readYamlText(file),
  options: { merge?: boolean } = {},
): YamlSource {
  const lines = new LineIndex(text);
  const at = (offset: number): Place => ({ file, ...lines.at(offset) });
  try {
    const events = parseEvents(text, { filename: file });
    const root = buildTree(text, events, at);
    const schema = options.merge === true ? SCHEMA_WITH_MERGE : SCHEMA;
    const [value] = constructFromEvents(events, { source: text, filename: file, schema });
    return sourceOf(file, value, root, text, lines);
  } catch (error) {
    throw asSourceError(error, file, lines);
  }
}

/** js-yaml says that any error may leave it, not its own alone. */
function asSourceError(error: unknown, file: string, lines: LineIndex): SourceError {
  if (error instanceof SourceError) return error;
  if (!(error instanceof YAMLException)) {
    return new SourceError(
      { file },
      `not valid YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const offset = error.mark?.position ?? 0;
  const { line, column } = lines.at(offset);
  const text = lines.restOfLine(offset) || lines.restOfLine(Math.max(0, offset - column + 1));
  return new SourceError({ file, line, column }, `not valid YAML: ${error.reason} (${quote(text)})`);
}

function sourceOf(file: string, value: unknown, root: YamlNode, text: string, lines: LineIndex): YamlSource {
  const show = (start: number, end: number | undefined): YamlPosition => ({
    ...lines.at(start),
    text: end === undefined ? lines.restOfLine(start) : text.slice(start, end),
  });

  const positionOf: YamlSource["positionOf"] = (path, what = "value") => {
    let position = show(root.start, root.end);
    let node = root;
    for (const [i, step] of path.entries()) {
      const holder = node.aliased ?? node;
      const entry = holder.entries?.get(String(step));
      const child = entry?.node ?? holder.items?.[Number(step)];
      if (child === undefined) break;
      const isLast = i === path.length - 1;
      const ofKey = entry !== undefined && (what === "key" || !isLast);
      position = ofKey ? show(entry.keyStart, entry.keyEnd) : show(child.start, child.end);
      node = child;
    }
    return position;
  };

  return {
    file,
    value,
    positionOf,
    placeOf(path, what) {
      const { line, column } = positionOf(path, what);
      return { file, line, column };
    },
    keysOf(path) {
      let node: YamlNode | undefined = root.aliased ?? root;
      for (const step of path) {
        const child: YamlNode | undefined =
          node.entries?.get(String(step))?.node ?? node.items?.[Number(step)];
        if (child === undefined) return [];
        node = child.aliased ?? child;
      }
      return [...(node.entries?.keys() ?? [])];
    },
    get lostKeys() {
      return [...keysLost(root, value)].map(({ key, entry }) => ({
        key,
        ...show(entry.keyStart, entry.keyEnd),
      }));
    },
  };
}

/** What an anchor stands for is looked at where the anchor is. */
function* keysLost(node: YamlNode, value: unknown): Generator<{ key: string; entry: YamlEntry }> {
  for (const [key, entry] of node.entries ?? []) {
    if (key === LOST_KEY || !Object.hasOwn(Object(value), key)) yield { key, entry };
    else yield* keysLost(entry.node, (value as Record<string, unknown>)[key]);
  }
  for (const [i, item] of (node.items ?? []).entries()) yield* keysLost(item, (value as unknown[])[i]);
}
