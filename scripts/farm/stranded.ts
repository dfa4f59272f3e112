/** Wikis whose version no release of the farm runs: what becomes of them, as the farm has decided beforehand. */
import { type Problems, quoteFirst } from "../sources/problem.ts";
import { clusterName, slug } from "./deployments.ts";
import type { Farm } from "./farm.ts";
import type { Inferred, Releases } from "./releases.ts";

type Helped = Pick<Releases, "spilled" | "answered">;

/**
 * Gives stranded wikis releases of their own, named by their versions, where the farm says so, adding to `list` and
 * `ofWiki`; else it is a problem. Wikis that the proxies answer themselves get such a release as well: no request
 * reaches it, and if one did, it would still be one of the wiki's own version.
 */
export function helpStranded(
  farm: Farm,
  list: Releases["list"],
  inferred: Inferred,
  ofWiki: number[],
  problems: Problems,
): Helped {
  const byVersion = new Map<string, string[]>();
  for (const [i, release] of ofWiki.entries()) {
    if (release !== -1) continue;
    const version = farm.wikis.versions[i]!;
    const wikis = byVersion.get(version);
    if (wikis) wikis.push(farm.wikis.ids[i]!);
    else byVersion.set(version, [farm.wikis.ids[i]!]);
  }
  const stranded = new Map([...byVersion].sort(([v], [w]) => farm.versionOrder.compare(v, w)));
  const all = [...stranded.values()].flat().length;
  const help = decided(farm, all);
  if (help === "refuse") {
    const runs = list.map((release) => showRelease(release, inferred)).join(", ");
    for (const [version, wikis] of stranded) refuse(farm, version, wikis, all, runs, problems);
    return { spilled: new Set(), answered: new Set() };
  }
  for (const [version, wikis] of stranded) {
    if (list.some(({ name }) => name === version)) {
      const what = "runs another version than its name says: correct the one or the other";
      problems.add(farm.place(["releases", version], "key"), `release \`${version}\` ${what}`);
      continue;
    }
    const number = list.push({ name: version, version }) - 1;
    for (const wiki of wikis) ofWiki[farm.wikis.number(wiki)] = number;
    warn(farm, help, version, wikis);
  }
  const answered = help === "reply" ? [...stranded.values()].flat() : [];
  return { spilled: new Set(stranded.keys()), answered: new Set(answered) };
}

type Help = "refuse" | "reply" | "spill";

/** What the farm says of so many: each way of helping is for some wikis, not for a farm that is altogether wrong. */
function decided(farm: Farm, wikis: number): Help {
  const { says } = farm;
  if (says.spill === "version-named" && wikis <= says["spill-at-most"]) return "spill";
  return wikis <= says["stranded-at-most"] ? says["on-stranded"] : "refuse";
}

function showRelease({ name, version }: Releases["list"][number], inferred: Inferred): string {
  const from = inferred.get(name);
  const wikis = from?.of === 1 ? "wiki" : "wikis";
  const runs = from?.wikis === 1 ? "runs" : "run";
  const how = from ? `, inferred: ${from.wikis} of its group's ${from.of} ${wikis} ${runs} it` : "";
  return `${name} (${version}${how})`;
}

function refuse(
  farm: Farm,
  version: string,
  wikis: string[],
  all: number,
  runs: string,
  problems: Problems,
): void {
  const { says } = farm;
  const one = wikis.length === 1;
  const who = one ? `\`${wikis[0]}\` runs` : `${wikis.length} wikis run`;
  const which = one ? "" : ` (${quoteFirst(wikis)})`;
  const said =
    says["on-stranded"] !== "refuse"
      ? { key: `on-stranded: ${says["on-stranded"]}`, bound: "stranded-at-most" as const }
      : says.spill === "version-named"
        ? { key: "spill", bound: "spill-at-most" as const }
        : null;
  const helped = said
    ? `; \`${said.key}\` is for at most ${says[said.bound]} ${says[said.bound] === 1 ? "wiki" : "wikis"}, ` +
      `and ${all} ${all === 1 ? "has" : "have"} no release (\`${said.bound}\`)`
    : ", or say `on-stranded: spill` or `reply`";
  problems.add(
    farm.placeOfWiki(wikis[0]!),
    `${who} ${version}, which no release has${which}; there are ${runs}: ` +
      `state a release of that version, put ${one ? "the wiki" : "the wikis"} on one of those${helped}`,
  );
}

function warn(farm: Farm, help: Help, version: string, wikis: string[]): void {
  const { says } = farm;
  const who = `${wikis.length} ${wikis.length === 1 ? "wiki" : "wikis"} (${quoteFirst(wikis)})`;
  const why = `${version}, which no release of the farm runs`;
  if (help === "reply") {
    const { status } = says["stranded-reply"];
    farm.warn(farm.place(["on-stranded"]), `${who} on ${why}: ANSWERED WITH ${status} by the proxies`);
    return;
  }
  if (farm.keys(["releases"]).length === 0) return; // the farm knows that all are added
  const cluster = clusterName(says.cluster, says.deployments.default, version, true);
  farm.warn(
    farm.place([says.spill === "version-named" ? "spill" : "on-stranded"]),
    `${who} on ${why}: a release was added for it; make sure that its clusters run, as \`${cluster}\``,
  );
}

/** The name of a release that is there for its version: it goes when its wikis go on to another one. */
export function isNamedByVersion({ name, version }: Releases["list"][number]): boolean {
  return name === version || name === slug(version);
}

/** Wikis that would be stranded if their release alone went on to another version, as a promotion does. */
export function strandedNext({
  list,
  placements,
}: Releases): { release: string; version: string; wikis: string[] }[] {
  const runs = new Map<string, number>();
  for (const { version } of list) runs.set(version, (runs.get(version) ?? 0) + 1);
  const left = list.map((): string[] => []);
  // Where nothing is in a group, no release is another group's.
  const hasGroups = placements.some(({ group }) => group !== null);
  for (const { wiki, group, release, preferred } of placements) {
    const isGuest = group === null ? hasGroups : preferred !== null && preferred !== release;
    if (isGuest && release !== -1) left[release]!.push(wiki);
  }
  return list.flatMap((release, number) => {
    const { name, version } = release;
    const wikis = left[number]!;
    if (wikis.length === 0 || runs.get(version)! > 1 || isNamedByVersion(release)) return [];
    return [{ release: name, version, wikis }];
  });
}
