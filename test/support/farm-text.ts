/** Farms as text: a small one, of which each test changes a key or two, and one whose wikis move. */
import { join } from "node:path";
import { type Compiled, compile } from "../../scripts/farm/compile.ts";
import { Farm } from "../../scripts/farm/farm.ts";
import { problemsOf } from "./errors.ts";
import { folderOf } from "./folder.ts";

/** Two wikis on two releases; these are the first five lines of every farm below. */
const DEFAULTS: Record<string, string> = {
  farm: "t",
  wikiversions: "{ awiki: v1, bwiki: v2 }",
  releases: "{ one: { version: v1 }, two: { version: v2 } }",
  "default-release": "one",
  deployments: "{ default: web }",
};

export const TODAY = "2026-06-15";

/** A farm's text: a key a line, in this order: the five of `DEFAULTS`, then what `parts` adds. "" leaves one out. */
export function farmText(parts: Record<string, string> = {}): string {
  const entries = Object.entries({ ...DEFAULTS, ...parts }).filter(([, value]) => value !== "");
  return entries.map(([key, value]) => `${key}: ${value}\n`).join("");
}

/** Of 60 wikis so many on release `g1`, the others on `g2`; both run one version. @param more its last line */
export function twoReleases(first: number, more = ""): string {
  const ids = Array.from({ length: 60 }, (_, i) => `x${100 + i}wiki`);
  return [
    "farm: t",
    `wikiversions: { ${ids.map((id) => `${id}: "1.47"`).join(", ")} }`,
    `groups: { g1: { wikis: [${ids.slice(0, first).join(", ")}] }, g2: { wikis: [${ids.slice(first).join(", ")}] } }`,
    'releases: { g1: { version: "1.47" }, g2: { version: "1.47" } }',
    "default-release: g1",
    "deployments: { default: web }",
    more,
  ].join("\n");
}

/** The farm of this text, in a folder with these files. */
export function compileFarm(
  parts: Record<string, string> = {},
  files: Record<string, string> = {},
): Compiled & { farm: Farm } {
  const folder = folderOf({ ...files, "farm.yaml": farmText(parts) });
  const farm = new Farm(join(folder, "farm.yaml"));
  return { farm, ...compile(farm, TODAY) };
}

/** What is wrong with it, without the folder's name. */
export function problemsWith(parts: Record<string, string>, files: Record<string, string> = {}): string[] {
  return problemsWithText(farmText(parts), files);
}

export function problemsWithText(text: string, files: Record<string, string> = {}): string[] {
  const folder = folderOf({ ...files, "farm.yaml": text });
  const problems = problemsOf(() => compile(new Farm(join(folder, "farm.yaml")), TODAY));
  return problems.map((problem) => problem.replaceAll(`${folder}/`, ""));
}

/** Wiki → name of its release. */
export function releasesOf({ releases }: Compiled): Record<string, string> {
  return Object.fromEntries(
    releases.placements.map(({ wiki, release }) => [wiki, releases.list[release]!.name]),
  );
}

export function warningsOf(farm: Farm): string[] {
  return farm.warnings.map((warning) => warning.message.replace(/^.*\/(?=farm\.yaml|d\/)/, ""));
}
