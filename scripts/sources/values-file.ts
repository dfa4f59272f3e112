import { isVersion, VERSION_SHAPE } from "./names.ts";
import { type Place, quote, SourceError } from "./problem.ts";
import { readText } from "./text.ts";
import { loadYaml, type YamlSource } from "./yaml.ts";

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

/** An OCI tag; its bound on the length also bounds what the farm's pattern runs on. */
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Reads the version that a Helm values file deploys, out of its image's tag:
 * `main_app: {image: restricted/mediawiki:1.47.0-wmf.16-2026-08-18-…}`. A value without `/` and `:` is the tag alone.
 * Throws SourceError.
 */
export function readVersionFromValues(file: string, rule: ValuesRule): DeployedImage {
  const pattern = compile(rule);
  const yaml = loadYaml(file, readText(file, rule.place), { merge: true });
  const path = rule.key.split(".");
  const image = lookUp(yaml, path);
  const place = yaml.placeOf(path);
  const tag = tagOf(image, place);
  const found = pattern.exec(tag);
  if (found === null) {
    const what = `the tag ${quote(tag)} does not match the farm's pattern ${quote(rule.pattern)}`;
    throw new SourceError(place, `${what}: correct the pattern, or state the release's version`);
  }
  const version = found[1];
  if (version === undefined || !isVersion(version)) {
    const what = `the farm's pattern ${quote(rule.pattern)} takes ${quote(version ?? "")} out of ${quote(tag)}`;
    throw new SourceError(place, `${what}, which is not a version: it has to look like ${VERSION_SHAPE}`);
  }
  return { version, image, place };
}

function compile({ pattern, place = { file: "pattern" } }: ValuesRule): RegExp {
  let compiled: RegExp;
  let groups: number;
  try {
    compiled = new RegExp(pattern);
    // With an empty alternative it matches anything, and the match has a place for every group.
    groups = new RegExp(`${pattern}|`).exec("")!.length - 1;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SourceError(place, `the pattern ${quote(pattern)} is not a regular expression: ${why}`);
  }
  if (groups === 1) return compiled;
  const what = groups === 0 ? "has no group" : `has ${groups} groups`;
  const wayOut = "put the version, and nothing else, in one pair of `( )`; `(?: )` groups without taking";
  throw new SourceError(place, `the pattern ${quote(pattern)} ${what}: ${wayOut}`);
}

function lookUp(yaml: YamlSource, path: readonly string[]): string {
  let found: unknown = yaml.value;
  for (const [i, step] of path.entries()) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) {
      const position = yaml.positionOf(path.slice(0, i), "key");
      const near = i === 0 ? "at the top" : `in ${quote(path.slice(0, i).join("."))}`;
      const what = `no key ${quote(step)} ${near} (${quote(position.text)})`;
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
