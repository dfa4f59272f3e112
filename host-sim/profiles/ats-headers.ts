/**
 * What the header-map calls do in ATS 10.2 (plugins/experimental/wasm/ats_context.cc). Names keep the case in which they
 * came, and are found in any; there are no pseudo-headers, so `:status`, which says how a response began, is no header.
 */
import type { Pair } from "../memory.ts";
import type { HeaderRules } from "./header-rules.ts";

/** Headers that ATS knows, and not as lists: a comma in them is a byte like others. */
const whole: ReadonlySet<string> = new Set(
  `age authorization client-ip content-base content-length content-location content-md5 content-range content-type cookie
  date etag expires from host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive
  last-modified location max-forwards proxy-authenticate proxy-authorization referer retry-after sec-websocket-key
  sec-websocket-version server set-cookie strict-transport-security user-agent www-authenticate`.split(/\s+/),
);

/** What a guest reads of a header: of a list its first value, without the quotes that it begins with. */
export function shownByAts(name: string, value: string): string {
  if (whole.has(name.toLowerCase())) return value;
  const quoted = /^"([^"]*)"?/.exec(value);
  return quoted === null ? firstValue(value) : quoted[1]!;
}

/** The value up to the first comma outside quotes. */
function firstValue(value: string): string {
  let isQuoted = false;
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    if (c === '"') isQuoted = !isQuoted;
    else if (c === "," && !isQuoted) return value.slice(0, i).trimEnd();
  }
  return value;
}

export const isHeader = ([name]: Pair): boolean => !name.startsWith(":");

const named =
  (name: string) =>
  ([other]: Pair): boolean =>
    other.length === name.length && other.toLowerCase() === name.toLowerCase();

function remove(map: Pair[], name: string): void {
  const is = named(name);
  const kept = map.filter((pair) => !is(pair));
  map.splice(0, map.length, ...kept);
}

/** Sets the first field of a name and destroys the rest; false if there is none. */
function overwrite(map: Pair[], name: string, value: string): boolean {
  const at = map.findIndex(named(name));
  if (at < 0) return false;
  const own = map[at]![0];
  remove(map, name);
  map.splice(at, 0, [own, value]);
  return true;
}

export const atsHeaders: HeaderRules = {
  arrive: (map, name, value) => {
    map.push([name, value]);
  },
  // Absent headers read as Ok and "".
  get: (map, name) => {
    const found = map.filter(isHeader).find(named(name));
    return found === undefined ? "" : shownByAts(name, found[1]);
  },
  // `add` finds an existing field and sets its value: the others of that name stay.
  add: (map, name, value) => {
    const at = map.findIndex(named(name));
    if (at < 0) map.push([name, value]);
    else map[at] = [map[at]![0], value];
  },
  // On an absent header: Ok, and nothing done.
  replace: (map, name, value) => {
    overwrite(map, name, value);
  },
  remove,
  // Headers that the guest's list leaves out stay.
  setAll: (map, pairs) => {
    for (const [name, value] of pairs) if (!overwrite(map, name, value)) map.push([name, value]);
  },
  // `Name: value\r\n` each (TSMimeHdrLengthGet).
  size: (map) => map.filter(isHeader).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0),
};
