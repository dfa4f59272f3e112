/** Which generation `pack` gives a table, beside the one that is at its place. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, packSmall, promote, read, run, setUpCli } from "./support/cli.ts";

setUpCli();

describe("the generation", () => {
  const generationOf = (out: string) => JSON.parse(run(["inspect", "--json", out]).out).generation;

  it("is 1 first, the same for the same content, and one more for other content", () => {
    packSmall("t");
    expect(generationOf("t")).toBe(1);
    const first = read("t");
    packSmall("t");
    expect(read("t")).toEqual(first);
    promote();
    packSmall("t");
    expect(generationOf("t")).toBe(2);
  });

  it("stays when only the names change", () => {
    packSmall("t", "--generation", "5");
    packSmall("t", "--strip");
    expect(generationOf("t")).toBe(5);
  });

  it("may be given where no table is, and where the content is the old one", () => {
    packSmall("t", "--generation", "7");
    expect(generationOf("t")).toBe(7);
    expect(packSmall("t", "--generation", "3").code).toBe(0);
    expect(generationOf("t")).toBe(3);
  });

  it("may be given above the old one with other content, and not at or below it", () => {
    packSmall("t", "--generation", "7");
    const old = read("t");
    promote();
    for (const generation of ["6", "7"]) {
      expect(packSmall("t", "--generation", generation)).toEqual({
        code: 1,
        out: "",
        err: `generation ${generation} is not above the old table's 7, and the content differs: give a higher one\n`,
      });
      expect(read("t")).toEqual(old);
    }
    expect(packSmall("t", "--generation", "8").code).toBe(0);
    expect(generationOf("t")).toBe(8);
  });

  it("has a last one, after which nothing is written", () => {
    packSmall("t", "--generation", "4294967295");
    const old = read("t");
    expect(packSmall("t").code).toBe(0);
    promote();
    expect(packSmall("t")).toMatchObject({
      code: 1,
      err: "the old table has generation 4294967295, the highest one: choose another --out\n",
    });
    expect(read("t")).toEqual(old);
  });

  it("is not guessed from a table that cannot be read, which stays as it is", () => {
    for (const content of ["", "not a table", "PNTS".repeat(20)]) {
      writeFileSync(join(folder, "t"), content);
      const { code, err } = packSmall("t", "--generation", "9");
      expect(code).toBe(1);
      expect(err).toMatch(/^t: .*; nothing was written: move it away, or choose another --out\n$/);
      expect(read("t").toString()).toBe(content);
    }
  });
});
