/** docs/farm.md: its snippets are farms, its refusals are refused so, and its tables have every key with its default. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { core } from "zod";
import { compile } from "../scripts/farm/compile.ts";
import { conditions } from "../scripts/farm/conditions.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { farmSchema } from "../scripts/farm/schema.ts";
import { blocks, code, readDoc, rows } from "./support/documents.ts";
import { TODAY } from "./support/farms.ts";

describe("docs/farm.md", () => {
  const document = readDoc("farm.md");
  const base = blocks(document, "yaml base")[0]!;
  let folder: string;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "docs-"));
    const lists = { testwikis: "testwiki", group0: "testwiki\nmediawikiwiki", group1: "wikidatawiki" };
    mkdirSync(join(folder, "config/dblists"), { recursive: true });
    for (const [name, text] of Object.entries(lists)) {
      writeFileSync(join(folder, "config/dblists", `${name}.dblist`), text);
    }
    const versions = { testwiki: 17, mediawikiwiki: 16, wikidatawiki: 15, dewiki: 15, enwiki: 15 };
    writeFileSync(join(folder, "config/dblists/all.dblist"), Object.keys(versions).join("\n"));
    const json = JSON.stringify(
      Object.fromEntries(Object.entries(versions).map(([wiki, n]) => [wiki, `php-1.47.0-wmf.${n}`])),
    );
    writeFileSync(join(folder, "config/wikiversions.json"), json);
    writeFileSync(join(folder, "config/wikiversions-labs.json"), json);
    mkdirSync(join(folder, "charts/release"), { recursive: true });
    const values = "main_app: { image: restricted/mediawiki:1.47.0-wmf.16-2026-08-18-190000 }\n";
    writeFileSync(join(folder, "charts/release/mw-web-group0-main.yaml"), values);
  });

  /** The farm with the keys of the fragment in place of its own. */
  function over(farm: string, fragment: string): string {
    const keys = (text: string) => text.split(/^(?=[a-z"])/m);
    const keyOf = (part: string) => part.split(":", 1)[0]!;
    const own = new Set(keys(fragment).map(keyOf));
    return [...keys(farm).filter((part) => !own.has(keyOf(part))), fragment].join("");
  }

  function compileText(text: string): { warnings: string[] } {
    const file = join(folder, "farm.yaml");
    writeFileSync(file, text);
    const given = { "mediawiki-config": join(folder, "config"), charts: join(folder, "charts") };
    const source = Object.fromEntries(Object.entries(given).filter(([name]) => text.includes(` ${name}: `)));
    const farm = new Farm(file, source);
    compile(farm, TODAY);
    return { warnings: farm.warnings.map((warning) => warning.message) };
  }

  it("has a row for everything that a rule may say of a request", () => {
    const stated = rows(document, "in a rule", "value", "holds if").map((row) => code(row["in a rule"]!));
    expect(stated).toEqual(Object.keys(conditions));
  });

  it("has a row for every key of the schema with its default, and for no other", () => {
    const stated = rows(document, "key", "value", "default", "meaning").map(
      (row) => [code(row.key!).replace(/\b[A-Z]+\b/g, "*"), row.default] as const,
    );
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(keysOf(farmSchema, "")));
    expect(new Set(stated.map(([key]) => key)).size).toBe(stated.length);
  });

  const titled = (texts: string[]) => texts.map((text) => ({ title: text.split("\n", 1)[0]!, text }));
  const wholes = [base, ...blocks(document, "yaml whole")];
  it.each(titled(wholes))("compiles, without a warning: $title", ({ text }) => {
    expect(compileText(text).warnings).toEqual([]);
  });

  it.each(titled(blocks(document, "yaml")))("compiles in the Wikimedia-like farm: $title", ({ text }) => {
    expect(compileText(over(wholes[1]!, text)).warnings).toEqual([]);
  });

  const said = (mark: string) =>
    blocks(document, mark)
      .flatMap((block) => block.split("---\n"))
      .map((fragment) => ({ fragment, message: /^# (.*)$/m.exec(fragment)![1]! }));
  const pattern = (message: string) =>
    new RegExp(
      message
        .split("…")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
        .join(".*"),
    );

  it.each(said("yaml refused"))("is refused: $message", ({ fragment, message }) => {
    expect(() => compileText(over(base, fragment))).toThrow(pattern(message));
  });

  it.each(said("yaml warned"))("is warned about: $message", ({ fragment, message }) => {
    expect(compileText(over(base, fragment)).warnings).toEqual([expect.stringMatching(pattern(message))]);
  });
});

/**
 * Every key that a schema has, as `a.*.b[].c`, and what the document says of its default; but for what any rule may
 * say of a request.
 */
function keysOf(schema: core.$ZodType, path: string): [key: string, byDefault: string][] {
  const { def } = (schema as core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "default":
      return keysOf(def.innerType, path);
    case "union":
      return def.options.flatMap((option) =>
        keysOf(option, path).map(([key]): [string, string] => [key, "–"]),
      );
    case "array":
      return keysOf(def.element, `${path}[]`);
    case "record": {
      const key = (def.keyType as core.$ZodTypes)._zod.def;
      if (key.type !== "enum") return keysOf(def.valueType, `${path}.*`);
      return Object.values(key.entries).map((name) => [`${path}.${name}`, "–"]);
    }
    case "object":
      return Object.entries(def.shape).flatMap(([name, value]) => {
        if (ofAnyRule.has(value)) return [];
        const key = path === "" ? name : `${path}.${name}`;
        return [[key, showDefault(value)] as [string, string], ...keysOf(value, key)];
      });
    default:
      return [];
  }
}

const ofAnyRule = new Set<core.$ZodType>(Object.values(conditions));

function showDefault(schema: core.$ZodType): string {
  const { def } = (schema as core.$ZodTypes)._zod;
  if (def.type === "optional") return "–";
  if (def.type !== "default") return "required";
  const entries = Object.entries(Object(def.defaultValue)).map(([key, value]) => `${key}: ${value}`);
  if (typeof def.defaultValue !== "object") return `\`${def.defaultValue}\``;
  return entries.length === 0 ? "none" : `\`{ ${entries.join(", ")} }\``;
}
