/** Asking a proxy: whatever answers, or does not, there is a sentence in the end, soon, and little memory is taken. */
import http from "node:http";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { ANSWER_BYTES_AT_MOST, ask, askAll, type Heard } from "./ask.ts";

const servers: net.Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if (server instanceof http.Server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(server: net.Server): Promise<URL> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/stats`);
}

const serving = (answer: http.RequestListener) => listening(http.createServer(answer));
const raw = (answer: (socket: net.Socket) => void) =>
  listening(
    net.createServer((socket) => {
      socket.on("error", () => {});
      socket.resume(); // else its end would not be noticed
      answer(socket);
    }),
  );
const errorOf = (answer: Heard) => ("error" in answer ? answer.error : "none");

describe("a proxy that is asked", () => {
  it("gives its text", async () => {
    const url = await serving((request, response) => response.end(`${request.method} ${request.url}`));
    expect(await ask(url, 5000)).toEqual({ text: "GET /stats" });
  });

  it("and answers otherwise is told as what it is", async () => {
    const status = (code: number) =>
      serving((_, response) => response.writeHead(code, { location: "/elsewhere" }).end("no"));
    expect(errorOf(await ask(await status(503), 5000))).toBe("it answers with status 503");
    expect(errorOf(await ask(await status(302), 5000))).toBe(
      "it answers with status 302, a redirect, which is not followed",
    );
    const notHttp = await raw((socket) => socket.end("SSH-2.0-x\r\n"));
    expect(errorOf(await ask(notHttp, 5000))).toMatch(/^it does not answer: Parse Error/);
    const closes = await raw((socket) => socket.destroy());
    expect(errorOf(await ask(closes, 5000))).toBe("it does not answer: it closes the connection");
    const breaks = await raw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
      setTimeout(() => socket.destroy(), 50);
    });
    expect(errorOf(await ask(breaks, 5000))).toBe("its answer breaks off");
    const gone = await raw(() => {});
    await new Promise((resolve) => servers.pop()!.close(resolve));
    expect(errorOf(await ask(gone, 5000))).toBe("it does not answer: nothing listens there");
    expect(errorOf(await ask(new URL("http://no-such-host.invalid/"), 5000))).toMatch(
      /^it does not answer: (there is no such host|its name cannot be looked up)$/,
    );
  });

  it("and is silent, or sends a byte now and then, is given up when its time is over", async () => {
    const silent = await raw(() => {});
    const drips = await raw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
      const timer = setInterval(() => socket.write("x"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const started = Date.now();
    for (const url of [silent, drips]) expect(errorOf(await ask(url, 300))).toBe("no answer within 0.3 s");
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it("and never ends is given up when it has sent too much", async () => {
    let sent = 0;
    const url = await serving((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(2 ** 20))) sent++;
      };
      response.on("drain", more);
      more();
    });
    expect(errorOf(await ask(url, 30_000))).toBe("its answer has more than 32 MiB");
    await sleep(50);
    expect(sent * 2 ** 20).toBeLessThan(2 * ANSWER_BYTES_AT_MOST);
  });
});

it("many are asked some at once, and each answer is in its place", async () => {
  let [open, most] = [0, 0];
  const url = await serving(async (request, response) => {
    most = Math.max(most, ++open);
    await sleep(Math.random() * 10);
    open--;
    response.end(request.url);
  });
  const urls = Array.from({ length: 100 }, (_, i) => new URL(`/${i}`, url));
  const textOf = (answer: Heard) => ("text" in answer ? answer.text : answer.error);
  expect(await askAll(urls, 5000, textOf)).toEqual(urls.map((_, i) => `/${i}`));
  expect(most).toBeGreaterThan(4);
  expect(most).toBeLessThanOrEqual(16);
  expect(await askAll([], 5000, textOf)).toEqual([]);
});
