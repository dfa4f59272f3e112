/** What the CLI prints is safe for a terminal. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { projectPath } from "./support/data.ts";
import { farmText } from "./support/farm-text.ts";
import { folderOf } from "./support/folder.ts";

/** An escape, a C1 control, a carriage return and a mark that turns the direction of reading round. */
const HOSTILE = "\u{1b}[31m\u{9b}2J\r\u{202e}";
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/;

let folder: string;
beforeEach(() => {
  folder = folderOf({
    "farm.yaml": farmText({ hosts: '[{ host: a.example, path: "/{w}", wiki: "{w}" }]' }),
    "odd.yaml": farmText({
      pins: `[{ wiki: awiki, release: one, expires: 2099-12-31, reason: "x ${JSON.stringify(HOSTILE).slice(1, -1)}" }]`,
    }),
  });
});

function run(args: string[], input = ""): string {
  const cli = projectPath("build/pointsman.mjs");
  const { stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    input,
    encoding: "utf8",
  });
  return stdout + stderr;
}

describe("a terminal is never sent", () => {
  it("control characters of a URL, a log, a farm, a file's name or an option", () => {
    run(["pack", "--out", "t.table"]);
    const line = JSON.stringify({ authority: `${HOSTILE}.example`, path: `/${HOSTILE}` });
    const said = {
      url: run(["explain", `https://a.example/${encodeURIComponent(HOSTILE)}x`]),
      unencoded: run(["explain", `https://a.example/${HOSTILE}x`]),
      lines: run(["explain", "--stdin"], `${line}\n{"authority": "${HOSTILE}"\n`),
      log: run(["simulate", "--config", "t.table", "--requests", "-"], `${line}\n${line.slice(0, -5)}\n`),
      summary: run(["simulate", "--config", "t.table", "--requests", "-", "--summary"], `${line}\n`),
      pin: run(["check", "--farm", "odd.yaml"]),
      farm: run(["check", "--farm", `${HOSTILE}.yaml`]),
      option: run(["check", `--${HOSTILE}`]),
      command: run([HOSTILE]),
    };
    writeFileSync(join(folder, "farm.yaml"), `farm: ${HOSTILE}\n`);
    const all = { ...said, yaml: run(["check"]) };
    for (const [what, text] of Object.entries(all)) {
      expect(text, what).not.toMatch(OBEYED);
      expect(text.length, what).toBeGreaterThan(20);
    }
    // A form of the path reads it decoded, and what it read is shown.
    expect(said.url).toContain("\\u001b[31m");
    expect(said.unencoded).toContain("The URL has a control character, which no URL has: write it as %");
    expect(said.pin).toContain("\\u001b[31m");
    expect(JSON.parse(said.lines.split("\n", 1)[0]!)).toBeTruthy();
  });
});
