/** What `pointsman explain` says, to people and to scripts. */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cli, folder, packSmall, run, SMALL, setUpCli } from "./support/cli.ts";

setUpCli();

const LARGER = `
farm: larger
wikiversions: { awiki: "1" }
releases: { one: { version: "1" } }
default-release: one
hosts: [{ host: "{label}.example", wiki: "{label}wiki" }]
canonical-hosts: [{ host: "{label}.example", wiki: "{label}wiki" }]
deployments: { default: web }
jobs: { field: db, rules: [{ method: POST, path: /job, deployment: job }] }
debug: { header: x-debug, option: backend, backends: { dbg: {} } }
reads: { suffix: -ro, deployments: [web], rules: [{ method: POST, primary: true }, { share: 1 }] }
listeners:
  edge: { trust: edge, jobs: true, debug: true, reads: true }
  mesh: { trust: internal, deployment: api }
`;

describe("pointsman explain", () => {
  const ask = (lines: unknown[], ...args: string[]) => {
    const input = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
    const ran = run(["explain", ...(args.length > 0 ? args : SMALL), "--stdin"], { input });
    return {
      ...ran,
      answers: ran.out
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    };
  };

  it("says in a few lines where a URL goes, and why", () => {
    const { code, out } = run(["explain", ...SMALL, "https://zh.wikipedia.org/w/api.php"]);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "wiki        -",
        "group       -",
        "release     1.47.0-wmf.1",
        "version     1.47.0-wmf.1",
        "deployment  mw-api",
        "cluster     mw-api-1-47-0-wmf-1",
        "why         the host matches {label}.wikipedia.org → {label}wiki (farm.yaml:26): zhwiki is no wiki of the table; the default release 1.47.0-wmf.1; deployment mw-api: path at or under /w/api.php (farm.yaml:35)",
        "header      x-mw-cluster: mw-api-1-47-0-wmf-1",
        "header      x-mw-release: 1.47.0-wmf.1",
        "",
      ].join("\n"),
    );
    const json = JSON.parse(run(["explain", ...SMALL, "--json", "test.wikipedia.org"]).out);
    expect(Object.keys(json).sort()).toEqual(
      [
        "wiki",
        "group",
        "version",
        "release",
        "deployment",
        "cluster",
        "host",
        "status",
        "headers",
        "why",
      ].sort(),
    );
    expect(json).toMatchObject({ wiki: "testwiki", group: "first", release: "1.47.0-wmf.3" });
  });

  it("asks as a listener, in a data centre, with a method, headers and a body", () => {
    const farm = join(folder, "larger.yaml");
    writeFileSync(farm, LARGER);
    const cluster = (...args: string[]) => {
      const { code, out } = run(["explain", "--farm", farm, "--json", ...args]);
      return { code, cluster: JSON.parse(out || "{}").cluster };
    };
    expect(cluster("a.example")).toEqual({ code: 0, cluster: "web-one" });
    expect(cluster("--listener", "mesh", "a.example")).toEqual({ code: 0, cluster: "api-one" });
    expect(cluster("--datacentre", "b", "--primary", "a", "a.example")).toEqual({
      code: 0,
      cluster: "web-ro-one",
    });
    expect(cluster("--datacentre", "b", "--primary", "a", "-X", "POST", "a.example").cluster).toBe("web-one");
    expect(cluster("-X", "POST", "--body", '{"db":"awiki"}', "x.example/job").cluster).toBe("job-one");
    expect(cluster("-H", "X-Debug: backend=dbg; log", "a.example").cluster).toBe("dbg-one");
    const shown = run([
      "explain",
      "--farm",
      farm,
      "-X",
      "POST",
      "--body",
      '{"db":"awiki"}',
      "x.example/job",
    ]).out;
    expect(shown).toContain("host        a.example\n");
    expect(run(["explain", "--farm", farm, "--listener", "mash", "a.example"])).toMatchObject({
      code: 1,
      err: expect.stringContaining('the table has no listener "mash"; there are edge, mesh'),
    });
    expect(run(["explain", "--farm", farm, "-H", "X-Debug", "a.example"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Write a header as 'NAME: VALUE'."),
    });
  });

  it("asks a packed table as well, stripped or not", () => {
    packSmall("t", "--strip");
    rmSync(join(folder, "farm"), { recursive: true });
    const { code, out } = run(["explain", "--table", "t", "www.wikidata.org"]);
    expect(code).toBe(0);
    expect(out).toContain("why         the host is a fixed one: wiki wikidatawiki; in second: release");
  });

  it("answers lines in order, and a bad one in its place, with exit code 1", () => {
    const { code, err, answers } = ask([
      { authority: "de.wikipedia.org", path: "/" },
      "{oops",
      { authority: null, path: "/" },
      "",
      { authority: "www.wikidata.org", path: "/w/api.php", method: "POST", body: "x" },
    ]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(answers.map((answer) => answer.error ?? answer.wiki)).toEqual([
      "dewiki",
      expect.stringMatching(/^not JSON: /),
      null,
      expect.stringMatching(/^not JSON: /),
      "wikidatawiki",
    ]);
    expect(answers[2]).toEqual({
      wiki: null,
      group: null,
      version: null,
      release: null,
      deployment: null,
      cluster: null,
      host: null,
      status: null,
      headers: {},
      why: "not ours, passes through: no host name, or an IP address",
    });
  });

  it("exits with 0 where no line is bad, and where there is none", () => {
    expect(ask([{ authority: "en.wikipedia.org", path: "/" }]).code).toBe(0);
    expect(ask([])).toMatchObject({ code: 0, out: "" });
  });

  it("takes headers as values or lists, and none that a client sends has any effect", () => {
    const plain = { authority: "en.wikipedia.org", path: "/" };
    const { code, answers } = ask([
      plain,
      {
        ...plain,
        headers: { "x-mw-cluster": "evil", "X-MW-Wiki": ["evil", "worse"], "x-mw-release": "evil" },
      },
      { ...plain, authority: "localhost", headers: { "x-mw-cluster": ["evil"] } },
      { ...plain, authority: "nobody.example", headers: { "x-mw-wiki": "evil" } },
      { ...plain, authority: null, headers: { Host: "de.wikipedia.org" } },
      { ...plain, headers: { host: "de.wikipedia.org" } },
    ]);
    expect(code).toBe(0);
    expect(answers[0].headers).toEqual({
      "x-mw-cluster": "mw-web-1-47-0-wmf-1",
      "x-mw-release": "1.47.0-wmf.1",
      "x-mw-wiki": "enwiki",
    });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2].headers).toEqual({});
    expect(answers[3].headers).toEqual({
      "x-mw-cluster": "mw-web-1-47-0-wmf-1",
      "x-mw-release": "1.47.0-wmf.1",
    });
    expect(answers.slice(4).map(({ wiki }) => wiki)).toEqual(["dewiki", "enwiki"]);
  });

  it("takes a line for a line whatever is in it: CRLF, U+2028, UTF-8 across chunks, no line end at the end", () => {
    const paths = ["/\u2028", "/\u0085\u2029", `/${"é".repeat(100_000)}`];
    const lines = paths.map((path) => `${JSON.stringify({ authority: "en.wikipedia.org", path })}\r`);
    const { code, answers } = ask(lines);
    expect(code).toBe(0);
    expect(answers.map(({ wiki }) => wiki)).toEqual(["enwiki", "enwiki", "enwiki"]);
  });

  it("answers 20,000 lines, the first before the last is asked", async () => {
    packSmall("t", "--strip");
    const child = spawn(process.execPath, [cli, "explain", "--table", "t", "--stdin"], {
      cwd: folder,
      env: {},
    });
    const line = (i: number) =>
      `${JSON.stringify({ authority: i % 2 ? "de.wikipedia.org" : "x", path: `/${i}` })}\n`;
    let out = "";
    const firstAnswer = new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      out += chunk;
    });
    const closed = new Promise((resolve) => child.on("close", resolve));
    child.stdin.write(line(0));
    await firstAnswer;
    for (let i = 1; i < 20_000; i++) child.stdin.write(line(i));
    child.stdin.end();
    expect(await closed).toBe(0);
    const answers = out.trimEnd().split("\n");
    expect(answers).toHaveLength(20_000);
    const wrong = answers.findIndex((text, i) => JSON.parse(text).wiki !== (i % 2 ? "dewiki" : null));
    expect(wrong).toBe(-1);
  });
});
