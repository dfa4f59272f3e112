/** What `pointsman inspect` prints, and how it refuses what is no table. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HEADER_DIGEST } from "../assembly/layout.ts";
import { writeChecksum } from "../scripts/encode/container.ts";
import { folder, packSmall, read, run, setUpCli } from "./support/cli.ts";

setUpCli();

describe("pointsman inspect", () => {
  it("prints what is in a table", () => {
    packSmall("t");
    const { code, out } = run(["inspect", "t"]);
    expect(code).toBe(0);
    for (const line of [
      "generation 1, digest ",
      "6 wikis, 3 exact hosts\n",
      "  x-mw-wiki: the wiki\n",
      "  1.47.0-wmf.1: 1.47.0-wmf.1, 2 wikis, the default\n",
      "  path at or under /w/api.php → mw-api\n",
      "  no host name, or an IP address → passes through\n",
      "  {label}.wikipedia.org → {label}wiki\n",
      "  *.handbook.example.com → handbook\n",
    ]) {
      expect(out).toContain(line);
    }
    packSmall("s", "--strip");
    expect(run(["inspect", "s"]).out).toContain("6 wikis, 3 exact hosts, no names: stripped\n");
  });

  it("prints everything as JSON", () => {
    packSmall("t");
    const contents = JSON.parse(run(["inspect", "--json", "t"]).out);
    expect(contents).toMatchObject({
      bytes: read("t").length,
      generation: 1,
      digestHolds: true,
      farm: "small",
      listeners: [{ name: null, trust: "edge", deployment: "mw-web" }],
      defaultRelease: "1.47.0-wmf.1",
      hosts: [
        { host: "commons.wikimedia.org", destination: "commonswiki" },
        { host: "handbook.example.com", destination: "handbook" },
        { host: "www.wikidata.org", destination: "wikidatawiki" },
      ],
    });
    expect(contents.wikis[0]).toEqual({ wiki: "commonswiki", release: "1.47.0-wmf.2", group: "second" });
    expect(contents.wikis).toHaveLength(6);
  });

  it.each([
    ["", "t: 0 bytes: too short for a table\n"],
    ["x".repeat(100), 't: does not begin with "PNTS": not a table\n'],
  ])("refuses garbage: %s", (content, err) => {
    writeFileSync(join(folder, "t"), content);
    expect(run(["inspect", "t"])).toEqual({ code: 1, out: "", err });
  });

  it("refuses what has no end, and so do others who read a table", () => {
    const why = "it has more than 256 MiB, which is too much for such a file";
    for (const args of [
      ["inspect", "/dev/zero"],
      ["explain", "--table", "/dev/zero", "x.example"],
      ["simulate", "--config", "/dev/zero", "--requests", "-"],
    ]) {
      expect(run(args), args[0]).toEqual({ code: 1, out: "", err: `/dev/zero: cannot be read: ${why}\n` });
    }
  });

  it("refuses a damaged table, and shows one whose digest is wrong, with exit code 1", () => {
    packSmall("t");
    const table = read("t");
    table[HEADER_DIGEST]! ^= 1;
    writeFileSync(join(folder, "t"), table);
    expect(run(["inspect", "t"])).toMatchObject({
      code: 1,
      out: "",
      err: "t: the checksum is wrong: the table is damaged\n",
    });
    writeChecksum(table);
    writeFileSync(join(folder, "t"), table);
    const { code, out, err } = run(["inspect", "t"]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "t: the digest in the table is not the digest of its content: pack the table again\n",
    });
    expect(out).toContain("generation 1");
  });
});
