/** The version in a file of Helm values. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { readVersionFromValues } from "./values-file.ts";

const TRAIN = String.raw`^(\d+\.\d+\.\d+-wmf\.\d+)-`;
const KEY = "main_app.image";

function fileOf(content: string): string {
  return join(folderOf({ "values.yaml": content }), "values.yaml");
}

function problems(content: string, pattern = TRAIN, key = KEY): string[] {
  const file = fileOf(content);
  const place = { file: "farm.yaml", line: 9, column: 3 };
  return problemsOf(() => readVersionFromValues(file, { key, pattern, place })).map((each) =>
    each.replaceAll(file, "values.yaml"),
  );
}

describe("the version of a values file", () => {
  test.each([
    ["restricted/mediawiki:1.47.0-wmf.16-2026-08-18-1"],
    ["registry.example:5000/restricted/mediawiki:1.47.0-wmf.16-2026-08-18-1"],
    ["mediawiki:1.47.0-wmf.16-2026-08-18-1@sha256:0123abcd"],
    ["1.47.0-wmf.16-2026-08-18-1"],
  ])("is taken out of the tag of %s", (image) => {
    const file = fileOf(`# by the deployer\nmain_app:\n  image: ${image}\nmw: {httpd: {image_tag: x}}\n`);
    expect(readVersionFromValues(file, { key: KEY, pattern: TRAIN })).toEqual({
      version: "1.47.0-wmf.16",
      file,
      image,
      tag: "1.47.0-wmf.16-2026-08-18-1",
      webserver: "x",
      place: { file, line: 3, column: 10 },
    });
  });

  test("may come by an anchor or a merge, as Helm reads them", () => {
    const file = fileOf(
      "base: &b\n  image: m:1.47.0-wmf.2-x\nmain_app:\n  <<: *b\nother: &o m:1.47.0-wmf.3-x\nalias: *o\n",
    );
    expect(readVersionFromValues(file, { key: KEY, pattern: TRAIN }).version).toBe("1.47.0-wmf.2");
    expect(readVersionFromValues(file, { key: "alias", pattern: TRAIN }).version).toBe("1.47.0-wmf.3");
  });

  test("is found in a list by a number", () => {
    const file = fileOf("apps: [{image: m:1.47.0-wmf.2-x}]");
    expect(readVersionFromValues(file, { key: "apps.0.image", pattern: TRAIN }).version).toBe("1.47.0-wmf.2");
  });

  test("does not come out of the image's name", () => {
    expect(problems("main_app: {image: 'mw-1.47.0-wmf.2-x:2026'}")[0]).toContain(
      "the tag `2026` does not match",
    );
  });
});

describe("what is refused", () => {
  test.each([
    [
      "main_app: {}\n",
      "values.yaml:1:1: there is no key `image` in `main_app` (`main_app`): the farm looks for the image at `main_app.image`",
    ],
    [
      "x: 1\n",
      "values.yaml:1:1: there is no key `main_app` at the top (`x: 1`): the farm looks for the image at `main_app.image`",
    ],
    ["main_app: text\n", "values.yaml:1:1: there is no key `image` in `main_app` (`main_app`): "],
    ["main_app:\n  image: 12\n", "values.yaml:2:10: `main_app.image` is not an image (`12`): write name:tag"],
    ["main_app:\n  image:\n", "values.yaml:2:8: `main_app.image` is not an image (``): write name:tag"],
    [
      "main_app:\n  image: restricted/mediawiki\n",
      "values.yaml:2:10: the image `restricted/mediawiki` has no tag",
    ],
    ["main_app:\n  image: 'mediawiki:a b'\n", "values.yaml:2:10: `a b` is not an image tag"],
    [`main_app:\n  image: mediawiki:${"1".repeat(129)}\n`, "is not an image tag: at most 128"],
    [
      "main_app:\n  image: mediawiki:2026-08-18-x\n",
      "values.yaml:2:10: the tag `2026-08-18-x` does not match the farm's pattern",
    ],
    ["main_app: [\n", "values.yaml:2:1: not valid YAML"],
  ])("is %j, with its place", (content, message) => {
    expect(problems(content)).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ["wmf", "the pattern `wmf` has no group: put the version"],
    ["(?:a)", "has no group"],
    ["(a)(?<b>b)", "has 2 groups"],
    ["(a", "the pattern `(a` is not a regular expression: "],
  ])("is the pattern %s, where the farm states it", (pattern, message) => {
    expect(problems("main_app: {image: 'm:x'}", pattern)[0]).toContain(`farm.yaml:9:3: `);
    expect(problems("main_app: {image: 'm:x'}", pattern)[0]).toContain(message);
  });

  test.each([
    ["(-.*)$", "takes `-08-18` out of `2026-08-18`, which is not a version: use letters, digits"],
    ["^(x)?", "takes `` out of `2026-08-18`, which is not a version"],
  ])("is what the pattern %s takes when it is no version", (pattern, message) => {
    expect(problems("main_app: {image: 'm:2026-08-18'}", pattern)[0]).toContain(message);
  });

  test.each(["^(\\w+)+!$", "^((?:a|a)*)b"])("is the pattern %s, which would take for ever", (pattern) => {
    expect(problems(`main_app: {image: 'm:${"a".repeat(100)}'}`, pattern)[0]).toMatch(
      /^farm\.yaml:9:3: the pattern .* takes more than a second for `a+…`: write it without/,
    );
  });

  test("is a file that may have been cut off within the version", () => {
    const whole = "main_app:\n  image: m:1.47.0-wmf.16-x\n";
    const pattern = String.raw`^(\d+\.\d+\.\d+-wmf\.\d+)`;
    const read = (text: string) => readVersionFromValues(fileOf(text), { key: KEY, pattern }).version;
    expect(read(whole)).toBe("1.47.0-wmf.16");
    for (let end = whole.indexOf("wmf.1") + 5; end < whole.length; end++) {
      expect(problems(whole.slice(0, end), pattern)[0]).toMatch(
        /^values\.yaml:2:10: .* so it may be cut off: write it again, or add a newline$/,
      );
    }
  });

  test("is a file that is not there, where the farm names it", () => {
    const file = join(folderOf({}), "none.yaml");
    const place = { file: "farm.yaml", line: 9 };
    expect(problemsOf(() => readVersionFromValues(file, { key: KEY, pattern: TRAIN, place }))[0]).toMatch(
      /^farm\.yaml:9: cannot read/,
    );
  });
});
