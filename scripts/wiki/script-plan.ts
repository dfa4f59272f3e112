/** Where a script runs: on which release and image, by the wiki that its words name and the version that they force. */
import { Refusal } from "../refusal.ts";
import { quote } from "../sources/problem.ts";
import type { ImageFacts, NamedRelease, Wikis } from "./facts.ts";
import type { RunnerPlan } from "./mediawiki-runner.ts";

/** As JSON. */
export interface ScriptPlan extends ImageFacts {
  /** null: the script needs none. */
  wiki: string | null;
  release: string;
  version: string;
  script: string;
  /** The script's file within MediaWiki. */
  file: string;
  mode: RunnerPlan["mode"];
  /** Who forced the version; null: it is the wiki's own. */
  forced: "--force-version" | "FORCE_MW_VERSION" | null;
  /** The script and its arguments. */
  argv: string[];
  /** What it needs in its environment besides. */
  env: Record<string, string>;
  generation: number;
  digest: string;
}

/** null: the table has no such wiki. Throws Refusal where no release runs the forced version, and SourceError. */
export function scriptPlan(wikis: Wikis, runner: RunnerPlan): ScriptPlan | null {
  const { wiki, script, file, mode, argv, forced, from } = runner;
  const own = wiki === null ? wikis.defaultRelease : wikis.releaseOf(wiki);
  if (own === null) return null;
  const release = releaseFor(wikis, own, forced);
  const { generation, digest } = wikis.source.table;
  return {
    wiki,
    release: release.name,
    version: release.version,
    ...wikis.imageFacts(release),
    script,
    file,
    mode,
    forced: forced?.by ?? null,
    argv,
    env: from === "MW_WIKI" && wiki !== null ? { MW_WIKI: wiki } : {},
    generation,
    digest,
  };
}

/** A script over wikis that share an image, as JSON. */
export interface ScriptPart extends Omit<ScriptPlan, "wiki" | "release" | "env"> {
  /** More than one where several run the same image. */
  releases: string[];
  count: number;
  /** Sorted. In `argv[1]`, each in its turn stands for `{wiki}`. */
  wikis: string[];
}

/**
 * A part for each image, or where no image is known for each release, in the order of the table's releases.
 * @param runner of the script with `--wiki={wiki}`
 * Throws Refusal where no release runs the forced version, and SourceError.
 */
export function planParts(
  wikis: Wikis,
  runner: RunnerPlan,
  ids: readonly string[],
): { parts: ScriptPart[]; unknown: string[] } {
  const { script, file, mode, forced, argv } = runner;
  const { generation, digest } = wikis.source.table;
  const unknown: string[] = [];
  const ofRelease = new Map<string, string[]>();
  for (const id of ids) {
    const own = wikis.releaseOf(id);
    if (own === null) {
      unknown.push(id);
      continue;
    }
    const { name } = releaseFor(wikis, own, forced);
    const others = ofRelease.get(name);
    if (others) others.push(id);
    else ofRelease.set(name, [id]);
  }
  const parts = new Map<string, ScriptPart>();
  for (const release of wikis.releases) {
    const its = ofRelease.get(release.name);
    if (its === undefined) continue;
    const images = wikis.imageFacts(release);
    const key = images.image ?? `release ${release.name}`;
    const part = parts.get(key);
    if (part) {
      part.releases.push(release.name);
      part.wikis = [...part.wikis, ...its].sort();
      part.count = part.wikis.length;
      continue;
    }
    parts.set(key, {
      ...images,
      version: release.version,
      releases: [release.name],
      script,
      file,
      mode,
      forced: forced?.by ?? null,
      argv,
      count: its.length,
      wikis: its,
      generation,
      digest,
    });
  }
  return { parts: [...parts.values()], unknown };
}

/** The wiki's own release where it runs the forced version; else the first one that does. Throws Refusal. */
function releaseFor(wikis: Wikis, own: NamedRelease, forced: RunnerPlan["forced"]): NamedRelease {
  if (forced === null || forced.version === own.version) return own;
  const release = wikis.releases.find(({ version }) => version === forced.version);
  if (release) return release;
  const versions = [...new Set(wikis.releases.map(({ version }) => version))].join(", ");
  throw new Refusal(`${forced.by}: no release runs ${quote(forced.version)}: there are ${versions}`);
}
