/** `pointsman verify` against the real Envoy: upstreams answer by their version, and each in another wrong way. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured, startEnvoy } from "../../scripts/envoy/process.ts";
import { type Servers, startServers } from "../../scripts/envoy/servers.ts";
import { projectPath } from "../support/data.ts";
import { EMITTED, FALLBACK, PLAN, tableOf, WASM } from "./farm.ts";

type Answer = (response: http.ServerResponse, say: (dbname: string, version: string) => void) => void;

/** Of a cluster, instead of who it is. */
const wrong = new Map<string, Answer>();
const begun: number[] = [];
let upstreams: Servers;
let envoy: EnvoyProcess;
let folder: string;

const WIKIS: Record<string, string> = {
  "be-tarask": "be_x_oldwiki",
  de: "dewiki",
  en: "enwiki",
  test: "testwiki",
};
const OLD = "1.47.0-wmf.1";
const NEW = "1.47.0-wmf.2";

function serve(cluster: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  begun.push(performance.now());
  response.setHeader("x-cluster", cluster);
  response.setHeader("content-type", "application/json");
  const say = (dbname: string, version: string) => response.end(JSON.stringify({ dbname, version }));
  const answer = wrong.get(cluster);
  if (answer) answer(response, say);
  else say(WIKIS[(request.headers.host ?? "").split(".")[0]!] ?? "none", `php-${cluster.slice(-NEW.length)}`);
}

beforeAll(async () => {
  upstreams = await startServers([...new Set(PLAN.clusters.flat()), FALLBACK], serve);
  envoy = await startEnvoy({
    envoy: await findEnvoy(),
    listeners: [{ name: "edge", trust: "edge" }],
    clusters: upstreams.clusters,
    fallbackCluster: FALLBACK,
    clusterHeader: "x-mw-cluster",
    emittedHeaders: EMITTED,
    filter: { wasm: WASM, table: tableOf() },
  });
  folder = mkdtempSync(join(tmpdir(), "pointsman-verify-"));
  writeFileSync(join(folder, "one.table"), tableOf());
});
afterAll(async () => {
  await envoy?.stop();
  await upstreams?.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  wrong.clear();
  begun.length = 0;
});

/** Beside us: the upstreams are ours. */
function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = [projectPath("build/pointsman.mjs"), ...args];
  return new Promise((resolve) =>
    execFile(process.execPath, command, { cwd: folder, env: {} }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    ),
  );
}
const verify = (...args: string[]) =>
  run("verify", "--table", "one.table", "--proxy", `http://127.0.0.1:${envoy.port}`, ...args);
const ALL = ["--cluster-at", "header:x-cluster"];
const NOT_ASKED = `not asked: 1 wiki, not installed
not asked: \`debug\`, \`next\`, \`web-ro\`, \`api-ro\`, as no path that is known leads there: give one by --path, or a header by --header
`;

test("all is right", async () => {
  expect(await verify(...ALL)).toEqual({
    code: 0,
    out: `${NOT_ASKED}4 wikis × 3 deployments: 12 right, 0 wrong, 0 unanswered\n`,
    err: "",
  });
  const { code, out } = await verify("--json", "--listener", "edge", "--version-at", "json:version");
  expect([code, JSON.parse(out)]).toEqual([
    0,
    {
      ...{ generation: 1, digest: expect.any(String), wikis: 4, deployments: 3 },
      ...{ asked: 12, right: 12, wrong: 0, unanswered: 0, failed: {} },
      notAsked: { withoutHost: 0, notInstalled: 1, deployments: ["debug", "next", "web-ro", "api-ro"] },
    },
  ]);
});

