/** npm run page: the page over HTTP, until it is told to end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { projectPath } from "../support/data.ts";

const server = spawn(process.execPath, [projectPath("scripts/page/serve.mjs")], {
  stdio: ["ignore", "pipe", "inherit"],
});
let url: string;

beforeAll(async () => {
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line.toString())![0];
});
afterAll(() => server.kill("SIGKILL"));

/** The path as it is: fetch would tidy it up. */
async function get(
  path: string,
  method = "GET",
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  const request = http.request({ port: Number(new URL(url).port), host: "127.0.0.1", path, method }).end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode!, headers: response.headers, body };
}

it("gives the built files, with their policy, and no others", async () => {
  const { status, headers, body } = await get("/");
  expect(status).toBe(200);
  expect(body).toBe(readFileSync(projectPath("build/page/index.html"), "utf8"));
  expect(headers["content-security-policy"]).toContain("connect-src 'none'");
  expect((await get("/page.js")).headers["content-type"]).toBe("text/javascript; charset=utf-8");
  for (const path of ["/../package.json", "/%2e%2e/package.json", "//", "/constructor", "http://["])
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  expect((await get("/", "POST")).status).toBe(404);
});

it("ends at Ctrl-C, with code 0", async () => {
  server.kill("SIGINT");
  const [code] = await once(server, "exit");
  expect(code).toBe(0);
});
