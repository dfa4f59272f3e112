/** The words of MediaWiki's runner: every form in which a wiki and a version are named, and what the script then gets. */
import { describe, expect, test } from "vitest";
import { type RunnerPlan, readRunnerWords } from "./mediawiki-runner.ts";

interface Case {
  words: string[];
  env?: NodeJS.ProcessEnv;
  wiki: string | null;
  /** Where it is not the words. */
  argv?: string[];
  from?: RunnerPlan["from"];
  forced?: string;
  mode?: RunnerPlan["mode"];
  file?: string;
}

const LONG = "x".repeat(100_000);
const HOSTILE = [
  "a b",
  '"',
  "'",
  "; rm -rf /",
  "$(id)",
  "`id`",
  "line\nline",
  "",
  "*",
  "--",
  "\\",
  "\t",
  "é",
  LONG,
];
const OLD = "maintenance/storage/trackBlobs.php";
const INFO = "extensions/WikimediaMaintenance/dumpInterwiki.php";
const MW = { MW_WIKI: "envwiki" };

const CASES: Case[] = [
  // The wiki.
  { words: ["s.php", "--wiki=awiki"], wiki: "awiki" },
  { words: ["s.php", "--wiki", "awiki"], wiki: "awiki" },
  { words: ["s.php", "awiki"], wiki: "awiki", argv: ["s.php", "--wiki=awiki"] },
  {
    words: ["s.php", "awiki", "bwiki", "--wiki=c"],
    wiki: "awiki",
    argv: ["s.php", "--wiki=awiki", "bwiki", "--wiki=c"],
  },
  { words: ["s.php", "-q"], wiki: "-q", argv: ["s.php", "--wiki=-q"] },
  { words: ["s.php", "a b;c"], wiki: "a b;c", argv: ["s.php", "--wiki=a b;c"] },
  { words: ["s.php", "--wiki=a=b"], wiki: "a=b" },
  { words: ["s.php", "--wikis=awiki"], env: MW, wiki: "envwiki", from: "MW_WIKI" },
  { words: ["s.php", "--quick", "--wiki=awiki"], env: MW, wiki: "envwiki", from: "MW_WIKI" },
  { words: ["s.php", "--", "awiki"], env: MW, wiki: "envwiki", from: "MW_WIKI" },
  { words: ["s.php"], env: MW, wiki: "envwiki", from: "MW_WIKI" },
  { words: ["s.php", "--wiki=awiki"], env: MW, wiki: "awiki" },
  { words: ["s.php", "awiki"], env: MW, wiki: "awiki", argv: ["s.php", "--wiki=awiki"] },
  // The script.
  {
    words: ["extensions/X/s.php", "awiki"],
    wiki: "awiki",
    argv: ["extensions/X/s.php", "--wiki=awiki"],
    file: "extensions/X/s.php",
  },
  { words: ["/srv/s.php", "--wiki=awiki"], wiki: "awiki", file: "/srv/s.php" },
  { words: [OLD, "--wiki=awiki", "x"], wiki: "awiki", mode: "old", file: OLD },
  { words: [OLD, "awiki", "x"], wiki: "awiki", argv: [OLD, "--wiki=awiki", "x"], mode: "old", file: OLD },
  { words: [OLD, "--x"], env: MW, wiki: "envwiki", from: "MW_WIKI", mode: "old", file: OLD },
  {
    words: ["mergeMessageFileList.php", "awiki"],
    wiki: "awiki",
    argv: ["mergeMessageFileList.php", "--wiki=awiki"],
    mode: "old",
    file: "maintenance/mergeMessageFileList.php",
  },
  // Those that need no wiki.
  { words: [INFO], wiki: "defwiki", argv: [INFO, "--wiki=defwiki"], from: "default", file: INFO },
  {
    words: [INFO, "--x"],
    env: MW,
    wiki: "defwiki",
    argv: [INFO, "--wiki=defwiki", "--x"],
    from: "default",
    file: INFO,
  },
  { words: [INFO, "-x"], wiki: "defwiki", argv: [INFO, "--wiki=defwiki", "-x"], from: "default", file: INFO },
  { words: [INFO, ""], wiki: "defwiki", argv: [INFO, "--wiki=defwiki", ""], from: "default", file: INFO },
  { words: [INFO, "awiki"], wiki: "awiki", argv: [INFO, "--wiki=awiki"], file: INFO },
  { words: [INFO, "--wiki", "awiki"], wiki: "awiki", file: INFO },
  {
    words: ["purgeList.php", "--force-version", "1.2"],
    wiki: "defwiki",
    argv: ["purgeList.php", "--wiki=defwiki"],
    from: "default",
    forced: "1.2",
  },
  // The version: in these two places alone.
  {
    words: ["s.php", "--wiki=awiki", "--force-version", "1.2", "x"],
    wiki: "awiki",
    argv: ["s.php", "--wiki=awiki", "x"],
    forced: "1.2",
  },
  {
    words: ["s.php", "awiki", "--force-version", "1.2-wmf.1"],
    wiki: "awiki",
    argv: ["s.php", "--wiki=awiki"],
    forced: "1.2-wmf.1",
  },
  {
    words: [OLD, "awiki", "--force-version", "1.2"],
    wiki: "awiki",
    argv: [OLD, "--wiki=awiki"],
    forced: "1.2",
    mode: "old",
    file: OLD,
  },
  {
    words: ["s.php", "--x", "--force-version", "1.2"],
    env: MW,
    wiki: "envwiki",
    argv: ["s.php", "--x"],
    from: "MW_WIKI",
    forced: "1.2",
  },
  { words: ["s.php", "--wiki=awiki", "x", "--force-version", "1.2"], wiki: "awiki" },
  { words: ["s.php", "--wiki", "awiki", "--force-version", "1.2"], wiki: "awiki" },
  { words: ["s.php", "--force-version", "1.2"], env: MW, wiki: "envwiki", from: "MW_WIKI" },
  { words: ["s.php", "--wiki=awiki", "--force-version=1.2"], wiki: "awiki" },
  {
    words: ["s.php", "awiki"],
    env: { FORCE_MW_VERSION: "1.3" },
    wiki: "awiki",
    argv: ["s.php", "--wiki=awiki"],
    forced: "1.3",
  },
  {
    words: ["s.php", "--wiki=awiki", "--force-version", "1.2"],
    env: { FORCE_MW_VERSION: "1.3" },
    wiki: "awiki",
    argv: ["s.php", "--wiki=awiki"],
    forced: "1.2",
  },
  { words: ["s.php", "--wiki=awiki"], env: { FORCE_MW_VERSION: "" }, wiki: "awiki" },
  // Words that a shell, a parser of options or a screen would take for something else.
  ...HOSTILE.map((word): Case => ({ words: ["s.php", "--wiki=awiki", word, word], wiki: "awiki" })),
  { words: [...["s.php", "--wiki=awiki"], ...HOSTILE], wiki: "awiki" },
];

