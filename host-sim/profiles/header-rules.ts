/**
 * What the header-map calls do to a map, per host; `ats-headers.ts` has ATS's. A map is an ordered list of pairs, changed
 * in place; names in it are lower case where the host makes them so. Every function takes the name as the guest wrote it.
 */

import { type Pair, pairsSize } from "../memory.ts";
import { joinedInRequests, joinedInResponses } from "./envoy-headers.ts";

export interface HeaderRules {
  /** A header comes from the wire. */
  arrive(map: Pair[], name: string, value: string): void;
  /** The value that a read gives, or null when the header is absent. */
  get(map: Pair[], name: string): string | null;
  add(map: Pair[], name: string, value: string): void;
  replace(map: Pair[], name: string, value: string): void;
  remove(map: Pair[], name: string): void;
  setAll(map: Pair[], pairs: readonly Pair[]): void;
  /** What `proxy_get_header_map_size` answers, in bytes. */
  size(map: readonly Pair[]): number;
}

const find = (map: readonly Pair[], name: string): string | null => {
  for (const pair of map) if (pair[0] === name) return pair[1];
  return null;
};

function removeAll(map: Pair[], name: string): void {
  let kept = 0;
  for (const pair of map) if (pair[0] !== name) map[kept++] = pair;
  map.length = kept;
}

/** Sum of the lengths of names and values, without separators (Envoy's `byteSize`). */
const bareSize = (map: readonly Pair[]): number =>
  map.reduce((sum, [name, value]) => sum + name.length + value.length, 0);

/** The specification's letter: first value, add appends, replace sets one value, remove takes all. */
export const specifiedHeaders: HeaderRules = {
  arrive: (map, name, value) => {
    map.push([name.toLowerCase(), value]);
  },
  get: (map, name) => find(map, name.toLowerCase()),
  add: (map, name, value) => {
    map.push([name.toLowerCase(), value]);
  },
  replace: (map, name, value) => {
    const lower = name.toLowerCase();
    removeAll(map, lower);
    map.push([lower, value]);
  },
  remove: (map, name) => removeAll(map, name.toLowerCase()),
  setAll: (map, pairs) => {
    map.length = 0;
    for (const [name, value] of pairs) map.push([name.toLowerCase(), value]);
  },
  size: pairsSize,
};

interface EnvoyName {
  readonly key: string;
  /** A second value is joined to the first; else it stands beside it. */
  readonly joined: boolean;
}

/** Names recur in every request, and lower-casing them is a good part of a request's cost. */
const maxKnown = 4096;

/** Envoy's name for a header: lower case, and `host` is the legacy name of a request's `:authority`. */
function envoyNames(joined: ReadonlySet<string>): (name: string) => EnvoyName {
  const known = new Map<string, EnvoyName>();
  return (name) => {
    let found = known.get(name);
    if (found === undefined) {
      const lower = name.toLowerCase();
      const key = lower === "host" && joined.has(":authority") ? ":authority" : lower;
      found = { key, joined: joined.has(key) };
      if (known.size >= maxKnown) known.clear();
      known.set(name, found);
    }
    return found;
  };
}

const indexOf = (map: readonly Pair[], name: string): number => {
  for (let i = 0; i < map.length; i++) if (map[i]![0] === name) return i;
  return -1;
};

function envoyRules(joinedNames: ReadonlySet<string>): HeaderRules {
  const nameOf = envoyNames(joinedNames);
  const rules: HeaderRules = {
    arrive: (map, name, value) => rules.add(map, name, value),
    get: (map, name) => find(map, nameOf(name).key),
    add: (map, name, value) => {
      const { key, joined } = nameOf(name);
      const at = joined ? indexOf(map, key) : -1;
      const first = map[at];
      // Nothing is joined to nothing, and nothing to what is there (HeaderMapImpl::appendToHeader).
      if (first !== undefined) map[at] = [key, [first[1], value].filter((part) => part !== "").join(",")];
      else if (!key.startsWith(":")) map.push([key, value]);
      else {
        // Pseudo-headers stand before all others (HeaderMapImpl::HeaderList::insert).
        let end = 0;
        while (end < map.length && map[end]![0].startsWith(":")) end++;
        if (end === map.length) map.push([key, value]);
        else map.splice(end, 0, [key, value]);
      }
    },
    // Since 1.20 every value goes, not only the first (http_set_copy_replace_all_headers).
    replace: (map, name, value) => {
      removeAll(map, nameOf(name).key);
      rules.add(map, name, value);
    },
    remove: (map, name) => removeAll(map, nameOf(name).key),
    setAll: (map, pairs) => {
      map.length = 0;
      for (const [name, value] of pairs) rules.add(map, name, value);
    },
    size: bareSize,
  };
  return rules;
}

export const envoyRequestHeaders = envoyRules(joinedInRequests);
export const envoyResponseHeaders = envoyRules(joinedInResponses);
