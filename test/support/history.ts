/** The public history of a large farm: states of wikiversions.json and the dblists, one after the other, in a folder. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DATA } from "./data.ts";

export interface State {
  date: string;
  subject: string;
}

/** A line of the file: the first is whole, each further one has what changed. */
interface Line extends State {
  /** Version → wikis that now run it. */
  wikiversions?: Record<string, string[]>;
  removed?: string[];
  /** File → its text; null where it went. */
  dblists?: Record<string, string | null>;
  /** Where it was no JSON. */
  wikiversions_text?: string;
}

/** Puts the first `count` states into the folder, as `wikiversions.json` and `dblists/`, and gives each once it is there. */
export function* states(folder: string, count: number): Generator<State> {
  const file = gunzipSync(readFileSync(`${DATA}/history/2024-01_2026-05.jsonl.gz`)).toString("utf8");
  const versions = new Map<string, string>();
  mkdirSync(join(folder, "dblists"));
  // The example names it, and the first states do not have it yet.
  writeFileSync(join(folder, "dblists", "preinstall.dblist"), "");
  for (const text of file.trimEnd().split("\n").slice(0, count)) {
    const {
      date,
      subject,
      wikiversions = {},
      removed = [],
      dblists = {},
      ...line
    } = JSON.parse(text) as Line;
    for (const [version, wikis] of Object.entries(wikiversions)) {
      for (const wiki of wikis) versions.set(wiki, version);
    }
    for (const wiki of removed) versions.delete(wiki);
    for (const [name, list] of Object.entries(dblists)) {
      if (list === null) rmSync(join(folder, "dblists", name));
      else writeFileSync(join(folder, "dblists", name), list);
    }
    const json = JSON.stringify(Object.fromEntries(versions), null, 1);
    writeFileSync(join(folder, "wikiversions.json"), line.wikiversions_text ?? json);
    yield { date, subject };
  }
}
