/** Reads the images that a file of Helm values deploys, as it is written at a deployment. */
import { type Place, quote, SourceError } from "./problem.ts";
import { loadYaml, readYamlText, type YamlSource } from "./yaml.ts";

/** Where the image is, where nothing says another place. */
export const IMAGE_KEY = "main_app.image";
/** In the name of a values file, in the place of a release's name. */
export const RELEASE_IN_NAME = "{release}";
const REGISTRY_KEY = "docker.registry";
const WEBSERVER_KEY = "mw.httpd.image_tag";

/** What a values file deploys. */
export interface Images {
  readonly file: string;
  /** As a container runtime takes it: with the registry before it, where the file says one. */
  readonly image: string;
  /** Of the image. */
  readonly tag: string;
  /** The web server's beside it, in the same way; of a file that has its tag alone, the tag. null: the file has none. */
  readonly webserver: string | null;
  /** Where the image stands. */
  readonly place: Place;
}

/** With a registry, a digest or without them; what begins with a dash would be somebody's option. */
const IMAGE = /^[A-Za-z0-9][\w.:/@+-]*$/;
/** An OCI tag. */
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * @param key path of the image, with dots
 * @param referrer what named the file. Throws SourceError.
 */
export function readImages(file: string, key: string, referrer?: Place): Images {
  const text = readYamlText(file, referrer);
  const yaml = loadYaml(file, text, { merge: true });
  const path = key.split(".");
  const image = lookUp(yaml, path);
  const place = yaml.placeOf(path);
  if (text.endsWith(image)) {
    const what = `the file ends with the image ${quote(image)} and without a newline, so it may be cut off:`;
    throw new SourceError(place, `${what} write it again, or add a newline`);
  }
  const tag = tagOf(image, place);
  const registry = lookUpIfThere(yaml, REGISTRY_KEY);
  const webserver = lookUpIfThere(yaml, WEBSERVER_KEY);
  return {
    file,
    image: inRegistry(registry, image, place),
    tag,
    webserver: webserver && inRegistry(registry, webserver, yaml.placeOf(WEBSERVER_KEY.split("."))),
    place,
  };
}

/** A tag alone has no name that a registry could have. @param place of the image */
function inRegistry(registry: string | null, image: string, place: Place): string {
  const isTag = registry === null || !/[/:]/.test(image);
  const whole = isTag ? image : `${registry.replace(/\/+$/, "")}/${image}`;
  if (IMAGE.test(whole)) return whole;
  const may = "letters, digits and `_.:/@+-`, and begins with a letter or a digit";
  throw new SourceError(place, `${quote(whole)} is not an image, which has ${may}`);
}

/** null: the file does not have the key, or nothing behind it. */
function lookUpIfThere(yaml: YamlSource, key: string): string | null {
  const path = key.split(".");
  let found: unknown = yaml.value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return null;
    found = (found as Record<string, unknown>)[step];
  }
  if (found === null || found === "") return null;
  if (typeof found === "string") return found;
  const what = `${quote(key)} is not text (${quote(yaml.positionOf(path).text)}): put it in quotes`;
  throw new SourceError(yaml.placeOf(path), what);
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
