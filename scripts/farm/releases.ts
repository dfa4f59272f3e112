import { Problems, quote, quoteAll } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { readText } from "../sources/text.ts";
import { readVersionFromValues } from "../sources/values-file.ts";
import type { Farm } from "./farm.ts";
import type { Groups } from "./groups.ts";

export interface Placement {
  wiki: string;
  group: string | null;
  /** Number of the release. */
  release: number;
  /** Why it is not on its group's release, if it is not. */
  why: "pin" | "version" | null;
  /** Number of its group's release, or of the default one for a wiki in no group; null for a group without one. */
  preferred: number | null;
}

export interface Releases {
  list: { name: string; version: string }[];
  default: number;
  /** By the wiki's number, the number of its release. */
  ofWiki: readonly number[];
  /** The same and why; made when asked for, as a table for proxies needs none of it. */
  readonly placements: Placement[];
  /** Names of the releases whose version is what most of their group runs. */
  fromGroup: string[];
  /** Names of those that `spill: version-named` added. */
  spilled: string[];
}

/**
 * Which release each wiki is on: always one of the wiki's own version. Its group's release if that runs it, else
 * the first in the farm's order that does, else an error or, as the farm says, a new one named by the version.
 * @param today as `2026-12-31`, for the expiry of pins alone
 */
export function assignReleases(farm: Farm, groups: Groups, today: string): Releases {
  const problems = new Problems();
  const names = farm.keys(["releases"]);
  const list: Releases["list"] = [];
  for (const name of names) {
    list.push({ name, version: problems.attempt(() => versionOf(farm, groups, name, problems)) ?? "" });
  }
  const byName = (name: string) => list.findIndex((release) => release.name === name);
  const defaultRelease = byName(farm.says["default-release"]);
  if (defaultRelease === -1) {
    problems.add(farm.place(["default-release"]), unknownRelease(farm.says["default-release"], names));
  }
  problems.throwIfAny();

  const pins = readPins(farm, list, today, problems);
  const preferredOf = new Map<string | null, number | null>([[null, defaultRelease]]);
  for (const group of groups.byName.keys()) preferredOf.set(group, releaseOfGroup(groups, group, byName));
  const preferredBy = (wiki: string) => preferredOf.get(groups.ofWiki.get(wiki) ?? null)!;
  const stranded: string[] = [];
  const spilled = new Set<string>();
  const ofWiki = farm.wikis.ids.map((wiki, i) => {
    const version = farm.wikis.versions[i]!;
    const pinned = pins.get(wiki);
    const preferred = preferredBy(wiki);
    let release = preferred !== null && list[preferred]!.version === version ? preferred : -1;
    if (release === -1) release = list.findIndex((one) => one.version === version);
    if (release === -1) {
      stranded.push(wiki);
      spilled.add(version);
    }
    return pinned ?? release;
  });
  if (farm.says.spill === "version-named") addSpilled(farm, list, spilled, ofWiki, problems);
  else if (stranded.length > 0) {
    const runs = list.map(({ name, version }) => `${name} (${version})`).join(", ");
    for (const wiki of stranded) {
      const { version } = farm.wikis.get(wiki)!;
      problems.add(
        farm.placeOfWiki(wiki),
        `${quote(wiki)} runs ${version}, which no release has; there are ${runs}`,
      );
    }
  }
  problems.throwIfAny();
  const fromGroup = names.filter((name) => farm.says.releases[name]!.from === "group");
  return {
    list,
    default: defaultRelease,
    ofWiki,
    get placements() {
      return farm.wikis.ids.map((wiki, i): Placement => {
        const [release, preferred] = [ofWiki[i]!, preferredBy(wiki)];
        const why = pins.has(wiki) ? "pin" : preferred === null || release === preferred ? null : "version";
        return { wiki, group: groups.ofWiki.get(wiki) ?? null, release, why, preferred };
      });
    },
    fromGroup,
    spilled: [...spilled].sort(),
  };
}

