/** Images of values files: with their registry, the web server's beside them. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { IMAGE_KEY, readImages } from "./images-file.ts";

const fileOf = (text: string) => join(folderOf({ "values.yaml": text }), "values.yaml");
const APP = "main_app: { image: a/mediawiki:1.47-x }\n";

describe("the images of a values file", () => {
  test.each([
    ["", "a/mediawiki:1.47-x", null],
    ["docker: { registry: r.example }\n", "r.example/a/mediawiki:1.47-x", null],
    ["docker: { registry: 'r.example:5000/' }\n", "r.example:5000/a/mediawiki:1.47-x", null],
    ["docker:\nmw: { httpd: }\n", "a/mediawiki:1.47-x", null],
    ["docker: { registry: }\nmw: { httpd: { image_tag: 1.47-w } }\n", "a/mediawiki:1.47-x", "1.47-w"],
    ["docker: { registry: r }\nmw: { httpd: { image_tag: 1.47-w } }\n", "r/a/mediawiki:1.47-x", "1.47-w"],
    ["docker: { registry: r }\nmw: { httpd: { image_tag: a/w:1 } }\n", "r/a/mediawiki:1.47-x", "r/a/w:1"],
  ])("have their registry before them: %j", (more, image, webserver) => {
    const file = fileOf(more + APP);
    expect(readImages(file, IMAGE_KEY)).toMatchObject({ file, image, webserver, tag: "1.47-x" });
  });

  test("that are not text, or not there, are refused at their place", () => {
    const problems = (text: string) => {
      const file = fileOf(text);
      return problemsOf(() => readImages(file, IMAGE_KEY)).map((one) => one.replace(/^[^:]*\//, ""));
    };
    expect(problems(`mw: { httpd: { image_tag: 20260820 } }\n${APP}`)).toEqual([
      "values.yaml:1:27: `mw.httpd.image_tag` is not text (`20260820`): put it in quotes",
    ]);
    expect(problems(`docker: { registry: [r] }\n${APP}`)).toEqual([
      "values.yaml:1:21: `docker.registry` is not text (`[r] }`): put it in quotes",
    ]);
    const may = "letters, digits and `_.:/@+-`, and begins with a letter or a digit";
    for (const [text, at, quoted] of [
      ['main_app: { image: "x\\0--privileged:1.47-x" }\n', "1:20", "x\\u{0}--privileged:1.47-x"],
      ["main_app: { image: --privileged:1.47-x }\n", "1:20", "--privileged:1.47-x"],
      [`docker: { registry: "r;id\\n" }\n${APP}`, "2:20", "r;id\\n/a/mediawiki:1.47-x"],
      [`mw: { httpd: { image_tag: -w } }\n${APP}`, "1:27", "-w"],
    ])
      expect(problems(text!)).toEqual([`values.yaml:${at}: \`${quoted}\` is not an image, which has ${may}`]);
    expect(problems("docker: { registry: r }\n")[0]).toContain("there is no key `main_app` at the top");
  });
});
