/** What a file keeps when it is written anew. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { behindLinks, writeWhole } from "./write-whole.ts";

const NEW = Buffer.from("new");

describe("writing whole", () => {
  it("leaves a link a link, and writes the file behind it", () => {
    const folder = folderOf({ "deep/real": "old" });
    symlinkSync("deep/real", join(folder, "a"));
    symlinkSync("a", join(folder, "b"));
    writeWhole(join(folder, "b"), NEW);
    expect(
      lstatSync(join(folder, "a")).isSymbolicLink() && lstatSync(join(folder, "b")).isSymbolicLink(),
    ).toBe(true);
    expect(readFileSync(join(folder, "deep/real"), "utf8")).toBe("new");
    expect(readdirSync(join(folder, "deep"))).toEqual(["real"]);
    expect(readdirSync(folder).sort()).toEqual(["a", "b", "deep"]);
  });

  it("makes the file to which a link leads, where there is none yet", () => {
    const folder = folderOf({ "deep/x": "" });
    symlinkSync(join(folder, "deep/t"), join(folder, "t"));
    writeWhole(join(folder, "t"), NEW);
    expect(readFileSync(join(folder, "deep/t"), "utf8")).toBe("new");
  });

  it("follows a link from the folder in which it really is", () => {
    const folder = folderOf({ "real/folder/t": "old", "real/u": "old" });
    symlinkSync("real/folder", join(folder, "short"));
    symlinkSync("../u", join(folder, "real/folder/l"));
    writeWhole(join(folder, "short/l"), NEW);
    expect(readFileSync(join(folder, "real/u"), "utf8")).toBe("new");
  });

  it("refuses links that lead in a circle", () => {
    const folder = folderOf({});
    symlinkSync("b", join(folder, "a"));
    symlinkSync("a", join(folder, "b"));
    expect(() => behindLinks(join(folder, "a"))).toThrow(/\/a: symbolic links lead in a circle$/);
  });

  it("keeps the file's mode, whatever the umask", () => {
    const folder = folderOf({ t: "old" });
    for (const mode of [0o600, 0o664, 0o444]) {
      chmodSync(join(folder, "t"), mode);
      writeWhole(join(folder, "t"), NEW);
      expect(statSync(join(folder, "t")).mode & 0o7777).toBe(mode);
    }
  });

  it("leaves nothing behind where it cannot write", () => {
    const folder = folderOf({});
    mkdirSync(join(folder, "t"));
    expect(() => writeWhole(join(folder, "t"), NEW)).toThrow(/\/t: cannot be written: /);
    expect(readdirSync(folder)).toEqual(["t"]);
  });
});
