/** Reads the version that a file of Helm values deploys. */
import { runInNewContext } from "node:vm";
import { isVersion, NAME_SHAPE } from "./names.ts";
import { type Place, quote, SourceError } from "./problem.ts";
import { loadYaml, readYamlText, type YamlSource } from "./yaml.ts";

/** Where a farm's Helm values files say which version an image has. */
export interface ValuesRule {
  /** The key path of the image, with dots: `main_app.image`. */
  readonly key: string;
  /** A regular expression whose one group takes the version out of the image's tag. */
  readonly pattern: string;
  /** Where the farm states the rule, for errors about the pattern. */
  readonly place?: Place | undefined;
}

/** What a values file deploys. */
export interface DeployedImage {
  /** Without `php-`: `1.47.0-wmf.16`. */
  readonly version: string;
  /** As it stands in the file. */
  readonly image: string;
  /** Where the image stands. */
  readonly place: Place;
}

/** An OCI tag. */
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Reads the version that a Helm values file deploys, out of its image's tag:
 * `main_app: {image: restricted/mediawiki:1.47.0-wmf.16-2026-08-18-…}`. A value without `/` and `:` is the tag alone.
 * Throws SourceError.
 */
export function readVersionFromValues(file: string, rule: ValuesRule): DeployedImage {
  checkPattern(rule);
  const text = readYamlText(file, rule.place);
  const yaml = loadYaml(file, text, { merge: true });
  const path = rule.key.split(".");
  const image = lookUp(yaml, path);
  const place = yaml.placeOf(path);
  if (text.endsWith(image)) {
    const what = `the file ends with the image ${quote(image)} and without a newline, so it may be cut off:`;
    throw new SourceError(place, `${what} write it again, or add a newline`);
  }
  const tag = tagOf(image, place);
  const found = run("new RegExp(pattern).exec(text)", rule, tag);
  if (found === null) {
    const what = `the tag ${quote(tag)} does not match the farm's pattern ${quote(rule.pattern)}`;
    throw new SourceError(place, `${what}: correct the pattern, or state the release's version`);
  }
  const version = found[1];
  if (version === undefined || !isVersion(version)) {
    const what = `the farm's pattern ${quote(rule.pattern)} takes ${quote(version ?? "")} out of ${quote(tag)}`;
    throw new SourceError(place, `${what}, which is not a version: use ${NAME_SHAPE}`);
  }
  return { version, image, place };
}

/** A pattern may take for ever, as `(a+)+b` does; and nothing stops a regular expression from outside but this. */
const PATTERN_MS_AT_MOST = 1000;

/** What `code` gives for the pattern and the text. */
function run(code: string, rule: ValuesRule, text: string): RegExpExecArray | null {
  const { pattern, place = { file: "pattern" } } = rule;
  try {
    return runInNewContext(code, { pattern, text }, { timeout: PATTERN_MS_AT_MOST });
  } catch (error) {
    const { code: reason, message } = error as NodeJS.ErrnoException;
    if (reason !== "ERR_SCRIPT_EXECUTION_TIMEOUT") {
      throw new SourceError(place, `the pattern ${quote(pattern)} is not a regular expression: ${message}`);
    }
    const what = `the pattern ${quote(pattern)} takes more than a second for ${quote(text)}`;
    throw new SourceError(place, `${what}: write it without repetitions in a repetition, as in \`(a+)+\``);
  }
}

/** It must have one group. */
function checkPattern(rule: ValuesRule): void {
  run("new RegExp(pattern)", rule, "");
  // With an empty alternative it matches anything, and the match has a place for every group.
  const groups = run("new RegExp(pattern + '|').exec(text)", rule, "")!.length - 1;
  if (groups === 1) return;
  const { pattern, place = { file: "pattern" } } = rule;
  const what = groups === 0 ? "has no group" : `has ${groups} groups`;
  const wayOut = "put the version, and nothing else, in one pair of `( )`; `(?: )` groups without taking";
  throw new SourceError(place, `the pattern ${quote(pattern)} ${what}: ${wayOut}`);
}

function lookUp(yaml: YamlSource, path: readonly string[]): string {
  let found: unknown = yaml.value;
  for (const [i, step] of path.entries()) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) {
      const position = yaml.positionOf(path.slice(0, i), "key");
      const inside = i === 0 ? "at the top" : `in ${quote(path.slice(0, i).join("."))}`;
      const what = `there is no key ${quote(step)} ${inside} (${quote(position.text)})`;
      const { line, column } = position;
      throw new SourceError(
        { file: yaml.file, line, column },
        `${what}: the farm looks for the image at ${quote(path.join("."))}`,
      );
    }
    found = (found as Record<string, unknown>)[step];
  }
  if (typeof found === "string" && found !== "") return found;
  const { text } = yaml.positionOf(path);
  throw new SourceError(
    yaml.placeOf(path),
    `${quote(path.join("."))} is not an image (${quote(text)}): write name:tag`,
  );
}

function tagOf(image: string, place: Place): string {
  const name = image.replace(/@[^@]*$/, "");
  const last = name.slice(name.lastIndexOf("/") + 1);
  const colon = last.indexOf(":");
  if (colon < 0 && name.includes("/")) {
    throw new SourceError(
      place,
      `the image ${quote(image)} has no tag: the version comes from its tag, name:tag`,
    );
  }
  const tag = last.slice(colon + 1);
  if (TAG.test(tag)) return tag;
  throw new SourceError(
    place,
    `${quote(tag)} is not an image tag: at most 128 letters, digits, \`_\`, \`.\`, \`-\``,
  );
}
