/** `explain` reads a path as the rendered Envoy hands it to the filter: the same path, and the same answer. */
import { readFileSync } from "node:fs";
import http from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sendRaw } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { pathInEnvoy } from "../../scripts/explain/envoy-path.ts";
import { Explainer } from "../../scripts/explain/explainer.ts";
import { sendHttp2 } from "./clients.ts";
import { FALLBACK, type Started, start, tableOf, WASM } from "./farm.ts";

const GENERATED = 1_500;
const agent = new http.Agent({ keepAlive: true });
let farm: Started;
let explainer: Explainer;
beforeAll(async () => {
  farm = await start();
  explainer = await Explainer.create(tableOf(), readFileSync(WASM), { listener: "edge" });
});
afterAll(async () => {
  agent.destroy();
  await farm?.stop();
});

/** Of a path as it is written: what upstream saw; else the status. */
async function ask(host: string, path: string): Promise<Seen | number> {
  // What node:http does not send.
  const response = /[^\x21-\xff]/.test(path)
    ? await sendRaw(farm.envoy.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    : await farm.send({ host, path, agent });
  return response.status === 200 ? (JSON.parse(response.body) as Seen) : response.status;
}

async function expectSame(host: string, path: string): Promise<void> {
  const real = await ask(host, path);
  const ours = pathInEnvoy(path);
  const question = { authority: host, path, method: "GET", headers: {}, body: null, client: "127.0.0.1" };
  const { cluster, status } = explainer.explain(question);
  const told = status ?? { path: ours, cluster: cluster ?? FALLBACK };
  const seen = typeof real === "number" ? real : { path: real.path, cluster: real.cluster };
  expect({ host, sent: path, ...wrap(told) }).toEqual({ host, sent: path, ...wrap(seen) });
}

const wrap = (outcome: number | object) => ({ outcome });

test("every byte, as it is and encoded", async () => {
  const hex = (byte: number) => byte.toString(16).padStart(2, "0");
  const asked: Promise<void>[] = [];
  for (let byte = 0; byte < 256; byte++) {
    asked.push(expectSame("en.wiki.example", `/a%${hex(byte)}b`));
    // A line end ends the request line, and bytes beyond ASCII are HTTP/2's: below.
    if (byte !== 0x0a && byte < 0x80)
      asked.push(expectSame("en.wiki.example", `/a${String.fromCharCode(byte)}b`));
  }
  await Promise.all(asked);
});

const part = fc.constantFrom(
  ...[
    "/",
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "%",
    "%4",
    "1",
    "%31",
    "%41",
    "%25",
    "%zz",
  ],
  ...[
    "a",
    "~",
    "%7e",
    "+",
    "{",
    "%7B",
    "%e9",
    "^",
    "?",
    "%3f",
    "%00",
    "#",
    "w",
    "api.php",
    "%61pi.php",
    "/w/api.php",
  ],
  ...["testwiki", "enwiki", "/testwiki/", "/enwiki/", "test%77iki", "/rpc/RunSingleJob.php"],
);

test("paths of such parts, on a host with its wiki and one whose path carries it", async () => {
  const asked = fc.tuple(
    fc.constantFrom("en.wiki.example", "files.wiki.example", "gateway.example"),
    fc.array(part, { maxLength: 9 }).map((parts) => `/${parts.join("")}`),
  );
  await fc.assert(
    fc.asyncProperty(asked, ([host, path]) => expectSame(host, path)),
    { numRuns: GENERATED },
  );
});

test("bytes beyond ASCII, over HTTP/2", async () => {
  for (const path of ["/\xe9", "/w/\xc3\xa9/../api.php", "/a?b=\xe9"]) {
    const { status, body } = await sendHttp2(farm.envoy.port, { host: "en.wiki.example", path });
    expect(status === 200 ? JSON.parse(body).path : null).toBe(pathInEnvoy(path));
  }
});
