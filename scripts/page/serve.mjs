// npm run page: the page on 127.0.0.1, on a free port, until Ctrl-C.
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import http from "node:http";
import { parseArgs } from "node:util";
import { POLICY } from "./build.mjs";

const USAGE = `npm run page -- [--fleet <file or URL>]

--fleet: what its train board shows of proxies, again every few seconds: /status of serve, the rollout.json of a store,
or a file of what pointsman status --json prints. The page asks this program alone, and this program asks that address.

Examples:
  $ npm run page
  $ npm run page -- --fleet http://127.0.0.1:18001/status
  $ npm run page -- --fleet /srv/pointsman/rollout.json`;
/** As fleet-file.ts has it. */
const FLEET_FILE_BYTES = 64 * 2 ** 20;
const FLEET_MS = 5000;

const { fleet } = options();
const TYPES = {
  "index.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "farm.js": "text/javascript; charset=utf-8",
  "tables.js": "text/javascript; charset=utf-8",
};
const folder = new URL("../../build/page/", import.meta.url);
const files = new Map(Object.keys(TYPES).map((name) => [name, readFileSync(new URL(name, folder))]));
const policy = fleet === undefined ? POLICY : POLICY.replace("connect-src 'none'", "connect-src 'self'");
if (fleet !== undefined) {
  const html = files.get("index.html").toString().replace(POLICY, policy);
  files.set(
    "index.html",
    Buffer.from(html.replace("<title>", '<meta name="fleet" content="fleet.json"><title>')),
  );
}

const server = http.createServer(async (request, response) => {
  const name = (request.url ?? "/").split("?", 1)[0].slice(1) || "index.html";
  const isRead = ["GET", "HEAD"].includes(request.method ?? "");
  const say = (status, type, body) =>
    response
      .writeHead(status, {
        "content-type": type,
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
      })
      .end(request.method === "HEAD" ? undefined : body);
  if (isRead && files.has(name)) say(200, TYPES[name], files.get(name));
  // A name of a stranger's that leads here makes his page one of ours.
  else if (isRead && name === "fleet.json" && fleet !== undefined && isOwn(request.headers.host))
    await read(fleet).then(
      (bytes) => say(200, "application/json", bytes),
      (error) => say(502, "text/plain", `${fleet}: ${error.cause?.message ?? error.message}`),
    );
  else say(404, "text/plain", "There is no such file.\n");
});
server.listen(0, "127.0.0.1", () => {
  const asks = fleet === undefined ? "" : ` It asks ${fleet} who runs what.`;
  console.log(
    `The page is at http://127.0.0.1:${server.address().port}/ until Ctrl-C. Nothing that is asked leaves it.${asks}`,
  );
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}

function options() {
  try {
    const { values } = parseArgs({ options: { fleet: { type: "string" }, help: { type: "boolean" } } });
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(values.fleet ?? "")?.[1];
    if (scheme !== undefined && !/^https?$/i.test(scheme))
      throw new Error(`--fleet: ${scheme} is not asked: write an http or https URL, or a file`);
    if (!values.help) return values;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}

function isOwn(host) {
  return ["127.0.0.1", "localhost"].some((name) => host === `${name}:${server.address().port}`);
}

/** @returns {Promise<Buffer>} of a file, or of what is there over HTTP */
async function read(place) {
  if (!/^https?:\/\//.test(place)) {
    const file = await open(place);
    try {
      return await whole(file.createReadStream({ autoClose: false }));
    } finally {
      await file.close();
    }
  }
  const answer = await fetch(place, { redirect: "error", signal: AbortSignal.timeout(FLEET_MS) });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  return whole(answer.body);
}

async function whole(stream) {
  const chunks = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > FLEET_FILE_BYTES) throw new Error(`it has more than ${FLEET_FILE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
