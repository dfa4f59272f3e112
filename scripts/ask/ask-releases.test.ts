/** Releases that are asked what they run: real servers on 127.0.0.1, of which each answers badly in a way of its own. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { silent } from "../progress.ts";
import { type Asked, type Asking, askReleases } from "./ask-releases.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const RELEASE: Asked = {
  release: "group1",
  version: "1.47.0-wmf.16",
  deployment: "mw-web",
  cluster: "mw-web-group1",
};

/** What is said of one release that answers so; the port is written as PORT. */
async function saidOf(answer: RequestListener, asking: Partial<Asking> = {}): Promise<string[]> {
  const port = await listen(createServer(answer));
  const template = `http://127.0.0.1:${port}/{release}`;
  const said = await askReleases(
    [RELEASE],
    { template, at: { key: "version" }, timeoutMs: 5000, ...asking },
    silent,
  );
  return said.map((one) => one.replaceAll(String(port), "PORT"));
}

const json =
  (value: unknown): RequestListener =>
  (_, response) =>
    response.end(JSON.stringify(value));

const WHO = "release `group1`, which the table says runs 1.47.0-wmf.16, ";
const ASKED = `${WHO}was asked at http://127.0.0.1:PORT/group1: `;

describe("a release that runs what the table says", () => {
  it.each([
    ["in JSON", json({ version: "1.47.0-wmf.16" }), {}],
    ["with `php-` before it", json({ version: "php-1.47.0-wmf.16" }), {}],
    ["deeper in JSON", json({ mw: { version: "1.47.0-wmf.16" } }), { at: { key: "mw.version" } }],
    [
      "in a header",
      ((_, response) =>
        response.setHeader("X-MW-Version", "php-1.47.0-wmf.16").end("<html>")) as RequestListener,
      { at: { header: "x-mw-version" } },
    ],
  ])("is passed over: %s", async (_, answer, asking) => {
    expect(await saidOf(answer, asking)).toEqual([]);
  });
});

describe("one sentence is said of a release that", () => {
  const MEGABYTES = Buffer.alloc(10 * 2 ** 20, "x");

  it.each<[string, RequestListener, string]>([
    [
      "runs another version",
      json({ version: "php-1.47.0-wmf.15" }),
      `${WHO}answers at http://127.0.0.1:PORT/group1 that it runs 1.47.0-wmf.15`,
    ],
    [
      "answers 500",
      (_, response) => response.writeHead(500).end('{"version":"1.47.0-wmf.16"}'),
      `${ASKED}the response has status 500; 200 was expected`,
    ],
    [
      "redirects",
      (_, response) => response.writeHead(302, { location: "/elsewhere" }).end(),
      `${ASKED}the response has status 302 to \`/elsewhere\`, and a redirect could lead to another release; 200 was expected`,
    ],
    [
      "sends 10 MB",
      (_, response) => response.end(MEGABYTES),
      `${ASKED}the response is longer than 65536 bytes`,
    ],
    [
      "sends broken JSON",
      (_, response) => response.end('{"version":'),
      `${ASKED}the response is not JSON: \`{"version":\``,
    ],
    ["sends nothing", (_, response) => response.end(), `${ASKED}the response is not JSON: \`\``],
    ["sends other JSON", json([null]), `${ASKED}the response's JSON has no text at \`version\``],
    ["sends a number", json({ version: 1.47 }), `${ASKED}the response's JSON has no text at \`version\``],
    [
      "sends rubbish",
      json({ version: "a\u001b[2J b" }),
      `${ASKED}the response \`a\\u{1b}[2J b\` is not a version`,
    ],
    ["breaks off", (request) => request.socket.destroy(), `${ASKED}no answer: other side closed`],
  ])("%s", async (_, answer, sentence) => {
    expect(await saidOf(answer)).toEqual([sentence]);
  });

  it.each<[string, RequestListener]>([
    ["never answers", () => {}],
    ["never ends its answer", (_, response) => response.write("{")],
  ])("%s", async (_, answer) => {
    expect(await saidOf(answer, { timeoutMs: 200 })).toEqual([`${ASKED}no answer within 0.2 s`]);
  });

  it("lacks the header", async () => {
    expect(await saidOf(json({ version: "1.47.0-wmf.16" }), { at: { header: "x-mw-version" } })).toEqual([
      `${ASKED}the response has no header \`x-mw-version\``,
    ]);
  });

  it("has a certificate that nobody vouches for", async () => {
    const folder = folderOf({});
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"];
    execFileSync("openssl", [...args, "-keyout", "key.pem", "-out", "cert.pem"], {
      cwd: folder,
      stdio: "ignore",
    });
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(join(folder, name)));
    const port = await listen(
      createTlsServer({ key: key!, cert: cert! }, json({ version: "1.47.0-wmf.16" })),
    );
    const template = `https://127.0.0.1:${port}/{release}`;
    const said = await askReleases([RELEASE], { template, at: { key: "version" }, timeoutMs: 5000 }, silent);
    expect(said).toEqual([expect.stringMatching(/: no answer: self-signed certificate$/)]);
  });

  it("is not there, or has no URL", async () => {
    const port = await listen(createServer());
    servers.pop()!.close();
    const ask = (template: string) =>
      askReleases([RELEASE], { template, at: { key: "version" }, timeoutMs: 5000 }, silent);
    expect(await ask(`http://127.0.0.1:${port}/{release}`)).toEqual([
      expect.stringMatching(/: no answer: connect ECONNREFUSED/),
    ]);
    expect(await ask("http://a b{cluster}/")).toEqual([expect.stringMatching(/: no answer: Invalid URL$/)]);
  });
});

it("each is asked once at a URL of its own, at most eight at once, and told in the table's order", async () => {
  let now = 0;
  let most = 0;
  const paths: string[] = [];
  const port = await listen(
    createServer((request, response) => {
      most = Math.max(most, ++now);
      paths.push(request.url!);
      setTimeout(() => {
        now--;
        response.end('{"version":"v1"}');
      }, 20);
    }),
  );
  const releases = Array.from({ length: 40 }, (_, i) => ({
    release: `1.${i}`,
    version: i % 20 === 0 ? "v2" : "v1",
    deployment: "web",
    cluster: `web-${i}`,
  }));
  const progress: (number | undefined)[] = [];
  const template = `http://127.0.0.1:${port}/{release}/{release-slug}/{deployment}/{cluster}`;
  const said = await askReleases(releases, { template, at: { key: "version" }, timeoutMs: 5000 }, (_, done) =>
    progress.push(done),
  );
  expect(said).toEqual([expect.stringMatching(/^release `1\.0`/), expect.stringMatching(/^release `1\.20`/)]);
  expect(paths.sort()).toEqual(releases.map((_, i) => `/1.${i}/1-${i}/web/web-${i}`).sort());
  expect(most).toBe(8);
  expect(progress).toEqual(releases.map((_, i) => i + 1));
});