test("what answers wrongly or not at all is told, each kind as what it is", async () => {
  wrong.set(`api-${NEW}`, (_, say) => say("testwiki", OLD));
  wrong.set(`web-${NEW}`, (response) => response.writeHead(301, { location: "https://x/" }).end());
  wrong.set(`jobs-${NEW}`, (response) => response.writeHead(503).end("overloaded\u001b[2J"));
  wrong.set(`web-${OLD}`, (response, say) => {
    response.setHeader("age", "7");
    say("enwiki", OLD);
  });
  wrong.set(`api-${OLD}`, () => {});
  wrong.set(`jobs-${OLD}`, (response) => response.end("<html>"));
  const { code, out } = await verify("--timeout", "1s");
  expect(code).toBe(1);
  const lines = out.split("\n");
  expect(lines.slice(0, 2)).toEqual([
    "1 answered by another version:",
    `  testwiki in api (test.wiki.example/w/api.php): version ${OLD} answers, and the table says ${NEW}`,
  ]);
  expect(out).toContain(
    `be_x_oldwiki in api (be-tarask.wiki.example/w/api.php): wiki testwiki answers, and the table says be_x_oldwiki`,
  );
  expect(out).toContain("2 answered by an error of the server:\n");
  expect(out).toContain("status 503: overloaded\\u001b[2J\n");
  expect(out).toContain("2 redirected:\n");
  expect(out).toContain("status 301, to https://x/\n");
  expect(out).toContain("2 answered by a cache:\n");
  expect(out).toContain("2 not answered in time:\n");
  expect(out).toContain("no answer within 1 s\n");
  expect(out).toContain("2 answered by what does not say who it is:\n");
  expect(lines.at(-2)).toBe("4 wikis × 3 deployments: 0 right, 2 wrong, 10 unanswered");
});

test("a table that the proxy does not have is seen, and what is told of it is bounded", async () => {
  const wikis = PLAN.wikis.map((one) => ({ ...one, release: 1 - one.release }));
  writeFileSync(join(folder, "two.table"), tableOf({ wikis }, 2));
  const { code, out } = await verify("--table", "two.table");
  expect(code).toBe(1);
  expect(out.split("\n")[0]).toBe("12 answered by another version:");
  expect(out.split("\n").filter((line) => line.startsWith("  "))).toHaveLength(6);
  expect(out).toContain("  and 7 more\n");
  const right = await verify("--version-at", "none");
  expect([right.code, right.out.split("\n").at(-2)]).toEqual([
    0,
    "4 wikis × 3 deployments: 12 right, 0 wrong, 0 unanswered",
  ]);
});

test("no more is begun in a second than was asked for", async () => {
  const { code } = await verify("--rate", "20/s", "--concurrency", "12");
  expect([code, begun.length]).toEqual([0, 12]);
  for (let from = 0; from < begun.length; from++) {
    for (let to = from + 1; to < begun.length; to++) {
      // What waits in the proxy and here comes closer together, by some milliseconds.
      expect(to - from).toBeLessThanOrEqual((begun[to]! - begun[from]! + 40) / 50 + 1);
    }
  }
});

test("a sample asks each release and group in each deployment, and the same with the same seed", async () => {
  const asked = async (...args: string[]) =>
    JSON.parse((await verify("--json", "--sample", "1", ...args)).out).asked;
  // Two groups and none, on two releases, in three deployments.
  expect(await asked()).toBeGreaterThanOrEqual(9);
  expect(await asked("--seed", "5")).toBe(await asked("--seed", "5"));
});

test("a proxy that is not there, and options that mean nothing", async () => {
  const gone = await run("verify", "--table", "one.table", "--proxy", "http://127.0.0.1:9");
  expect(gone.code).toBe(1);
  expect(gone.out).toContain("12 not answered at all:\n");
  expect(gone.out).toContain("no answer: nothing listens there\n");
  for (const [args, says] of [
    [[], "give either --proxy or --shadow"],
    [["--proxy", "http://a", "--shadow", "x"], "give either --proxy or --shadow"],
    [["--proxy", "a:80"], "Write a proxy as http://HOST:PORT"],
    [["--proxy", "http://a/x"], "Write a proxy as http://HOST:PORT"],
    [["--proxy", "http://a", "--ca", "x"], "--ca: only a proxy with https:// has a certificate"],
    [["--proxy", "http://a", "--same", "a=b"], "--same: only --shadow takes this"],
    [["--shadow", "x", "--rate", "5"], "--rate: only --proxy takes this"],
    [["--proxy", "http://a", "--rate", "0"], "Write a rate as 200/s"],
    [["--proxy", "http://a", "--path", "web"], "Write a path as DEPLOYMENT=/PATH"],
    [["--proxy", "http://a", "--header", "Host=x"], "verify sets host itself"],
    [["--proxy", "http://a", "--version-at", "version"], "Write a place as header:NAME"],
    [
      ["--proxy", "http://a", "--table", "one.table", "--today", "2026-01-01"],
      "--today: the table is not packed",
    ],
  ] as const) {
    const { code, err } = await run("verify", ...args);
    expect([code, err], args.join(" ")).toEqual([2, expect.stringContaining(says)]);
  }
  for (const [args, says] of [
    [["--path", "wbe=/"], 'the table has no deployment "wbe"'],
    [["--listener", "esams"], 'the table has no listener "esams"; there are edge'],
    [["--version-at", "none", "--wiki-at", "none"], "nothing of an answer would be compared"],
    [["--table", "none.table"], "none.table: cannot be read"],
  ] as const) {
    const { code, err } = await verify(...args);
    expect([code, err], args.join(" ")).toEqual([1, expect.stringContaining(says)]);
  }
});

