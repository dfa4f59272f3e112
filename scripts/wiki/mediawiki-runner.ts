/**
 * How MediaWiki's runner for scripts (MWScript.php and MWMultiVersion.php of mediawiki-config) reads its words: which wiki
 * and version are meant, and what the script gets. Nothing here is for a shell.
 */

/** What the words and the environment say. */
export interface RunnerPlan {
  /** As it was given. */
  script: string;
  /** Within MediaWiki: a bare name is one of `maintenance/`. */
  file: string;
  /** `maintenance`: MediaWiki's `maintenance/run.php` runs it. `old`: it is run by itself. */
  mode: "maintenance" | "old";
  /** null: the script needs none, and none is named. */
  wiki: string | null;
  /** Who says the wiki. */
  from: "argument" | "MW_WIKI" | "default";
  /** The version that the caller forces, and by what. */
  forced: { version: string; by: "--force-version" | "FORCE_MW_VERSION" } | null;
  /** The script, and all that it gets. */
  argv: string[];
}

/** Nobody can run that. */
export class RunnerError extends Error {}

/** For them any wiki will do, or there is none yet. */
const WITHOUT_WIKI = new Set([
  "maintenance/purgeList.php",
  "maintenance/purgeMessageBlobStore.php",
  "maintenance/mctest.php",
  "maintenance/mcc.php",
  "extensions/WikimediaMaintenance/addWiki.php",
  "extensions/WikimediaMaintenance/dumpInterwiki.php",
  "extensions/WikimediaMaintenance/getJobQueueLengths.php",
  "extensions/WikimediaMaintenance/rebuildInterwiki.php",
  "extensions/WikimediaMaintenance/filebackend/setZoneAccess.php",
  "extensions/WikimediaMaintenance/purgeUrls.php",
  "extensions/WikimediaMaintenance/refreshMessageBlobs.php",
]);

/** They are no classes that run.php could run. */
const OLD = new Set([
  "maintenance/mergeMessageFileList.php",
  "maintenance/storage/checkStorage.php",
  "maintenance/storage/recompressTracked.php",
  "maintenance/storage/testCompression.php",
  "maintenance/storage/trackBlobs.php",
  "extensions/WikimediaMaintenance/listDatabases.php",
  "extensions/WikimediaMaintenance/sanityCheck.php",
  "extensions/WikimediaMaintenance/storage/testRctComplete.php",
  "extensions/CentralAuth/maintenance/migrateStewards.php",
]);

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.-]*$/;

/**
 * @param words the script, then what follows it
 * @param defaultWiki for scripts that need no wiki; null: they get none
 * Throws RunnerError.
 */
export function readRunnerWords(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  defaultWiki: string | null,
): RunnerPlan {
  const [script = "", ...args] = words;
  if (script === "" || script.startsWith("-")) throw new RunnerError("name a script, as showSiteStats.php");
  const file = script.includes("/") ? script : `maintenance/${script}`;
  const mode = OLD.has(file) ? "old" : "maintenance";
  let { wiki, from } = { wiki: env.MW_WIKI || null, from: "MW_WIKI" as RunnerPlan["from"] };

  // Such a script does not ask the environment either.
  const isNamed = args[0] !== undefined && /^(?:[^-]|--wiki(?:=|\n?$))/.test(args[0]);
  const needsNone = WITHOUT_WIKI.has(file) && !isNamed;
  if (needsNone) {
    if (defaultWiki !== null) args.unshift(`--wiki=${defaultWiki}`);
    [wiki, from] = [defaultWiki, "default"];
  } else if (args[0] !== undefined) {
    const word = args[0];
    const named =
      word === "--wiki" ? (args[1] ?? "") : word.startsWith("--wiki=") ? word.slice(7) : bare(word);
    if (named !== null) [wiki, from] = [named, "argument"];
    if (bare(word) !== null) args[0] = `--wiki=${word}`;
  }
  if (!needsNone && !wiki)
    throw new RunnerError(`name a wiki right after the script, as ${script} --wiki=enwiki, or in MW_WIKI`);

  const forced = takeForced(args, env.FORCE_MW_VERSION);
  return { script, file, mode, wiki, from, forced, argv: [script, ...args] };
}

/** A word that does not begin with `--` is a wiki's ID. */
function bare(word: string): string | null {
  return word.startsWith("--") ? null : word;
}

/** `--force-version V` counts as the second and third word behind the script, and nowhere else; it is taken out. */
function takeForced(args: string[], ofEnvironment: string | undefined): RunnerPlan["forced"] {
  if (args[1] === "--force-version") {
    const version = args[2];
    if (version === undefined) throw new RunnerError("a version must follow --force-version");
    args.splice(1, 2);
    return valid({ version, by: "--force-version" });
  }
  return ofEnvironment ? valid({ version: ofEnvironment, by: "FORCE_MW_VERSION" }) : null;
}

function valid(forced: NonNullable<RunnerPlan["forced"]>): NonNullable<RunnerPlan["forced"]> {
  if (VERSION.test(forced.version)) return forced;
  throw new RunnerError(`${forced.by}: ${JSON.stringify(forced.version)} is not a version, as 1.47.0-wmf.16`);
}
