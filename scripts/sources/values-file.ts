/** Reads the version that a file of Helm values deploys. */
import { execWithin, OutOfTime } from "./exec-within.ts";
import { type Images, readImages } from "./images-file.ts";
import { isVersion, NAME_SHAPE } from "./names.ts";
import { type Place, quote, SourceError } from "./problem.ts";

/** Where a farm's Helm values files say which version an image has. */
export interface ValuesRule {
  /** The key path of the image, with dots: `main_app.image`. */
  readonly key: string;
  /** A regular expression whose one group takes the version out of the image's tag. */
  readonly pattern: string;
  /** Where the farm states the rule, for errors about the pattern. */
  readonly place?: Place | undefined;
}

const PATTERN_MS_AT_MOST = 1000;

/** What a values file deploys. */
export interface DeployedImage extends Images {
  /** Without `php-`: `1.47.0-wmf.16`. */
  readonly version: string;
}

/**
 * Reads the version that a Helm values file deploys, out of its image's tag:
 * `main_app: {image: restricted/mediawiki:1.47.0-wmf.16-2026-08-18-…}`. A value without `/` and `:` is the tag alone.
 * Throws SourceError.
 */
export function readVersionFromValues(file: string, rule: ValuesRule): DeployedImage {
  checkPattern(rule);
  const images = readImages(file, rule.key, rule.place);
  const { tag, place } = images;
  const found = run(rule, tag);
  if (found === null) {
    const what = `the tag ${quote(tag)} does not match the farm's pattern ${quote(rule.pattern)}`;
    throw new SourceError(place, `${what}: correct the pattern, or state the release's version`);
  }
  const version = found[1];
  if (version === undefined || !isVersion(version)) {
    const what = `the farm's pattern ${quote(rule.pattern)} takes ${quote(version ?? "")} out of ${quote(tag)}`;
    throw new SourceError(place, `${what}, which is not a version: use ${NAME_SHAPE}`);
  }
  return { ...images, version };
}

/** What the pattern finds in the text. */
function run(rule: ValuesRule, text: string): RegExpExecArray | null {
  const { pattern, place = { file: "pattern" } } = rule;
  try {
    return execWithin(PATTERN_MS_AT_MOST, pattern, text);
  } catch (error) {
    if (error instanceof OutOfTime) {
      const what = `the pattern ${quote(pattern)} takes more than a second for ${quote(text)}`;
      throw new SourceError(place, `${what}: write it without repetitions in a repetition, as in \`(a+)+\``);
    }
    const { message } = error as Error;
    throw new SourceError(place, `the pattern ${quote(pattern)} is not a regular expression: ${message}`);
  }
}

/** It must have one group. */
function checkPattern(rule: ValuesRule): void {
  const { pattern, place = { file: "pattern" } } = rule;
  run(rule, "");
  // With an empty alternative it matches anything, and the match has a place for every group.
  const groups = run({ ...rule, pattern: `${pattern}|` }, "")!.length - 1;
  if (groups === 1) return;
  const what = groups === 0 ? "has no group" : `has ${groups} groups`;
  const wayOut = "put the version, and nothing else, in one pair of `( )`; `(?: )` groups without taking";
  throw new SourceError(place, `the pattern ${quote(pattern)} ${what}: ${wayOut}`);
}