function versionOf(farm: Farm, groups: Groups, name: string, problems: Problems): string {
  const { version, values } = farm.says.releases[name]!;
  if (version !== undefined) return version;
  const path = ["releases", name];
  if (values !== undefined) {
    const rule = farm.says["version-from-image"];
    if (!rule) {
      problems.add(
        farm.place([...path, "values"]),
        "a values file: say in `version-from-image` where its version is",
      );
      return "";
    }
    const file = farm.path(values, [...path, "values"]);
    readText(file, farm.place([...path, "values"])); // where it cannot be read, that is the place to say so
    return readVersionFromValues(file, { ...rule, place: farm.place(["version-from-image", "pattern"]) })
      .version;
  }
  const group = groups.byName.get(name);
  if (!group) {
    const near = suggestionFor(name, groups.byName.keys());
    const hint = near === undefined ? "" : `; did you mean ${quote(near)}?`;
    problems.add(
      farm.place([...path, "from"]),
      `there is no group ${quote(name)} to take the version from${hint}`,
    );
    return "";
  }
  if (group.wikis.size === 0) {
    problems.add(
      farm.place([...path, "from"]),
      `group ${quote(name)} has no wikis: state the release's \`version\``,
    );
    return "";
  }
  return mostRun(farm, group.wikis);
}

/** The version that most of the wikis run; of two that tie, the older. */
function mostRun(farm: Farm, wikis: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const wiki of wikis) {
    const { version } = farm.wikis.get(wiki)!;
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].sort(([v, m], [w, n]) => n - m || compareVersions(v, w))[0]![0];
}

/** `1.47.0-wmf.2` before `1.47.0-wmf.16`; not by locale, so that it is the same on every machine. */
export function compareVersions(a: string, b: string): number {
  const [these, those] = [a, b].map((version) => version.match(/\d+|\D+/g) ?? []);
  for (const [i, part] of these!.entries()) {
    const other = those![i];
    if (other === undefined) return 1;
    const difference = Number(part) - Number(other);
    if (difference) return difference;
    if (part !== other) return part < other ? -1 : 1;
  }
  return these!.length - those!.length;
}

/** The release named like the group, or like the nearest group around it. */
function releaseOfGroup(groups: Groups, group: string, byName: (name: string) => number): number | null {
  for (let name: string | null = group; name !== null; name = groups.byName.get(name)!.within) {
    const release = byName(name);
    if (release !== -1) return release;
  }
  return null;
}

export function unknownRelease(name: string, names: string[]): string {
  const near = suggestionFor(name, names);
  const hint = near === undefined ? `there are ${quoteAll(names)}` : `did you mean ${quote(near)}?`;
  return `unknown release ${quote(name)}; ${hint}`;
}

/** Wiki → number of the release that it is pinned to. */
function readPins(
  farm: Farm,
  list: Releases["list"],
  today: string,
  problems: Problems,
): Map<string, number> {
  const pins = new Map<string, number>();
  for (const [i, { wiki, release, expires }] of farm.says.pins.entries()) {
    const number = list.findIndex((one) => one.name === release);
    const known = farm.wikis.get(wiki);
    if (pins.has(wiki)) problems.add(farm.place(["pins", i, "wiki"]), `${quote(wiki)} is pinned twice`);
    if (expires < today) {
      const wayOut = "remove it, or give it a later day";
      problems.add(
        farm.place(["pins", i, "expires"]),
        `the pin of ${quote(wiki)} expired on ${expires}: ${wayOut}`,
      );
    }
    if (number === -1) {
      const names = list.map((one) => one.name);
      problems.add(farm.place(["pins", i, "release"]), unknownRelease(release, names));
    } else if (!known) {
      const near = suggestionFor(wiki, farm.wikis.keys());
      const hint = near === undefined ? "" : `; did you mean ${quote(near)}?`;
      problems.add(farm.place(["pins", i, "wiki"]), `${quote(wiki)} is not in wikiversions${hint}`);
    } else if (known.version !== list[number]!.version) {
      const runs = `${quote(wiki)} runs ${known.version}, release ${quote(release)} runs ${list[number]!.version}`;
      problems.add(
        farm.place(["pins", i, "release"]),
        `${runs}: a wiki goes only where its own version runs`,
      );
    }
    pins.set(wiki, number);
  }
  return pins;
}

/** Adds a release for each version that none has, and puts its wikis there. */
function addSpilled(
  farm: Farm,
  list: Releases["list"],
  versions: Set<string>,
  ofWiki: number[],
  problems: Problems,
): void {
  for (const version of [...versions].sort(compareVersions)) {
    if (list.some(({ name }) => name === version)) {
      problems.add(
        farm.place(["releases", version], "key"),
        `release ${quote(version)} runs another version than its name says`,
      );
      continue;
    }
    list.push({ name: version, version });
  }
  for (const [i, release] of ofWiki.entries()) {
    if (release === -1) ofWiki[i] = list.findIndex((one) => one.version === farm.wikis.versions[i]);
  }
}