describe("MediaWiki's runner", () => {
  test.each(CASES)("reads $words as $wiki", ({ words, env = {}, wiki, ...more }) => {
    const { argv = words, from = "argument", forced = null, mode = "maintenance" } = more;
    const { file = `maintenance/${words[0]}` } = more;
    const found = readRunnerWords(words, env, "defwiki");
    expect({ ...found, forced: found.forced?.version ?? null }).toEqual({
      script: words[0],
      file,
      mode,
      wiki,
      from,
      forced,
      argv,
    });
  });

  test("has no default where there is none", () => {
    expect(readRunnerWords([INFO, "--x"], MW, null)).toMatchObject({ wiki: null, argv: [INFO, "--x"] });
  });

  test.each<[string[], NodeJS.ProcessEnv, string]>([
    [[], {}, "name a script"],
    [["", "awiki"], {}, "name a script"],
    [["--wiki=awiki", "s.php"], {}, "name a script"],
    [["s.php"], {}, "name a wiki right after the script, as s.php --wiki=enwiki, or in MW_WIKI"],
    [["s.php", "--x", "--wiki=awiki"], {}, "name a wiki"],
    [["s.php", "--wiki="], MW, "name a wiki"],
    [["s.php", "--wiki"], MW, "name a wiki"],
    [["s.php", ""], MW, "name a wiki"],
    [[OLD], {}, "name a wiki"],
    [["s.php", "awiki", "--force-version"], {}, "a version must follow --force-version"],
    [["s.php", "awiki", "--force-version", "../1.2"], {}, '--force-version: "../1.2" is not a version'],
    [["s.php", "awiki", "--force-version", "1.2\n"], {}, '--force-version: "1.2\\n" is not a version'],
    [["s.php", "awiki"], { FORCE_MW_VERSION: "-1" }, 'FORCE_MW_VERSION: "-1" is not a version'],
  ])("refuses %j with %j", (words, env, message) => {
    expect(() => readRunnerWords(words, env, "defwiki")).toThrow(message);
  });
});
