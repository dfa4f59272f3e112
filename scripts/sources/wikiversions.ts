/** Reads wikiversions.json: each wiki's version. */
import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from "js-yaml";
import { bareVersion, isVersion, isWikiId, NAME_SHAPE, VERSION_PREFIX, WIKI_ID_SHAPE } from "./names.ts";
import { type Place, Problems, quote, SourceError } from "./problem.ts";
import { LineIndex, readText } from "./text.ts";
import { Wikis } from "./wikis.ts";

/**
 * Reads wikiversions.json: one JSON object of wiki ID → version, with `php-` before every version or before none, in
 * the order of the file. Throws SourceError, with every bad entry in it. A wiki that stands twice is one, as JSON.parse
 * would silently take the last; so is a file without any wiki, which would take every wiki off the table.
 * @param mayBeEmpty an object without wikis is right as well: others are listed elsewhere
 */
export function readWikiversions(file: string, referrer: Place = { file }, mayBeEmpty = false): Wikis {
  const text = readText(file, referrer);
  const plain = readPlain(text);
  if (plain) return plain;
  const lines = new LineIndex(text);
  const at = (offset: number): Place => ({ file, ...lines.at(offset) });
  checkShape(text, at, mayBeEmpty);

  const problems = new Problems();
  const said: { version: string; place: Place }[] = [];
  const firstLines = new Map<string, number>();
  for (const [key, value] of entries(text, at)) {
    const wiki = getScalarValue(text, key);
    const place = at(key.valueStart - 1);
    const line = place.line!;
    const first = firstLines.get(wiki);
    if (first !== undefined) {
      problems.add(place, `${quote(wiki)} stands twice, first in line ${first}: keep the right one`);
      continue;
    }
    firstLines.set(wiki, line);
    if (!isWikiId(wiki)) {
      problems.add(place, `${quote(wiki)} is not a wiki ID: use ${WIKI_ID_SHAPE}`);
    }
    const quoted = value.style === SCALAR_STYLE.DOUBLE_QUOTED;
    const version = getScalarValue(text, value);
    const where = at(value.valueStart - (quoted ? 1 : 0));
    if (!quoted) problems.add(where, `${quote(version)} is not a string: write "1.47.0" or the like`);
    else if (!isVersion(bareVersion(version))) {
      problems.add(where, `${quote(version)} is not a version: use ${NAME_SHAPE}`);
    } else said.push({ version, place: where });
  }
  checkPrefix(said, problems);
  problems.throwIfAny();
  const versions = said.map(({ version }) => bareVersion(version));
  return new Wikis([...firstLines.keys()], versions, [...firstLines.values()]);
}

/** Of a file whose versions begin with `php-`, one that does not is a slip of the pen, not another version. */
function checkPrefix(said: { version: string; place: Place }[], problems: Problems): void {
  const [marked, plain] = [true, false].map((has) =>
    said.filter(({ version }) => version.startsWith(VERSION_PREFIX) === has),
  );
  const [first, ...more] = (marked!.length < plain!.length ? marked : plain)!;
  if (first === undefined || more.length + 1 === said.length) return;
  const who = `${quote(first.version)}${more.length === 0 ? "" : ` and ${more.length} more`}`;
  const [verb, wayOut] = first.version.startsWith(VERSION_PREFIX)
    ? ["with `php-`, and others without it", "leave it out"]
    : ["without `php-`, and others with it", "write it before every version"];
  problems.add(first.place, `${who} ${more.length === 0 ? "begins" : "begin"} ${verb}: ${wayOut}`);
}

/**
 * The wikis of a file as programs write it, which with a million of them is much faster; null for any other file and
 * where anything is wrong, for the careful reader to say what.
 */
