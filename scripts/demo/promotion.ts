/** A promotion as the train does it: an edit of wikiversions.json, and nothing else. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { compareVersions } from "../farm/version-order.ts";
import { bareVersion } from "../sources/names.ts";
import type { Farm } from "./parts.ts";

export interface Promotion {
  from: string;
  to: string;
  wikis: string[];
}

export interface FarmCopy extends Farm {
  remove(): Promise<void>;
}

/** A copy of the farm's own folder; sources that lie elsewhere stay where they are. */
export async function copyFarm({ farm, sources }: Farm): Promise<FarmCopy> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-farm-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await cp(dirname(farm), folder, { recursive: true });
  } catch (error) {
    await remove();
    throw error;
  }
  return { farm: join(folder, basename(farm)), sources, remove };
}

/** Moves every wiki that runs what this one runs to the next version there is, in the farm's wikiversions.json. */
export async function promote({ farm }: Farm, wiki: string): Promise<Promotion> {
  const path = join(dirname(farm), "wikiversions.json");
  const text = await readFile(path, "utf8").catch(() => {
    throw new Error("a promotion is shown on farms that have their wikiversions.json beside farm.yaml");
  });
  const versions = JSON.parse(text) as Record<string, string>;
  const from = versions[wiki];
  if (from === undefined) throw new Error(`${wiki} is not in wikiversions.json: nothing to promote`);
  const to = Object.values(versions)
    .filter((version) => compare(version, from) > 0)
    .sort(compare)[0];
  if (to === undefined) throw new Error(`${wiki} runs the newest version, ${from}: nothing to promote`);
  const wikis = Object.keys(versions).filter((one) => versions[one] === from);
  for (const one of wikis) versions[one] = to;
  await writeFile(path, `${JSON.stringify(versions, null, 4)}\n`);
  return { from, to, wikis };
}

function compare(a: string, b: string): number {
  return compareVersions(bareVersion(a), bareVersion(b));
}