test("a farm moves over: what the shadow says is compared with what was done", async () => {
  const ports = new Map(upstreams.clusters.map(({ name, port }) => [name, port]));
  const log = join(folder, "shadow.log");
  const fallback = ["--fallback", `127.0.0.1:${ports.get(FALLBACK)}`];
  const rendered = await run(
    ...["render", "envoy", "--shadow", "--table", "one.table", "--listener", "edge=0", "--admin-port", "0"],
    ...["--out", "shadow", "--access-log-file", log, ...fallback],
  );
  expect([rendered.code, rendered.err]).toEqual([0, expect.not.stringContaining("warning")]);
  const shadow = await startConfigured(join(folder, "shadow/envoy.yaml"), { envoy: await findEnvoy() });
  try {
    // Through the proxy in shadow nothing of the table is true: all goes where it went.
    const through = await run(
      ...["verify", "--table", "one.table", "--proxy", `http://127.0.0.1:${shadow.ports.edge}`, "--json"],
    );
    expect([through.code, JSON.parse(through.out).wrong]).toEqual([1, 12]);
    const lines = () => readFileSync(log, "utf8").split("\n").filter(Boolean);
    await expect.poll(() => lines().length, { timeout: 20_000 }).toBe(12);
    const clusters = ["web", "api", "jobs"].flatMap((one) => [`${one}-${OLD}`, `${one}-${NEW}`]);
    const same = clusters.flatMap((one) => ["--same", `${FALLBACK}=${one}`]);
    expect(await run("verify", "--shadow", log, ...same)).toEqual({
      code: 0,
      out: "12 agreed, 0 disagreed, 0 unreadable\n",
      err: "",
    });
    const differing = await run("verify", "--shadow", log, ...same.slice(2));
    expect([differing.code, differing.out.split("\n").slice(-2)[0]]).toEqual([
      1,
      "10 agreed, 2 disagreed, 0 unreadable",
    ]);
    expect(differing.out).toMatch(
      new RegExp(
        `^2 went to ${FALLBACK} and would go to web-${OLD}, as line \\d+: GET (de|en)\\.wiki\\.example/\n`,
      ),
    );
    const { code, out } = await run("verify", "--shadow", log, "--json");
    expect([code, JSON.parse(out).disagreed]).toEqual([1, 12]);
  } finally {
    await shadow.stop();
  }
  const addresses = upstreams.clusters
    .filter(({ name }) => name !== FALLBACK)
    .flatMap(({ name, port }) => ["--cluster", `${name}=127.0.0.1:${port}`]);
  const again = await run(
    ...["render", "envoy", "--table", "one.table", "--listener", "edge=0", "--admin-port", "0"],
    ...["--out", "shadow", "--access-log", "none", ...fallback, ...addresses],
  );
  // The clusters of deployments that reads and debugging have are there too.
  expect([again.code, again.err]).toEqual([0, expect.not.stringContaining("warning")]);
  const routing = await startConfigured(join(folder, "shadow/envoy.yaml"), { envoy: await findEnvoy() });
  try {
    const { code, out } = await run(
      ...["verify", "--table", "one.table", "--proxy", `http://127.0.0.1:${routing.ports.edge}`, ...ALL],
    );
    expect([code, out.split("\n").at(-2)]).toEqual([
      0,
      "4 wikis × 3 deployments: 12 right, 0 wrong, 0 unanswered",
    ]);
  } finally {
    await routing.stop();
  }
});
