/** One probe, asked: over TLS by the wiki's name, and within bounds. */
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { selfSigned } from "../../test/support/certificates.ts";
import { Asker } from "./ask.ts";
import type { Probe } from "./probes.ts";

const PROBE: Probe = {
  ...{ host: "en.wiki.example", path: "/", wiki: "enwiki", group: null, deployment: "web" },
  ...{ release: "r", version: "1", cluster: "web-r", isOfShare: false },
};

let folder: string;
let server: https.Server;
let ca: Buffer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-ask-"));
  const made = selfSigned(folder, "test", ["*.wiki.example"]);
  ca = made.cert;
  server = https.createServer(made, (request, response) => {
    if (request.url === "/endless") response.end(Buffer.alloc(5 * 2 ** 20));
    else response.end(request.headers.host);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(more: object, probe: Partial<Probe> = {}) {
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const asker = new Asker({ url, timeoutMs: 10_000, headers: [], ...more }, 1);
  try {
    return await asker.ask({ ...PROBE, ...probe });
  } finally {
    asker.close();
  }
}

test("a certificate must have the wiki's name, or the one that is said, and be signed by whom we know", async () => {
  expect(await ask({ ca })).toMatchObject({ status: 200, body: "en.wiki.example" });
  expect(await ask({ ca, serverName: "a.wiki.example" }, { host: "other.example" })).toMatchObject({
    status: 200,
    body: "other.example",
  });
  const other = await ask({ ca }, { host: "other.example" });
  expect(other).toEqual({ kind: "unreachable", what: expect.stringContaining("other.example") });
  expect(await ask({})).toEqual({ kind: "unreachable", what: expect.stringContaining("self-signed") });
});

test("an answer without an end is cut off", async () => {
  const endless = await ask({ ca }, { path: "/endless" });
  expect(endless).toEqual({ kind: "unreadable", what: "the answer has more than 4 MiB" });
});

test("a proxy that breaks each connection when it is taken again is asked over a new one", async () => {
  const taken = new WeakSet<object>();
  const proxy = http.createServer(({ socket }, response) => {
    if (taken.has(socket)) socket.resetAndDestroy();
    else setTimeout(() => response.end("here"), 50);
    taken.add(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = new URL(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const asker = new Asker({ url, timeoutMs: 10_000, headers: [] }, 2);
  try {
    // So that two connections wait.
    await Promise.all([asker.ask(PROBE), asker.ask(PROBE)]);
    expect(await asker.ask(PROBE)).toMatchObject({ status: 200, body: "here" });
  } finally {
    asker.close();
    proxy.closeAllConnections();
    proxy.close();
  }
});
