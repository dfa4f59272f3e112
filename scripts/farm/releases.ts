/** `releases` of farm.yaml: which release serves a wiki. */
import { type Problems, quote, quoteAll } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { readText } from "../sources/text.ts";
import { readVersionFromValues } from "../sources/values-file.ts";
import type { Farm } from "./farm.ts";
import type { Groups } from "./groups.ts";

export interface Placement {
  wiki: string;
  group: string | null;
  /** Number of the release; -1 where none runs its version, which no table then holds. */
  release: number;
  /** Why it is not on its group's release, if it is not. */
  why: "pin" | "version" | null;
  /** Number of its group's release; null for a group without one and for a wiki in no group. */
  preferred: number | null;
}

export interface Releases {
  list: { name: string; version: string }[];
  /** -1 where there is no such release, which no table then holds. */
  default: number;
  /** By the wiki's number, the number of its release; -1 as in a placement. */
  ofWiki: readonly number[];
  /** The same and why; made when asked for, as a table for proxies needs none of it. */
  readonly placements: Placement[];
  inferred: Inferred;
  /** Names of those that were added for their version. */
  spilled: ReadonlySet<string>;
  /** Wikis that the proxies answer themselves, as no release of the farm runs their version. */
  answered: ReadonlySet<string>;
}

/** Releases whose version is what most wikis of their group run: by name, how many do, of how many. */
export type Inferred = Map<string, { wikis: number; of: number }>;

/** The releases that the farm names, each with the version that it runs. */
export function readReleases(
  farm: Farm,
  groups: Groups,
  problems: Problems,
): { list: Releases["list"]; inferred: Inferred } {
  const inferred: Inferred = new Map();
  const list = farm.keys(["releases"]).map((name) => ({
    name,
    version: problems.attempt(() => versionOf(farm, groups, name, inferred, problems)) ?? "",
  }));
  return { list, inferred };
}

function versionOf(farm: Farm, groups: Groups, name: string, inferred: Inferred, problems: Problems): string {
  const { version, values } = farm.says.releases[name]!;
  if (version !== undefined) return version;
  const path = ["releases", name];
  if (values !== undefined) {
    const rule = farm.says["version-from-image"];
    if (!rule) {
      problems.add(
        farm.place([...path, "values"]),
        "the release has a values file: say in `version-from-image` where the version is in it",
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
    const suggestion = suggestionFor(name, groups.byName.keys());
    const hint = suggestion === undefined ? "" : `; did you mean ${quote(suggestion)}?`;
    problems.add(
      farm.place([...path, "from"]),
      `there is no group ${quote(name)} to take the version from${hint}`,
    );
    return "";
  }
  if (group.wikis.size === 0) {
    if (group.isBroken) return ""; // that is said already
    problems.add(
      farm.place([...path, "from"]),
      `group ${quote(name)} has no wikis: state the release's \`version\``,
    );
    return "";
  }
  const [mostRun, wikis] = versionOfMost(farm, name, group.wikis, problems);
  inferred.set(name, { wikis, of: group.wikis.size });
  return mostRun;
}

/** The version that most of the wikis run, and how many do; of two that tie, the older. */
function versionOfMost(
  farm: Farm,
  release: string,
  wikis: Iterable<string>,
  problems: Problems,
): [version: string, wikis: number] {
  const counts = new Map<string, number>();
  for (const wiki of wikis) {
    const { version } = farm.wikis.get(wiki)!;
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  const versions = [...counts.keys()].filter((version) => counts.get(version) === most);
  problems.attempt(() => farm.versionOrder.check(versions, farm.place(["releases", release, "from"])));
  return [versions.sort((v, w) => farm.versionOrder.compare(v, w))[0]!, most];
}

export function unknownRelease(name: string, names: string[]): string {
  const suggestion = suggestionFor(name, names);
  const hint =
    suggestion === undefined ? `there are ${quoteAll(names)}` : `did you mean ${quote(suggestion)}?`;
  return `unknown release ${quote(name)}; ${hint}`;
}
