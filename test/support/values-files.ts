/** The releases' values files that a state of Wikimedia's train implies: each release runs what most of its group runs. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { survey } from "../../scripts/farm/compile.ts";
import { Farm } from "../../scripts/farm/farm.ts";
import { projectPath } from "./data.ts";

const VALUES = /\{ values: "releases:[^"]*" \}/g;
const BEFORE_ANY_PIN_EXPIRES = "2026-01-01";

/** The example's text with releases that take their version from their group: it needs no values files. */
export function farmByGroup(): string {
  const text = readFileSync(projectPath("examples/wikimedia/farm.yaml"), "utf8");
  return text.replaceAll(VALUES, "{ from: group }");
}

/**
 * Writes them into the folder, and gives the sources that the example then has.
 * @param config folder of mediawiki-config
 */
export function sourcesOfState(config: string, folder: string): Record<string, string> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "by-group.yaml");
  writeFileSync(file, farmByGroup());
  const { list } = survey(new Farm(file, { "mediawiki-config": config }), BEFORE_ANY_PIN_EXPIRES).releases;
  for (const { name, version } of list) {
    writeFileSync(join(folder, `mw-web-${name}-eqiad.yaml`), valuesText(version));
  }
  return { "mediawiki-config": config, releases: folder };
}

/** @param image without its tag: kinds of images differ in their names */
export function valuesText(version: string, image = "restricted/mediawiki"): string {
  return [
    "docker:\n  registry: docker-registry.discovery.wmnet",
    `main_app:\n  image: ${image}:${version}-2026-08-20-081205-publish`,
    "mw:\n  httpd:\n    image_tag: 2026-08-20-081205-webserver\n",
  ].join("\n");
}
