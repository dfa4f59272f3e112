/** A file against its schema. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { problemsOf } from "../../test/support/errors.ts";
import { SourceError } from "./problem.ts";
import { validate } from "./validate.ts";
import { loadYaml } from "./yaml.ts";

const release = z.strictObject({
  version: z.string().regex(/^\d/, "must be a version such as 1.47.0-wmf.1").optional(),
  from: z.literal("group").optional(),
});
const farm = z.strictObject({
  releases: z.record(z.string().regex(/^[a-z0-9]+$/, "must be lower-case letters and digits"), release),
  groups: z
    .record(z.string(), z.union([z.string().min(1), z.strictObject({ within: z.string() })]))
    .default({}),
  "in-no-group": z.union([z.enum(["error", "warn"]), z.strictObject({ release: z.string() })]).optional(),
  hosts: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("exact"), host: z.string(), wiki: z.string() }),
        z.strictObject({ kind: z.literal("suffix"), suffix: z.string() }),
      ]),
    )
    .max(3)
    .optional(),
  port: z.int().min(1).max(65535).optional(),
  to: z.union([z.strictObject({ name: z.string() }), z.strictObject({ host: z.string() })]).optional(),
  "any-of": z
    .union([
      z.union([z.string(), z.strictObject({ name: z.string() }), z.strictObject({ host: z.string() })]),
      z.array(z.union([z.strictObject({ name: z.string() }), z.strictObject({ host: z.string() })])),
    ])
    .optional(),
  tree: z.lazy(() => z.strictObject({ leaf: z.boolean() })).optional(),
});

const RELEASES = "releases: {}\n";
const problems = (text: string) => problemsOf(() => validate(farm, loadYaml("farm.yaml", text)));

test("a valid file gives the schema's output", () => {
  const value = validate(farm, loadYaml("farm.yaml", "releases: {a: {version: 1.47.0}}"));
  expect(value).toEqual({ releases: { a: { version: "1.47.0" } }, groups: {} });
});

describe("an unknown key", () => {
  test("is refused with the nearest known one, which is not missing as well", () => {
    expect(problems("relases:\n  a: {}\n")).toEqual([
      "farm.yaml:1:1: unknown key `relases`; did you mean `releases`?",
    ]);
  });

  test("that is like none is refused with the known ones", () => {
    expect(problems("releases:\n  a: {colour: red}\n")).toEqual([
      "farm.yaml:2:7: unknown key `colour` in `releases.a`; known keys: `version`, `from`",
    ]);
  });

  test("is found behind default, record, union, array, lazy", () => {
    expect(
      problems(
        `${RELEASES}groups:\n  g: {witin: x}\nhosts:\n- {kind: suffix, sufix: x}\ntree: {leaf: true, laef: 1}\n`,
      ),
    ).toEqual([
      "farm.yaml:3:7: unknown key `witin` in `groups.g`; did you mean `within`?",
      "farm.yaml:5:18: unknown key `sufix` in `hosts.0`; did you mean `suffix`?",
      "farm.yaml:6:20: unknown key `laef` in `tree`; did you mean `leaf`?",
    ]);
  });

  test("that would have been a merge says that there are none", () => {
    expect(problems("releases:\n  a: &a {from: group}\n  b:\n    <<: *a\n")).toEqual([
      "farm.yaml:4:5: unknown key `<<` in `releases.b`: merge keys are not supported, write the keys out",
    ]);
  });
});

describe("a wrong value", () => {
  test.each([
    ["{}", "1:1: missing key `releases`"],
    ["- a", "1:1: the file must be a mapping, not a list (`- a`)"],
    ["releases:", "1:9: `releases` must be a mapping, not an empty value"],
    [
      "releases: {a: {version: 1.47}}",
      "1:25: `releases.a.version` must be text, not the number 1.47: put it in quotes (`1.47`)",
    ],
    [
      "releases: {a: {version: 'x1'}}",
      "1:25: `releases.a.version` must be a version such as 1.47.0-wmf.1 (`'x1'`)",
    ],
    ["releases: {A: {}}", "1:12: key `A` must be lower-case letters and digits"],
    [
      "releases: {a: {from: grup}}",
      "1:22: `releases.a.from` must be `group`; did you mean `group`? (`grup`)",
    ],
    [`${RELEASES}port: 0`, "2:7: `port` must be at least 1 (`0`)"],
    [`${RELEASES}port: 65536`, "2:7: `port` must be at most 65535 (`65536`)"],
    [`${RELEASES}port: 1.5`, "2:7: `port` must be a whole number, not the number 1.5 (`1.5`)"],
    [`${RELEASES}groups: {g: ''}`, "2:13: `groups.g` must not be empty (`''`)"],
    [`${RELEASES}groups: {g: {within: [x]}}`, "2:22: `groups.g.within` must be text, not a list (`[x]}}`)"],
    [`${RELEASES}groups: {g: {}}`, "2:10: missing key `within` in `groups.g`"],
    [`${RELEASES}groups: {g: [x]}`, "2:13: `groups.g` must be text or a mapping, not a list (`[x]}`)"],
    [
      `${RELEASES}in-no-group: wran`,
      "2:14: `in-no-group` must be `error` or `warn`; did you mean `warn`? (`wran`)",
    ],
    [
      `${RELEASES}in-no-group: {release: 1}`,
      "2:24: `in-no-group.release` must be text, not the number 1: put it in quotes (`1`)",
    ],
    [
      `${RELEASES}in-no-group: []`,
      "2:14: `in-no-group` must be `error`, `warn` or a mapping, not a list (`[]`)",
    ],
    [
      `${RELEASES}in-no-group: 5`,
      "2:14: `in-no-group` must be `error`, `warn` or a mapping, not the number 5 (`5`)",
    ],
    [`${RELEASES}hosts: [{kind: exat}]`, "2:16: `hosts.0.kind` must be `exact` or `suffix` (`exat`)"],
    [
      `${RELEASES}hosts: [{host: x}]`,
      "2:9: missing key `kind` in `hosts.0`, which must be `exact` or `suffix`",
    ],
    [
      `${RELEASES}to: {name: a, host: b}`,
      "2:15: key `host` in `to` does not go together with `name`: keep the one or the other",
    ],
    [
      `${RELEASES}any-of: 5`,
      "2:9: `any-of` must be text, a mapping or a list, not the number 5: put it in quotes (`5`)",
    ],
    [
      `${RELEASES}any-of: [{name: a, host: b}]`,
      "2:20: key `host` in `any-of.0` does not go together with `name`: keep the one or the other",
    ],
    [
      `${RELEASES}to: {}`,
      "2:5: `to` fits none of the forms it may have: missing key `name` in `to`, or missing key `host` in `to` (`{}`)",
    ],
  ])("%j is told in a sentence, with its place and text", (text, message) => {
    expect(problems(text)).toEqual([`farm.yaml:${message}`]);
  });

  test("in a list that is too long", () => {
    const host = "{kind: suffix, suffix: x}";
    expect(problems(`${RELEASES}hosts: [${[host, host, host, host].join(", ")}]`)[0]).toContain(
      "farm.yaml:2:8: `hosts` must have at most 3 entries (`[{kind",
    );
  });

  test("behind an alias is placed where it was written", () => {
    expect(problems("releases:\n  a: &a {version: 1}\n  b: *a\n")).toEqual([
      "farm.yaml:2:19: `releases.a.version` must be text, not the number 1: put it in quotes (`1`)",
      "farm.yaml:2:19: `releases.b.version` must be text, not the number 1: put it in quotes (`1`)",
    ]);
  });
});

test("all problems are told together, in the order of the file", () => {
  expect(
    problems("port: x\nreleases:\n  a: {from: group}\n  b: {frm: group}\nzzz: 1\n").map(
      (each) => each.split(" ")[0],
    ),
  ).toEqual(["farm.yaml:1:7:", "farm.yaml:4:7:", "farm.yaml:5:1:"]);
});

test("no file, however wrong, gets zod's own words for its structure, or another error than a SourceError", () => {
  const scalar = fc.constantFrom<unknown>(1, "x", true, null, "warn", "exact", 1.5);
  const key = fc.constantFrom(
    "releases",
    "groups",
    "hosts",
    "to",
    "port",
    "kind",
    "version",
    "in-no-group",
    "zz",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      try {
        expect(validate(farm, loadYaml("f", JSON.stringify(value)))).toHaveProperty("releases");
      } catch (error) {
        expect(error).toBeInstanceOf(SourceError);
        expect((error as SourceError).message).not.toMatch(/Invalid|"code"|undefined|expected|\[object/);
      }
    }),
    { numRuns: 1000 },
  );
});