function readPlain(text: string): Wikis | null {
  const start = /^[ \n\t]*\{/.exec(text);
  if (!start || text.includes("\r")) return null;
  const pair = /[ \n\t]*"([A-Za-z0-9][A-Za-z0-9_-]*)"[ \n\t]*:[ \n\t]*"([^"\\]+)"[ \n\t]*([,}])/y;
  pair.lastIndex = start[0].length;
  const ids: string[] = [];
  const versions: string[] = [];
  const lines: number[] = [];
  const good = new Map<string, string>();
  let prefixed: boolean | null = null;
  let line = 1;
  let newline = text.indexOf("\n");
  for (let found = pair.exec(text); found; found = pair.exec(text)) {
    const [whole, wiki, value, next] = found;
    let version = good.get(value!);
    if (version === undefined) {
      version = bareVersion(value!);
      prefixed ??= version !== value;
      if (!isVersion(version) || prefixed !== (version !== value)) return null;
      good.set(value!, version);
    }
    const key = found.index + whole.indexOf('"');
    for (; newline !== -1 && newline < key; newline = text.indexOf("\n", newline + 1)) line++;
    ids.push(wiki!);
    versions.push(version);
    lines.push(line);
    if (next !== "}") continue;
    if (/[^ \n\t]/.test(text.slice(pair.lastIndex))) return null;
    const wikis = new Wikis(ids, versions, lines);
    return wikis.areUnique ? wikis : null;
  }
  return null;
}

/** Makes sure that the text is JSON, and an object with at least one entry. */
function checkShape(text: string, at: (offset: number) => Place, mayBeEmpty: boolean): void {
  const start = at(0);
  if (text.trim() === "") {
    throw new SourceError(start, "the file is empty: it must be a JSON object of wiki → version");
  }
  const value = parseJson(text, at);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SourceError(start, `not a JSON object (${quote(text.trim())}): write { "wiki": "version", … }`);
  }
  if (Object.keys(value).length === 0 && !mayBeEmpty) {
    throw new SourceError(start, `the file has no wiki (${quote(text.trim())}): a farm needs at least one`);
  }
}

function parseJson(text: string, at: (offset: number) => Place): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const offset = offsetOfError(text, message);
    const why = message
      .replace(/(?: in JSON)? at position \d+.*/, "")
      .replace(/, [."].*is not valid JSON$/s, "");
    const from =
      text
        .slice(offset)
        .trimStart()
        .split(/[\r\n]/, 1)[0] ?? "";
    throw new SourceError(
      at(offset),
      `not valid JSON: ${why} (${from === "" ? "end of file" : quote(from)})`,
    );
  }
}

/**
 * Where JSON.parse stopped. Node tells the position of most errors. For the others ("Unexpected token"), the YAML
 * parser knows: JSON is YAML, and what is YAML but not JSON here is a scalar without double quotes.
 */
function offsetOfError(text: string, message: string): number {
  const told = /at position (\d+)/.exec(message)?.[1];
  if (told !== undefined) return Number(told);
  if (message.startsWith("Unexpected end")) return text.length;
  try {
    let reached = 0;
    for (const event of parseEvents(text, {})) {
      if (event.type !== EVENT_ID.SCALAR) continue;
      if (event.style !== SCALAR_STYLE.DOUBLE_QUOTED) return Math.max(reached, event.valueStart);
      reached = event.valueEnd + 1;
    }
    return 0;
  } catch (error) {
    return error instanceof YAMLException ? (error.mark?.position ?? 0) : 0;
  }
}

/**
 * The pairs of a flat JSON object with their offsets, by the YAML parser, as JSON.parse gives neither offsets nor
 * duplicates. The text is known to be JSON; on one line, YAML's indentation has no say in it.
 */
function entries(text: string, at: (offset: number) => Place): [key: ScalarEvent, value: ScalarEvent][] {
  const pairs: [ScalarEvent, ScalarEvent][] = [];
  let key: ScalarEvent | undefined;
  let depth = 0;
  for (const event of parseJsonEvents(text.replace(/[\t\r\n]/g, " "), at)) {
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
      if (++depth === 1) continue;
      const shown = quote(text.slice(event.start).split(/[\r\n]/, 1)[0]!);
      throw new SourceError(
        at(event.start),
        `a version is not a string (${shown}): write "1.47.0" or the like`,
      );
    }
    if (event.type !== EVENT_ID.SCALAR) continue;
    if (key === undefined) {
      key = event;
      continue;
    }
    pairs.push([key, event]);
    key = undefined;
  }
  return pairs;
}

function parseJsonEvents(text: string, at: (offset: number) => Place): Event[] {
  try {
    return parseEvents(text, {});
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new SourceError(at(error.mark?.position ?? 0), `cannot be read: ${error.reason}`);
  }
}
