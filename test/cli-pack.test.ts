/** What `pack` says and refuses of a table that takes another one's place, and how it takes it. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cli, edit, folder, packSmall, promote, read, run, setUpCli } from "./support/cli.ts";
import { twoReleases } from "./support/farm-text.ts";

setUpCli();

describe("what takes a table's place", () => {
  const farm = (first: number, more?: string) =>
    writeFileSync(join(folder, "f.yaml"), twoReleases(first, more));
  const pack = (...more: string[]) => run(["pack", "--farm", "f.yaml", "--out", "t", ...more]);

  it("is refused by name, with what was found and what is allowed, and nothing is written", () => {
    farm(30);
    expect(pack()).toMatchObject({ code: 0, err: "" });
    const old = read("t");
    farm(51);
    expect(pack()).toEqual({
      code: 1,
      out: "",
      err: [
        "guard wikis-change-release: 21 wikis change release (`x130wiki`, `x131wiki`, `x132wiki`, `x133wiki`, `x134wiki` and 16 more; 21 from g2 to g1), and at most 20 may; if it is meant, say --allow wikis-change-release",
        "guard source-shrinks: 1 source is empty or much smaller (the wikis of g2: 30 before, 9 now), and less than 50 % may be lost; if it is meant, say --allow source-shrinks",
        "t: nothing was written",
        "",
      ].join("\n"),
    });
    expect(read("t")).toEqual(old);
    expect(readdirSync(folder).sort()).toEqual(["f.yaml", "farm", "t"]);
  });

  it("is let pass by --allow, each guard by itself, and is a warning then", () => {
    farm(30);
    pack();
    farm(51);
    expect(pack("--allow", "source-shrinks")).toMatchObject({ code: 1 });
    const { code, out, err } = pack("--allow", "source-shrinks", "--allow", "wikis-change-release", "--json");
    expect({ code, lines: err.split("\n").length }).toEqual({ code: 0, lines: 3 });
    expect(err).toMatch(/^warning: guard wikis-change-release, allowed: 21 wikis change release/);
    expect(JSON.parse(out)).toMatchObject({
      generation: 2,
      warnings: [expect.stringContaining("21 wikis"), expect.stringContaining("the wikis of g2")],
    });
  });

  it("has the farm's limits", () => {
    farm(30);
    pack();
    farm(51, "guards: { wikis-change-release: 21, source-shrinks: off }");
    expect(pack()).toMatchObject({ code: 0, err: "" });
    farm(30, "guards: { wikis-change-release: 20 }");
    expect(pack().code).toBe(1);
  });

  it("is refused where a group's list is empty, also with no table before it", () => {
    mkdirSync(join(folder, "d"));
    writeFileSync(join(folder, "d", "g1.dblist"), "# none left\n");
    farm(60, "dblists: d");
    const text = readFileSync(join(folder, "f.yaml"), "utf8");
    const inOne = text.replace("g2: { wikis: [] }", "g2: { dblist: g1 }");
    writeFileSync(join(folder, "f.yaml"), `${inOne}\n`);
    expect(pack().err).toBe(
      "guard source-shrinks: the dblist `g1` of group g2 has no wikis; if it is meant, say --allow source-shrinks\nt: nothing was written\n",
    );
    expect(existsSync(join(folder, "t"))).toBe(false);
    expect(pack("--allow", "source-shrinks").code).toBe(0);
  });

  it("is not refused by a guard that there is not", () => {
    farm(30);
    const { code, err } = pack("--allow", "wikis");
    expect(code).toBe(2);
    expect(err).toContain(
      "There is no guard `wikis`; there are wikis-change-release, move-changes-version, ",
    );
  });

  it("says in sums which wikis are on another group's release", () => {
    farm(30);
    edit("../f.yaml", 'g2: { version: "1.47" }', 'g2: { version: "1.46" }');
    expect(pack()).toMatchObject({
      code: 0,
      err: "warning: f.yaml:4:38: 30 of 30 wikis of g2 are on g1: g2 says 1.46, and they run 1.47 (`x130wiki`, `x131wiki`, `x132wiki`, `x133wiki`, `x134wiki` and 25 more)\n",
    });
  });

  it("comes from one pack after the other, where several write at once", async () => {
    farm(30);
    pack();
    const at = (first: number) => {
      farm(first);
      copyFileSync(join(folder, "f.yaml"), join(folder, `f${first}.yaml`));
      const args = [cli, "pack", "--farm", `f${first}.yaml`, "--out", "t"];
      const child = spawn(process.execPath, args, { cwd: folder, env: {} });
      return new Promise((resolve) => child.on("close", resolve));
    };
    expect(await Promise.all([31, 32, 33, 34].map(at))).toEqual([0, 0, 0, 0]);
    expect(JSON.parse(run(["inspect", "--json", "t"]).out).generation).toBe(5);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("leaves a link a link and a mode a mode", () => {
    mkdirSync(join(folder, "tables"));
    symlinkSync("tables/real", join(folder, "t"));
    packSmall("t");
    chmodSync(join(folder, "tables/real"), 0o640);
    promote();
    packSmall("t");
    expect(lstatSync(join(folder, "t")).isSymbolicLink()).toBe(true);
    expect(statSync(join(folder, "tables/real")).mode & 0o777).toBe(0o640);
    expect(JSON.parse(run(["inspect", "--json", "t"]).out).generation).toBe(2);
    expect(readdirSync(join(folder, "tables"))).toEqual(["real"]);
  });

  it("is no device", () => {
    expect(packSmall("/dev/null")).toEqual({
      code: 1,
      out: "",
      err: "/dev/null: exists and is not a regular file: name a file, or a new name in a folder\n",
    });
  });
});
