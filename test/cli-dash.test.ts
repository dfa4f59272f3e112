/** Where a command is told a file, `-` is standard input or output, and never a file of that name. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parseFilterFile } from "../scripts/render/filter-file.ts";
import { Table } from "../scripts/table/table.ts";
import { cli, folder, packSmall, read, run, SMALL, setUpCli } from "./support/cli.ts";

setUpCli();

/** A line for the shell, in which `pointsman` is the built file. */
function shell(line: string): { code: number | null; out: Buffer; err: string } {
  const script = `set -o pipefail; pointsman() { "${process.execPath}" "${cli}" "$@"; }\n${line}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: folder });
  return { code: status, out: stdout, err: stderr.toString() };
}

const RENDERED = "made/pointsman/main/pointsman.json";
const filterFile = (text: Buffer | string) => parseFilterFile(text.toString(), "it").table!;

describe("- is standard input or output", () => {
  beforeEach(() => {
    packSmall("t");
    expect(run(["render", "envoy", "--table", "t", "--fallback", "127.0.0.1:80", "--out", "made"]).code).toBe(
      0,
    );
  });

  it("of pack, stamp and inspect, in a pipe that holds nothing but the table", () => {
    const { code, out, err } = shell(
      "pointsman pack --farm - --out - < farm/farm.yaml | pointsman stamp - --generation 9 --out -",
    );
    expect([code, err]).toEqual([1, expect.stringContaining("wikiversions.json")]); // beside standard input
    const piped = shell(
      "pointsman pack --farm farm/farm.yaml --out - | pointsman stamp - --generation 9 --out - | pointsman inspect - --json",
    );
    expect(piped.code, piped.err).toBe(0);
    expect(JSON.parse(piped.out.toString()).generation).toBe(9);
    expect(piped.err).toMatch(/^-: \d+ bytes, .*\n-: generation 9, digest \w+, as -\n$/s);
    expect(out.length).toBe(0);
  });

  it("of stamp --above, be it a table or what Envoy discovers", () => {
    for (const from of ["t", RENDERED]) {
      const { code, out, err } = shell(`pointsman stamp t --above - --out - < ${from}`);
      expect(code, err).toBe(0);
      expect(new Table(out).generation).toBe(2);
    }
  });

  it("of put, for the table and for the file it goes into", () => {
    expect(shell(`pointsman stamp t --generation 5 --out - | pointsman put - --into ${RENDERED}`).code).toBe(
      0,
    );
    expect(filterFile(read(RENDERED)).generation).toBe(5);
    writeFileSync(join(folder, "six"), shell("pointsman stamp t --generation 6 --out -").out);
    const { code, out, err } = shell(`pointsman put six --into - < ${RENDERED}`);
    expect([code, err]).toEqual([0, expect.stringMatching(/^-: generation 6, digest \w+\n$/)]);
    expect(filterFile(out).generation).toBe(6);
    expect(filterFile(read(RENDERED)).generation).toBe(5);
  });

  it("of render: for its table, and as without --out", () => {
    const args = ["render", "envoy", ...SMALL, "--fallback", "127.0.0.1:80"];
    const printed = run(args);
    expect(printed.code).toBe(0);
    expect(run([...args, "--out", "-"])).toEqual(printed);
    expect(shell("pointsman render envoy --table - --fallback 127.0.0.1:80 --out - < t").code).toBe(0);
  });

  it("of simulate and explain", () => {
    writeFileSync(join(folder, "requests"), '{"authority":"en.wikipedia.org","path":"/"}\n');
    for (const line of [
      "pointsman simulate --config - --requests requests < t",
      "pointsman simulate --config t --requests - < requests",
      "pointsman explain --table - https://en.wikipedia.org/ < t",
      "pointsman explain --table t --stdin < requests",
    ]) {
      const { code, out, err } = shell(line);
      expect(code, `${line}: ${err}`).toBe(0);
      expect(out.toString()).toContain("enwiki");
    }
  });

  it("once: two inputs cannot both be it", () => {
    for (const line of [
      "pointsman put - --into -",
      "pointsman stamp - --above - --out x",
      "pointsman simulate --config - --requests -",
    ]) {
      expect(shell(`${line} < t`)).toMatchObject({
        code: 2,
        err: expect.stringContaining("two files are -, and standard input can be only one of them"),
      });
    }
  });

  it("and leaves no file of that name", () => {
    shell("pointsman stamp t --generation 3 --out - > /dev/null");
    shell(`pointsman put t --into - < ${RENDERED} > /dev/null`);
    run(["render", "envoy", "--table", "t", "--fallback", "127.0.0.1:80", "--out", "-"]);
    expect(existsSync(join(folder, "-"))).toBe(false);
    expect(readFileSync(join(folder, "t")).length).toBeGreaterThan(0);
  });
});
