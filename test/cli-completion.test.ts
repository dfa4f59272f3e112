/** `pointsman completion`: what bash, and zsh and fish where they are, offer by it is what commander knows. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, run, setUpCli } from "./support/cli.ts";

setUpCli();

const has = (shell: string) => spawnSync(shell, ["-c", "exit"]).status === 0;

/** By their shells: they are the same for all tests. */
const scripts = new Map<string, string>();

function script(shell: string): string {
  const known = scripts.get(shell);
  if (known !== undefined) return known;
  const { code, out, err } = run(["completion", shell]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  scripts.set(shell, out);
  return out;
}

/** What a shell prints. */
function ask(shell: string, ...args: string[]): string {
  const env = { PATH: process.env.PATH, HOME: folder };
  const { status, stdout, stderr } = spawnSync(shell, args, { cwd: folder, env, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  expect(stderr).toBe("");
  return stdout;
}

/** As --help has them. */
const commandsOf = (help: string) => [...help.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name!);
const optionsOf = (help: string) =>
  [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, name]) => name!);

describe.skipIf(!has("bash"))("of bash", () => {
  /** What is offered for the last word of a line. */
  const offered = (...line: string[]): string[] => {
    writeFileSync(join(folder, "completion"), script("bash"));
    const words = ["pointsman", ...line].map((word) => `'${word}'`).join(" ");
    const asked = `set -u; source completion; COMP_WORDS=(${words}); COMP_CWORD=${line.length}; _pointsman; printf '%s\n' "\${COMPREPLY[@]-}"`;
    return ask("bash", "-c", asked).split("\n").filter(Boolean);
  };

  it("is taken by bash, which then completes pointsman by it, and files where it says nothing", () => {
    writeFileSync(join(folder, "completion"), script("bash"));
    expect(ask("bash", "-c", "source completion; complete -p pointsman")).toBe(
      "complete -o default -F _pointsman pointsman\n",
    );
  });

  it("offers every command, and of each every option that --help has", () => {
    const help = run(["--help"]).out;
    const commands = commandsOf(help);
    expect(commands).toEqual(expect.arrayContaining(["pack", "status", "completion", "help"]));
    expect(offered("")).toEqual(expect.arrayContaining([...commands, "--version", "--help"]));
    for (const command of commands.filter((one) => one !== "help")) {
      const { out } = run([command, "--help"]);
      // `render` has commands of its own, each with its options.
      const own = /^Commands:$/m.test(out) ? commandsOf(out).filter((one) => one !== "help") : [];
      const options = [out, ...own.map((one) => run([command, one, "--help"]).out)].flatMap(optionsOf);
      expect(options).toContain("--help");
      expect(offered(command, "--").sort(), command).toEqual([...new Set(options)].sort());
    }
  }, 60_000);

  it("offers what fits what is typed, the values that there are, and files for others", () => {
    expect(offered("sta")).toEqual(["stamp", "status"]);
    expect(offered("status", "--w")).toEqual(["--wait", "--watch"]);
    expect(offered("push", "--yes", "--ag")).toEqual(["--again"]);
    expect(offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(offered("render", "en")).toEqual(["envoy"]);
    expect(offered("render", "envoy", "--access-log", "")).toEqual(["errors", "all", "none"]);
    expect(offered("help", "roll")).toEqual(["rollback"]);
    for (const line of [
      ["pack", "--farm", ""],
      ["pack", "--out", "-"],
      ["inspect", ""],
      ["nonsense", "--"],
    ])
      expect(offered(...line), line.join(" ")).toEqual([]);
  });
});

describe.skipIf(!has("zsh"))("of zsh", () => {
  it("is taken by zsh, which then completes pointsman by it", () => {
    writeFileSync(join(folder, "completion"), script("zsh"));
    const asked = "autoload -U compinit && compinit -u && source ./completion && print $_comps[pointsman]";
    expect(ask("zsh", "-fc", asked)).toBe("_pointsman\n");
  });
});

describe.skipIf(!has("fish"))("of fish", () => {
  it("is taken by fish, which then offers commands, options and values", () => {
    writeFileSync(join(folder, "completion"), script("fish"));
    const offered = (line: string) =>
      ask("fish", "--no-config", "-c", `source completion; complete -C '${line}'`)
        .split("\n")
        .map((one) => one.split("\t")[0])
        .filter(Boolean);
    expect(offered("pointsman sta")).toEqual(["stamp", "status"]);
    expect(offered("pointsman status --wa")).toEqual(["--wait", "--watch"]);
    expect(offered("pointsman completion ")).toEqual(expect.arrayContaining(["bash", "zsh", "fish"]));
  });
});

it.each(["bash", "zsh", "fish"])("a script for %s has only words that no shell expands", (shell) => {
  const help = run(["--help"]).out;
  for (const command of commandsOf(help)) expect(script(shell)).toContain(command);
  expect(script("bash")).not.toMatch(/words="[^"]*[^\w ."-][^"]*"/);
});

it("another shell is refused, with those that there are", () => {
  expect(run(["completion", "csh"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("Allowed choices are bash, zsh, fish."),
  });
});
