// npm run page: the page on 127.0.0.1, on a free port, until Ctrl-C.
import { readFileSync } from "node:fs";
import http from "node:http";
import { POLICY } from "./build.mjs";

const TYPES = {
  "index.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "farm.js": "text/javascript; charset=utf-8",
  "tables.js": "text/javascript; charset=utf-8",
};
const folder = new URL("../../build/page/", import.meta.url);
const files = new Map(Object.keys(TYPES).map((name) => [name, readFileSync(new URL(name, folder))]));

const server = http.createServer((request, response) => {
  const name = (request.url ?? "/").split("?", 1)[0].slice(1) || "index.html";
  const file = files.get(name);
  if (file === undefined || !["GET", "HEAD"].includes(request.method ?? "")) {
    response.writeHead(404, { "content-type": "text/plain" }).end("There is no such file.\n");
    return;
  }
  response.writeHead(200, {
    "content-type": TYPES[name],
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(request.method === "HEAD" ? undefined : file);
});
server.listen(0, "127.0.0.1", () => {
  console.log(
    `The page is at http://127.0.0.1:${server.address().port}/ until Ctrl-C. Nothing that is asked leaves it.`,
  );
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
