/** How long a request may take: what is silent too long ends, each deployment by its own time; and what never ends. */
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import net from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sendOver } from "./clients.ts";
import { FALLBACK, PLAN, type Started, start, tableOf } from "./farm.ts";

const SILENT_MS = 2_500;
const clusters = [...new Set(PLAN.clusters.flat()), FALLBACK];
const jobs = clusters.filter((name) => name.startsWith("jobs-"));
const api = clusters.filter((name) => name.startsWith("api-1"));

/** Answers after some silence; to a WebSocket's hand-shake, by what it gets beside what `Connection` takes out. */
const slow = http.createServer((request, response) => {
  request.resume();
  request.on("end", () => setTimeout(() => response.end("late"), SILENT_MS));
});
slow.on("upgrade", (request, socket) => {
  socket.on("error", () => {});
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  const isTaken = /x-mw-cluster/i.test(request.headers.connection!);
  socket.write(`${isTaken ? "none" : request.headers["x-mw-cluster"]}\n`);
  socket.pipe(socket);
});

let farm: Started;
beforeAll(async () => {
  await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
  const { port } = slow.address() as AddressInfo;
  const clusterTimeouts = [
    { name: "jobs", clusters: jobs, timeouts: { idle: "60s" } },
    { name: "api", clusters: api, timeouts: { idle: "60s", total: "1s" } },
  ];
  farm = await start({
    listeners: [{ name: "edge", trust: "edge", clusterTimeouts }],
    clusters: clusters.map((name) => ({ name, port })),
    timeouts: { idle: "1s" },
    websockets: true,
    healthPath: "/healthz",
  });
});
afterAll(async () => {
  await farm?.stop();
  slow.closeAllConnections();
  await new Promise((resolve) => slow.close(resolve));
});

const ask = async (path: string, body = "") =>
  (await farm.send({ host: "test.wiki.example", path, body, method: body ? "POST" : "GET" })).status;

test("a silent answer is cut off, but where its deployment may be silent longer", async () => {
  expect(await ask("/")).toBe(504);
  // The wiki is known from the body: the deployment's time holds once the filter has let the request go.
  expect(await ask("/rpc/RunSingleJob.php", '{"database":"testwiki"}')).toBe(200);
});

test("an answer that takes too long in all is cut off, where that is bounded", async () => {
  expect(await ask("/w/api.php")).toBe(504);
});

test("as many requests wait for one cluster as come: Envoy's own 1,024 are no bound", async () => {
  const sessions = Array.from({ length: 15 }, () => http2.connect(`http://127.0.0.1:${farm.envoy.port}`));
  const job = { host: "test.wiki.example", path: "/rpc/RunSingleJob.php", method: "POST" };
  const body = '{"database":"testwiki"}';
  for (const session of sessions) session.setMaxListeners(0);
  try {
    const all = sessions.flatMap((session) =>
      // As many streams as one connection may have.
      Array.from({ length: 100 }, async () => (await sendOver(session, { ...job, body })).status),
    );
    expect(new Set(await Promise.all(all))).toEqual(new Set([200]));
  } finally {
    for (const session of sessions) session.destroy();
  }
});

test.each(["TLS/1.2", "tls/1.3, TLS/1.2"])("an offer of TLS is passed over: %s", async (upgrade) => {
  const headers: [string, string][] = [
    ["connection", "Upgrade"],
    ["upgrade", upgrade],
  ];
  expect((await farm.send({ host: "a.wmnet", path: "/healthz", headers })).status).toBe(200);
  const body = '{"database":"testwiki"}';
  const job = { host: "test.wiki.example", path: "/rpc/RunSingleJob.php", method: "POST", body, headers };
  expect((await farm.send(job)).status).toBe(200);
});

test("a WebSocket opens, and what is sent comes back", async () => {
  const socket = net.connect(farm.envoy.port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  const heard = (what: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`heard ${JSON.stringify(text)}`)), 10_000);
      const look = () => {
        if (!text.includes(what)) return;
        clearTimeout(timer);
        resolve();
      };
      socket.on("data", look);
      look();
    });
  socket.write(
    "GET / HTTP/1.1\r\nHost: test.wiki.example\r\nConnection: Upgrade, X-MW-Cluster\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await heard("HTTP/1.1 101 ");
  await heard("web-1.47.0-wmf.2\n");
  socket.write("ping ping");
  await heard("ping ping");
  socket.destroy();
});

test("over HTTP/2 too (extended CONNECT), and a plain CONNECT leads nowhere", async () => {
  const session = http2.connect(`http://127.0.0.1:${farm.envoy.port}`);
  session.on("error", () => {});
  try {
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const connect = (more: http2.OutgoingHttpHeaders) => {
      const stream = session.request(
        { ":method": "CONNECT", ":authority": "test.wiki.example", ...more },
        { endStream: false },
      );
      stream.on("error", () => {});
      return stream;
    };
    const socket = connect({ ":protocol": "websocket", ":scheme": "http", ":path": "/" });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.write("ping ping");
    await vi.waitFor(() => expect(text).toBe("web-1.47.0-wmf.2\nping ping"), { timeout: 10_000 });
    socket.close();
    const status = await new Promise((resolve) => {
      const plain = connect({});
      plain.on("response", (headers) => resolve(headers[":status"]));
      plain.on("close", () => resolve("reset"));
    });
    expect(status).toBe(404);
  } finally {
    session.destroy();
  }
});

test("a load balancer's check is answered by Envoy itself, whatever its host, and its path is nobody else's", async () => {
  for (const host of ["10.0.0.7:8080", "test.wiki.example"]) {
    expect((await farm.send({ path: "/healthz", host })).status).toBe(200);
  }
  expect((await farm.send({ path: "/healthz/x", host: "test.wiki.example" })).status).toBe(504);
});

test("without the option a WebSocket is an ordinary request that is refused", async () => {
  const plain = await start({ table: tableOf() });
  try {
    const headers: [string, string][] = [
      ["connection", "Upgrade"],
      ["upgrade", "websocket"],
    ];
    expect((await plain.send({ host: "test.wiki.example", headers })).status).toBe(403);
  } finally {
    await plain.stop();
  }
});
