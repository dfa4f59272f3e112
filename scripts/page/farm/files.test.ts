/** Files that are not on a disk. */
import { describe, expect, it } from "vitest";
import { exists, isFolder, namesIn, readBytes, useFiles } from "./files.ts";
import { farmFileOf, readChosen } from "./read-chosen.ts";

const filesOf = (...paths: string[]) =>
  new Map(paths.map((path) => [path, new TextEncoder().encode(path)] as const));
const textOf = (path: string) => new TextDecoder().decode(readBytes(path));

describe("a farm's files on the page", () => {
  it("lie in their folders", () => {
    useFiles(filesOf("farm/farm.yaml", "farm/lists/a.dblist", "other/farm.yaml"));
    expect(textOf("farm/lists/a.dblist")).toBe("farm/lists/a.dblist");
    expect(textOf("/farm/farm.yaml")).toBe("farm/farm.yaml");
    expect(namesIn("farm")).toEqual(["farm.yaml", "lists"]);
    expect(namesIn(".")).toEqual(["farm", "other"]);
    expect(["farm", "farm/lists", "farm/farm.yaml", "list", "farm.yaml"].map(isFolder)).toEqual([
      ...[true, true, false, false, false],
    ]);
    expect(["farm/lists/a.dblist", "farm/a.dblist", "farm/lists"].map(exists)).toEqual([true, false, true]);
    expect(() => textOf("farm/x")).toThrow("farm/x: cannot read `farm/x`: there is no such file");
    expect(() => textOf("farm")).toThrow("it is a folder, not a file");
    expect(() => namesIn("x")).toThrow("x: cannot read the folder `x`: there is no such folder");
  });

  it("are found by their names where they were chosen one by one", () => {
    useFiles(filesOf("farm.yaml", "a.dblist"));
    expect(textOf("lists/a.dblist")).toBe("a.dblist");
    expect(namesIn("lists")).toEqual(["a.dblist", "farm.yaml"]);
    expect(["lists/a.dblist", "lists/b.dblist", "lists"].map(exists)).toEqual([true, false, true]);
  });

  it("have one that is the farm's own", () => {
    expect(farmFileOf(filesOf("a/b/farm.yaml", "a/farm.yaml", "a/x.yaml"))).toBe("a/farm.yaml");
    expect(farmFileOf(filesOf("labs.yml", "versions.json"))).toBe("labs.yml");
    expect(() => farmFileOf(filesOf("a.yaml", "b.yaml"))).toThrow(
      "among 2 files there is `a.yaml`, `b.yaml`",
    );
    expect(() => farmFileOf(new Map())).toThrow("among 0 files there is no file of YAML");
  });

  it("are read within bounds, hidden ones left out", async () => {
    const read = await readChosen([new File(["a"], "farm.yaml"), new File(["b"], ".farm.yaml.swp")]);
    expect([...read.keys()]).toEqual(["farm.yaml"]);
    const many = Array.from({ length: 2001 }, (_, i) => new File([], `${i}`));
    await expect(readChosen(many)).rejects.toThrow("more than 2000 files: choose the farm's files alone");
    const large = new File([new Uint8Array(2 ** 25 + 1)], "large");
    await expect(readChosen([large])).rejects.toThrow("more than 32 MiB of files");
  });
});
