/** A farm that scripts ask about: three releases with images of their own, packed in the test's folder. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { folder, run } from "./cli.ts";
import { farmText } from "./farm-text.ts";
import { valuesText } from "./values-files.ts";

export const FARM = farmText({
  wikiversions:
    "{ awiki: 1.47.0-wmf.1, bwiki: 1.47.0-wmf.10, constructor: 1.47.0-wmf.10, preswiki: 1.47.0-wmf.1 }",
  groups:
    "{ tests: { wikis: [awiki], within: early }, early: { wikis: [awiki, preswiki] }, late: { wikis: [bwiki] } }",
  "in-no-group": "warn",
  releases:
    "{ early: { version: 1.47.0-wmf.1 }, late: { version: 1.47.0-wmf.10 }, spare: { version: 1.47.0-wmf.10 } }",
  "default-release": "late",
  "version-from-image": '{ key: main_app.image, pattern: "^([0-9.]+-wmf.[0-9]+)-" }',
  dblists: "lists",
  "without-wiki": "{ not-installed: { dblist: pre, status: 404, body: not yet } }",
  pins: '[{ wiki: bwiki, release: spare, reason: "a try", expires: 2099-01-01 }]',
  hosts:
    "[{ host: a.example, wiki: awiki }, { host: z.example, wiki: awiki, alias: true }, " +
    "{ host: c.example, wiki: awiki, alias: true }, { host: p.example, wiki: preswiki }, " +
    '{ host: "{label}.b.example", wiki: "{label}wiki" }]',
  "pass-through": "[localhost]",
});

export const VALUES = ["--values", "releases/mw-script-{release}-eqiad.yaml"];

/** `farm.yaml`, its lists and values files, and the tables `t` (generation 7) and `stripped`. */
export function writeScriptFarm(): void {
  writeFileSync(join(folder, "farm.yaml"), FARM);
  mkdirSync(join(folder, "lists"));
  writeFileSync(join(folder, "lists", "pre.dblist"), "preswiki\n");
  mkdirSync(join(folder, "releases"));
  for (const [release, version] of [
    ["early", "1.47.0-wmf.1"],
    ["late", "1.47.0-wmf.10"],
    ["spare", "1.47.0-wmf.10"],
  ] as const) {
    const text = valuesText(version, "restricted/mediawiki-cli");
    writeFileSync(join(folder, "releases", `mw-script-${release}-eqiad.yaml`), text);
  }
  expect(run(["pack", "--out", "t", "--generation", "7"]).code).toBe(0);
  expect(run(["pack", "--out", "stripped", "--strip"]).code).toBe(0);
}
