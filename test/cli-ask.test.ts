/** `--ask-releases` of `check` and `push`: no table is pushed that says of a release what that does not run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { cli, folder, type Ran, run, SMALL, setUpCli } from "./support/cli.ts";

setUpCli();

/** What each release says that it runs. */
let runs: Record<string, string>;
const server = createServer((request, response) => {
  response.end(JSON.stringify({ version: runs[request.url!.slice(1)] }));
});
let template: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  template = `http://127.0.0.1:${(server.address() as AddressInfo).port}/{release}`;
});
afterAll(() => server.close());

let releases: { name: string; version: string }[];
beforeEach(() => {
  releases = JSON.parse(run(["check", ...SMALL, "--json"]).out).releases;
  runs = Object.fromEntries(releases.map(({ name, version }) => [name, `php-${version}`]));
});

/** Not by spawnSync: our own server has to answer meanwhile. */
async function ask(...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { POINTSMAN_STORE: "store", POINTSMAN_WHO: "ci" },
  });
  const ran = { code: null as number | null, out: "", err: "" };
  child.stdout.on("data", (data) => {
    ran.out += data;
  });
  child.stderr.on("data", (data) => {
    ran.err += data;
  });
  [ran.code] = await once(child, "close");
  return ran;
}
const check = (...more: string[]) => ask("check", ...SMALL, "--ask-releases", template, ...more);
const push = (...more: string[]) =>
  ask("push", ...SMALL, "--yes", "--reason", "test", "--ask-releases", template, ...more);

it("releases that run what the farm says are no obstacle", async () => {
  const plain = run(["check", ...SMALL]);
  expect(await check()).toEqual(plain);
  expect((await push()).code).toBe(0);
  expect((await push()).code).toBe(0);
});

it("check says a sentence a release that does not, and exits with 1", async () => {
  const [first, second] = releases;
  runs[first!.name] = "1.0.0-wmf.1";
  runs[second!.name] = "";
  const { code, out, err } = await check("--json");
  expect(code).toBe(1);
  const errors = [
    expect.stringMatching(
      new RegExp(
        `^release \`${first!.name}\`, which the table says runs ${first!.version}, answers at http.* that it runs 1.0.0-wmf.1$`,
      ),
    ),
    expect.stringContaining("the response `` is not a version"),
  ];
  expect(JSON.parse(out).errors).toEqual(errors);
  expect(err.trimEnd().split("\n")).toEqual(errors);
});

it("push is refused and writes nothing, but with --allow ask-releases, which the history tells", async () => {
  runs[releases[0]!.name] = "1.0.0-wmf.1";
  const refused = await push();
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(
    /guard ask-releases: release `\S+`, .* runs 1.0.0-wmf.1; if it is meant, say --allow ask-releases\nnothing was pushed\n$/,
  );
  expect(existsSync(join(folder, "store"))).toBe(false);
  expect((await push("--allow", "ask-releases=T1")).code).toBe(0);
  const { entries } = JSON.parse((await ask("history", "--json")).out);
  expect(entries[0].allowed).toEqual([
    { guard: "ask-releases", what: expect.stringContaining("that it runs 1.0.0-wmf.1"), why: "T1" },
  ]);
});

it("the same content is asked for too", async () => {
  expect((await push()).code).toBe(0);
  runs[releases[0]!.name] = "1.0.0-wmf.1";
  expect((await push()).code).toBe(1);
});

it.each([
  [["--ask-key", "a"], "--ask-key: it needs --ask-releases"],
  [["--ask-header", "a"], "--ask-header: it needs --ask-releases"],
  [
    ["--ask-releases", "http://{wiki}/"],
    "There is no `{wiki}`; there are {release}, {release-slug}, {deployment}, {cluster}.",
  ],
  [["--ask-releases", "http://a/{deployment}"], "Each release is asked at a URL of its own"],
  [["--ask-releases", "{release}.svc/version"], "It is a URL of http or https"],
  [["--ask-releases", "ftp://{release}/"], "It is a URL of http or https"],
  [["--ask-releases", "http://u:p@{release}/"], "It is a URL of http or https"],
  [["--ask-releases", "http://{release}/", "--ask-key", "a..b"], "A path of keys looks like"],
  [["--ask-releases", "http://{release}/", "--ask-header", "a b"], "A header's name looks like"],
  [["--ask-releases", "http://{release}/", "--ask-header", "a", "--ask-key", "b"], "cannot be used with"],
])("%j is used wrongly", (args, sentence) => {
  const { code, err } = run(["check", ...SMALL, ...args]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(sentence) });
});
