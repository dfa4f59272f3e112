/** Wikis parted by image, release, version and group. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { farmText, TODAY } from "../../test/support/farm-text.ts";
import { folderOf } from "../../test/support/folder.ts";
import { valuesText } from "../../test/support/values-files.ts";
import { Farm } from "./farm.ts";
import { PARTITIONS, type Partition, partition } from "./partition.ts";

const PARTS = {
  wikiversions: "{ awiki: 1.47.0-wmf.10, bwiki: 1.47.0-wmf.9, cwiki: 1.47.0-wmf.10, dwiki: 1.47.0-wmf.9 }",
  groups: "{ late: { wikis: [bwiki, cwiki] }, early: { wikis: [awiki] } }",
  "in-no-group": "warn",
  releases: "{ early: { values: early.yaml }, late: { values: late.yaml } }",
  "version-from-image": '{ key: main_app.image, pattern: "^([0-9.]+-wmf\\\\.[0-9]+)-" }',
  "default-release": "late",
};
const FILES = {
  "early.yaml": valuesText("1.47.0-wmf.10"),
  "late.yaml": valuesText("1.47.0-wmf.9"),
  "script-early.yaml": valuesText("1.47.0-wmf.10", "restricted/mediawiki-cli"),
  "script-late.yaml": valuesText("1.47.0-wmf.9", "restricted/mediawiki-cli"),
};
const TAG = "2026-08-20-081205-publish";
const WIKIS = ["awiki", "bwiki", "cwiki", "dwiki", "gonewiki"];

function parts(
  by: Partition,
  { more = {}, files = FILES, values = null as string | null, wikis = WIKIS }: Partial<Asked> = {},
) {
  const folder = folderOf({ ...files, "farm.yaml": farmText({ ...PARTS, ...more }) });
  const farm = new Farm(join(folder, "farm.yaml"));
  return partition(farm, wikis, by, { today: TODAY, files: values });
}

interface Asked {
  more: Record<string, string>;
  files: Record<string, string>;
  values: string | null;
  wikis: string[];
}

describe("wikis are parted by", () => {
  it("version, the oldest first, and those that are not in wikiversions last", () => {
    expect(parts("version")).toEqual([
      { key: "1.47.0-wmf.9", wikis: ["bwiki", "dwiki"] },
      { key: "1.47.0-wmf.10", wikis: ["awiki", "cwiki"] },
      { key: null, wikis: ["gonewiki"] },
    ]);
  });

  it("group, in the farm's order, and those that are in none last", () => {
    expect(parts("group")).toEqual([
      { key: "late", wikis: ["bwiki", "cwiki"] },
      { key: "early", wikis: ["awiki"] },
      { key: null, wikis: ["dwiki", "gonewiki"] },
    ]);
  });

  it("release, which goes by the version where the group's release runs another", () => {
    expect(parts("release")).toEqual([
      { key: "early", wikis: ["awiki", "cwiki"] },
      { key: "late", wikis: ["bwiki", "dwiki"] },
      { key: null, wikis: ["gonewiki"] },
    ]);
  });

  it("image, and scripts' images are in files of their own", () => {
    expect(parts("image")).toEqual([
      {
        key: `docker-registry.discovery.wmnet/restricted/mediawiki:1.47.0-wmf.10-${TAG}`,
        wikis: ["awiki", "cwiki"],
      },
      {
        key: `docker-registry.discovery.wmnet/restricted/mediawiki:1.47.0-wmf.9-${TAG}`,
        wikis: ["bwiki", "dwiki"],
      },
      { key: null, wikis: ["gonewiki"] },
    ]);
    expect(parts("image", { values: "script-{release}.yaml", wikis: ["bwiki"] })).toEqual([
      {
        key: `docker-registry.discovery.wmnet/restricted/mediawiki-cli:1.47.0-wmf.9-${TAG}`,
        wikis: ["bwiki"],
      },
    ]);
  });

  it("one image, where two releases run the same", () => {
    const files = { ...FILES, "early.yaml": valuesText("1.47.0-wmf.9") };
    const more = {
      wikiversions: "{ awiki: 1.47.0-wmf.9, bwiki: 1.47.0-wmf.9, cwiki: 1.47.0-wmf.9, dwiki: 1.47.0-wmf.9 }",
    };
    expect(parts("release", { files, more, wikis: ["awiki", "bwiki"] })).toHaveLength(2);
    expect(parts("image", { files, more, wikis: ["awiki", "bwiki"] })).toEqual([
      {
        key: `docker-registry.discovery.wmnet/restricted/mediawiki:1.47.0-wmf.9-${TAG}`,
        wikis: ["awiki", "bwiki"],
      },
    ]);
  });

  it.each(PARTITIONS)("%s: nothing, where there are no wikis", (by) => {
    expect(parts(by, { wikis: [] })).toEqual([]);
  });
});

describe("an image is refused", () => {
  const message = (asked: Partial<Asked>) =>
    problemsOf(() => parts("image", asked)).map((one) => one.replace(/^\/.*?\/(?=[^/]*:)/, ""));

  it("where no file says it, but only of a release that a wiki is on", () => {
    const more = { releases: '{ early: { version: "1.47.0-wmf.10" }, late: { values: late.yaml } }' };
    expect(message({ more })).toEqual([
      "farm.yaml:3:13: no values file says which image release `early` runs: say `values: FILE`, or name the files by --values",
    ]);
    expect(parts("image", { more, wikis: ["bwiki"] })).toHaveLength(1);
  });

  it("where its file is not there", () => {
    expect(message({ values: "job-{release}.yaml" })).toEqual([
      expect.stringMatching(/^--values: cannot read `.*job-early\.yaml`: there is no such file$/),
    ]);
  });

  it("where it is of another version than the release runs", () => {
    const files = { ...FILES, "script-late.yaml": valuesText("1.47.0-wmf.8") };
    expect(message({ files, values: "script-{release}.yaml" })).toEqual([
      `script-late.yaml:4:10: the image's tag \`1.47.0-wmf.8-${TAG}\` is of 1.47.0-wmf.8, and release \`late\` runs 1.47.0-wmf.9: deploy that version there, or wait for it`,
    ]);
  });

  it("where the farm does not say where it stands", () => {
    const more = {
      "version-from-image": "",
      releases: "{ early: { version: 1.47.0-wmf.10 }, late: { version: 1.47.0-wmf.9 } }",
    };
    expect(message({ more, values: "script-{release}.yaml" })).toEqual([
      expect.stringContaining("the farm does not say where the image is in a values file"),
    ]);
  });
});
