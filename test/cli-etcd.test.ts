/** The commands over a store in etcd: push, history, status, diff, rollback, freeze, and what they say when it is away. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cli, folder, promote, type Ran, run, SMALL, setUpCli } from "./support/cli.ts";
import { Etcd } from "./support/etcd.ts";

setUpCli();

let etcd: Etcd;
beforeAll(async () => {
  etcd = await Etcd.start();
});
afterAll(() => etcd.stop());

let place: string;
let tests = 0;
beforeEach(() => {
  place = `etcd://${etcd.address}/farms/${++tests}`;
});

const environment = () => ({ POINTSMAN_STORE: place, POINTSMAN_WHO: "Zoë", PATH: process.env.PATH });
const ask = (...args: string[]): Ran => run(args, { env: environment() });
const push = (why: string, ...more: string[]) => ask("push", ...SMALL, "--yes", "--reason", why, ...more);

/** Beside others. */
function start(args: string[], cwd: string, env: NodeJS.ProcessEnv = environment()) {
  const child = spawn(process.execPath, [cli, ...args], { cwd, env });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const ended = new Promise<{ code: number | null; said: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, said })),
  );
  return { child, ended };
}

describe("a store in etcd, by the commands", () => {
  it("has a push, its history, a rollback and a freeze", () => {
    expect(ask("history")).toEqual({ code: 0, out: "nothing was pushed yet\n", err: "" });
    expect(ask("rollback").err).toBe(
      `${place}: nothing was pushed yet: \`pointsman push\` makes the first generation\n`,
    );
    expect(push("first")).toEqual({
      code: 0,
      out: expect.stringMatching(new RegExp(`^${place}: generation 1, digest [0-9a-f]{32}\nno targets: `)),
      err: "nothing was pushed before\n",
    });
    promote();
    expect(push("second").out).toContain(`${place}: generation 2, digest `);
    expect(push("again").out).toContain(`${place}: has generation 2 already`);
    expect(ask("diff", "1", "2").out).toContain("testwiki");
    expect(ask("rollback", "--reason", "it fails").out).toContain("generation 3, digest ");
    expect(ask("freeze", "--until", "2h", "--reason", "incident").code).toBe(0);
    expect(push("third").err).toContain("guard frozen: ");
    expect(ask("unfreeze").out).toContain("no longer frozen until ");
    expect(ask("unfreeze").out).toBe("it was not frozen\n");
    const { rollout, entries } = JSON.parse(ask("history", "--json").out);
    expect(rollout).toMatchObject({ generation: 3, state: "done", why: "it fails" });
    expect(entries.map(({ why }: { why: string }) => why)).toEqual(["it fails", "second", "first"]);
    expect(existsSync(join(folder, "etcd:"))).toBe(false);
  });

  it("is what status holds proxies against, which has no folder with a list of them", () => {
    push("first");
    expect(ask("status").err).toBe("no proxies: name them by --proxy URL, --proxies FILE\n");
    const { code, out } = ask("status", "--proxy", "http://127.0.0.1:1");
    expect(code).toBe(1);
    expect(out).toMatch(/^wanted: generation 1, done, .*\n.*SILENT/);
  });

  it("takes one of two pushes at once, or one after the other, and tells who was late", async () => {
    const other = join(folder, "other");
    cpSync(join(folder, "farm"), join(other, "farm"), { recursive: true });
    promote();
    const both = [folder, other].map((cwd, i) =>
      start(["push", ...SMALL, "--yes", "--reason", `push ${i}`], cwd),
    );
    const results = await Promise.all(both.map(({ ended }) => ended));
    const { rollout, entries } = JSON.parse(ask("history", "--json").out);
    const won = results.filter(({ code }) => code === 0);
    expect(won.length).toBeGreaterThan(0);
    expect(entries.length).toBe(won.length);
    expect(rollout.digest).toBe(entries[0].digest);
    for (const { code, said } of results)
      if (code !== 0) expect(said).toContain("somebody else was quicker, and nothing of this was pushed");
  });

  it("that is away is told, and the same push goes once it is back", async () => {
    push("first");
    promote();
    await etcd.kill();
    for (const args of [["history"], ["rollback"], ["unfreeze"]]) {
      const { code, err } = ask(...args);
      expect({ code, err }).toEqual({
        code: 1,
        err: expect.stringContaining(
          `etcd does not answer: ${etcd.address}: it does not answer: nothing listens there`,
        ),
      });
    }
    expect(push("second").code).toBe(1);
    await etcd.start();
    expect(push("second").out).toContain("generation 2, digest ");
  });

  it("never tells a password: in no message, not in the history, and not in the list of processes", async () => {
    const url = place.replace("etcd://", "etcd://zoe:s3cret@");
    const env = { ...environment(), POINTSMAN_STORE: url };
    const refused = run(["push", ...SMALL, "--yes", "--reason", "x"], { env });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`${place}: etcd does not take user zoe: `);
    expect(refused.out + refused.err).not.toContain("s3cret");
    await etcd.pause();
    try {
      const { child, ended } = start(["history", "--store", url], folder);
      await expect
        .poll(() => readFileSync(`/proc/${child.pid}/cmdline`, "utf8"), { timeout: 4_500 })
        .not.toContain("s3cret");
      expect(child.exitCode).toBeNull();
      const { code, said } = await ended;
      expect(code).toBe(1);
      expect(said).toContain("no answer within 5 s");
      expect(said).not.toContain("s3cret");
    } finally {
      etcd.continue();
    }
  });

  it("with a damaged rollout object is told with its key, and the history still is", async () => {
    push("first");
    await etcd.put(`/farms/${tests}/rollout`, "{");
    const { code, out, err } = ask("history");
    expect(code).toBe(1);
    expect(err).toContain(`warning: ${place}/rollout: not JSON: `);
    expect(out).toContain("first");
    expect(push("second").err).toContain(`${place}/rollout: not JSON: `);
  });

  it("whose table is damaged refuses to roll back to it, and a push mends it", async () => {
    push("first");
    const { digest } = JSON.parse(ask("history", "--json").out).rollout;
    await etcd.put(`/farms/${tests}/tables/${digest}`, "x");
    promote();
    expect(push("second").err).toContain(`guard unreadable: `);
    expect(push("second", "--allow", "unreadable").code).toBe(0);
    expect(ask("rollback").err).toContain(`${place}/tables/${digest}: `);
  });

  it("has its targets named, or in a file of its own", () => {
    writeFileSync(join(folder, "targets.yaml"), "targets: [{ kind: envoyfiles, folder: x }]\n");
    expect(push("first", "--targets", "targets.yaml").err).toContain("targets.yaml:1:");
    expect(push("first").out).toContain("no targets: the store alone has it");
  });
});
