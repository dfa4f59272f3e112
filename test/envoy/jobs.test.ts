/** Jobs by body: the body waits, then arrives whole, at the cluster of the wiki that it names. */
import { createHash } from "node:crypto";
import http2 from "node:http2";
import net from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CONFLICT_TEXT } from "../../assembly/layout.ts";
import { type Headers, type HttpResponse, send } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { emitted, PLAN, type Started, type StartOptions, start, tableOf } from "./farm.ts";

const PATH = "/rpc/RunSingleJob.php";
const LIMIT = PLAN.jobs!.limit;
const FIRST = "jobs-1.47.0-wmf.1";
const SECOND = "jobs-1.47.0-wmf.2";

let farm: Started;
beforeAll(async () => {
  farm = await start({ concurrency: 2 });
});
afterAll(() => farm?.stop());

/** A body of so many bytes, its field first or last. */
function body(bytes: number, wiki: string, where: "first" | "last"): Buffer {
  const field = `"database":${JSON.stringify(wiki)}`;
  const rest = bytes - field.length - '{"params":{"database":"no","x":""},}'.length;
  const params = `"params":{"database":"no","x":"${"a\\u0041".repeat(rest).slice(0, rest - (rest % 7))}${"z".repeat(rest % 7)}"}`;
  return Buffer.from(`{${where === "first" ? `${field},${params}` : `${params},${field}`}}`);
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

interface Upload {
  /** Default: the listener edge. */
  port?: number;
  host?: string;
  method?: string;
  headers?: Headers;
  /** Chunked, one chunk each, as Envoy gets them; else with a length. */
  chunks: Buffer[];
  length?: boolean;
  /** Waited for after the first chunk. */
  after?: () => Promise<unknown>;
}

function upload({ port, host, method, headers = [], chunks, length, after }: Upload): Promise<HttpResponse> {
  async function* body() {
    for (const [i, chunk] of chunks.entries()) {
      yield chunk;
      if (i === 0) await after?.();
    }
  }
  return send({
    port: port ?? farm.envoy.port,
    path: PATH,
    method: method ?? "POST",
    host: host ?? "mw-jobrunner.discovery.wmnet",
    headers: [
      length ? ["content-length", String(Buffer.concat(chunks).length)] : ["transfer-encoding", "chunked"],
      ...headers,
    ],
    body: body(),
    timeoutMs: 20_000,
  });
}

async function arrived(options: Upload): Promise<Seen> {
  const response = await upload(options);
  expect(response, response.body).toMatchObject({ status: 200 });
  const seen = JSON.parse(response.body) as Seen;
  const whole = Buffer.concat(options.chunks);
  expect([seen.bytes, seen.sha256]).toEqual([whole.length, sha256(whole)]);
  return seen;
}

function cut(bytes: Buffer, ...sizes: number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

test.each([
  ["a small one", body(200, "testwiki", "last"), [1_000]],
  ["a small one, byte by byte", body(60, "testwiki", "last"), [1]],
  ["400 KiB with the field last", body(400 * 1024, "testwiki", "last"), [1 << 20]],
  ["400 KiB with the field last, in odd chunks", body(400 * 1024, "testwiki", "last"), [1, 7, 4093, 16_411]],
  ["10 MB with the field first", body(10_000_000, "testwiki", "first"), [65_537]],
])("%s arrives whole at its wiki's release", async (_, bytes, sizes) => {
  for (const length of [false, true]) {
    const seen = await arrived({ chunks: cut(bytes, ...sizes), length });
    expect(seen.cluster).toBe(SECOND);
    expect(emitted(seen)).toEqual([
      ["x-mw-cluster", SECOND],
      ["x-mw-wiki", "testwiki"],
      ["x-mw-release", "1.47.0-wmf.2"],
    ]);
  }
});

test("the body wins over the host, and a wiki that the table does not have is the default release's", async () => {
  const of = async (host: string, wiki: unknown) =>
    (await arrived({ host, chunks: [Buffer.from(JSON.stringify({ database: wiki }))] })).cluster;
  expect(await of("test.wiki.example", "enwiki")).toBe(FIRST);
  expect(await of("en.wiki.example", "testwiki")).toBe(SECOND);
  expect(await of("test.wiki.example", "nowiki")).toBe(FIRST);
  expect(await of("test.wiki.example", "newwiki")).toBe(FIRST);
  expect(await of("test.wiki.example", 7)).toBe(FIRST);
});

test("what is no JSON, has no body, or is no POST, goes to the default release untouched", async () => {
  for (const text of ["database=testwiki", "[]", '{"database":"testwiki', "{", " "]) {
    const seen = await arrived({ chunks: [Buffer.from(text)] });
    expect([seen.cluster, seen.host]).toEqual([FIRST, "mw-jobrunner.discovery.wmnet"]);
  }
  expect((await arrived({ chunks: [] })).cluster).toBe(FIRST);
  expect((await arrived({ chunks: [], length: true })).cluster).toBe(FIRST);
  expect((await arrived({ chunks: [], method: "GET", length: true, host: "en.wiki.example" })).cluster).toBe(
    FIRST,
  );
  expect(
    (await arrived({ chunks: [Buffer.from("{}")], method: "GET", host: "test.wiki.example" })).cluster,
  ).toBe(SECOND);
});

test("past the limit the default release gets it, whole, and a counter says so", async () => {
  const seen = await arrived({ chunks: cut(body(LIMIT + 100_000, "testwiki", "last"), 60_000) });
  expect([seen.cluster, seen.host]).toEqual([FIRST, "mw-jobrunner.discovery.wmnet"]);
  expect((await arrived({ chunks: [body(LIMIT, "testwiki", "last")] })).cluster).toBe(SECOND);
  expect((await arrived({ chunks: [body(LIMIT + 7, "testwiki", "last")], length: true })).cluster).toBe(
    FIRST,
  );
  await farm.envoy.waitForStat("wasmcustom.pointsman.job_limit", (value) => value === 2);
});

test("a body that takes too long to name its wiki goes to the default release, whole, and the rest after it", async () => {
  const table = tableOf({ jobs: { ...PLAN.jobs!, heldSeconds: 1 } });
  await withOther({ table }, async ({ envoy, upstreams }) => {
    const wentOn = () => expect.poll(() => upstreams.counts()[FIRST], { timeout: 20_000 }).toBe(++before);
    let before = 0;
    const bytes = body(100_000, "testwiki", "last");
    for (const chunks of [cut(bytes, 50_000), cut(bytes, 1, 9_973), cut(bytes, 99_980)]) {
      const seen = await arrived({ port: envoy.port, chunks, after: wentOn });
      expect([seen.cluster, seen.host]).toEqual([FIRST, "mw-jobrunner.discovery.wmnet"]);
    }
    await envoy.waitForStat("wasmcustom.pointsman.held_timeout", (value) => value === 3);
    // Others meanwhile are decided as ever.
    expect((await arrived({ port: envoy.port, chunks: [bytes] })).cluster).toBe(SECOND);
  });
});

test("a body that names two wikis at once is a 400, and nothing arrives", async () => {
  const before = farm.upstreams.counts();
  const response = await upload({ chunks: [Buffer.from('{"database":"testwiki","database":"enwiki"}')] });
  expect([response.status, response.body]).toEqual([400, CONFLICT_TEXT]);
  expect(farm.upstreams.counts()).toEqual(before);
});

test.each([
  ["at once", ""],
  ["after kilobytes", "y".repeat(300_000)],
  ["after megabytes", "y".repeat(3_000_000)],
])(
  "a second wiki in a later piece, %s, is a 400, and what has begun never arrives whole",
  async (_, rest) => {
    const [begun, whole] = [farm.upstreams.counts()[SECOND]!, farm.upstreams.whole()];
    const response = await upload({
      chunks: ['{"database":"testwiki","x":"', `${rest}","\\u0064atabase":`, '"enwiki"', "}"].map((one) =>
        Buffer.from(one),
      ),
      after: () => expect.poll(() => farm.upstreams.counts()[SECOND], { timeout: 10_000 }).toBe(begun + 1),
    });
    expect([response.status, response.body]).toEqual([400, CONFLICT_TEXT]);
    expect(farm.upstreams.whole()).toEqual(whole);
  },
);

test("conflicts are counted", async () => {
  await farm.envoy.waitForStat("wasmcustom.pointsman.job_conflicts", (value) => value === 4);
});

test("a client that waits for 100 Continue gets it, though the headers wait", async () => {
  const bytes = body(50_000, "testwiki", "last");
  const response = await new Promise<string>((resolve, reject) => {
    const socket = net.connect(farm.envoy.port, "127.0.0.1");
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within 10 s")));
    socket.on("error", reject);
    let text = "";
    socket.on("data", (chunk) => {
      if (text === "") socket.write(bytes);
      text += chunk.toString();
    });
    socket.on("close", () => resolve(text));
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: mw-jobrunner.discovery.wmnet\r\nContent-Length: ${bytes.length}\r\n` +
        "Expect: 100-continue\r\nConnection: close\r\n\r\n",
    );
  });
  expect(response).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  expect(response).toContain(sha256(bytes));
  expect(response).toContain(`"cluster":"${SECOND}"`);
});

test("many at once, on two workers, do not see each other's bodies", async () => {
  const wikis = ["testwiki", "enwiki"];
  const uploads = Array.from({ length: 60 }, async (_, i) => {
    const bytes = body(100_000 + i, wikis[i % 2]!, i % 3 === 0 ? "first" : "last");
    const seen = await arrived({ chunks: cut(bytes, 9_973 + i) });
    return seen.cluster === [SECOND, FIRST][i % 2];
  });
  expect(await Promise.all(uploads)).not.toContain(false);
});

test("the same wiki twice is no conflict", async () => {
  const chunks = [Buffer.from('{"database":"testwiki","x":1,"database":"test\\u0077iki"}')];
  expect((await arrived({ chunks })).cluster).toBe(SECOND);
});

test("Host becomes the wiki's own as the farm says", async () => {
  const hosts = async () => {
    const of = async (host: string, wiki: string) =>
      (await arrived({ host, chunks: [Buffer.from(`{"database":"${wiki}"}`)] })).host;
    return [
      await of("mw-jobrunner.discovery.wmnet", "testwiki"),
      await of("mw-jobrunner.discovery.wmnet", "be_x_oldwiki"),
      await of("de.wiki.example", "testwiki"),
      await of("mw-jobrunner.discovery.wmnet", "nowiki"),
    ];
  };
  const known = ["test.wiki.example", "be-tarask.wiki.example"];
  const jobrunner = "mw-jobrunner.discovery.wmnet";
  expect(await hosts()).toEqual([...known, "de.wiki.example", jobrunner]);
  const mode = (host: "never" | "always", generation: number) =>
    farm.envoy.updateFilter(tableOf({ jobs: { ...PLAN.jobs!, host } }, generation));
  expect(await mode("never", 2)).toEqual({ accepted: true });
  expect(await hosts()).toEqual([jobrunner, jobrunner, "de.wiki.example", jobrunner]);
  expect(await mode("always", 3)).toEqual({ accepted: true });
  expect(await hosts()).toEqual([...known, "test.wiki.example", jobrunner]);
  expect(await farm.envoy.updateFilter(tableOf({}, 4))).toEqual({ accepted: true });
});

/** Another Envoy, for one test. */
async function withOther(options: StartOptions, run: (other: Started) => Promise<void>): Promise<void> {
  const other = await start(options);
  try {
    await run(other);
  } finally {
    await other.stop();
  }
}

test("over HTTP/2, with and without trailers", async () => {
  // From our own services: at the edge a stream's window is smaller, and with it what is held of a body.
  await withOther({ listeners: [{ name: "mesh" }] }, async ({ envoy }) => {
    await jobsOverHttp2(envoy.port);
    const requests = "wasmcustom.pointsman.requests.deployment.jobs.release";
    await envoy.waitForStat(`${requests}.1.47.0-wmf.1`, (value) => value === 4);
    await envoy.waitForStat(`${requests}.1.47.0-wmf.2`, (value) => value === 6);
  });
});

async function jobsOverHttp2(port: number): Promise<void> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const post = (chunks: Buffer[], trailers: boolean): Promise<Seen> =>
      new Promise((resolve, reject) => {
        const stream = session.request(
          { ":method": "POST", ":path": PATH, ":authority": "mw-jobrunner.discovery.wmnet" },
          { waitForTrailers: trailers } as http2.ClientSessionRequestOptions,
        );
        if (trailers) stream.on("wantTrailers", () => stream.sendTrailers({ "x-last": "yes" }));
        let text = "";
        stream.setEncoding("utf8");
        stream.on("data", (part: string) => {
          text += part;
        });
        stream.on("error", reject);
        stream.on("end", () => resolve(JSON.parse(text) as Seen));
        for (const chunk of chunks) stream.write(chunk);
        stream.end();
      });
    for (const trailers of [false, true]) {
      for (const [bytes, cluster] of [
        [body(100, "testwiki", "last"), SECOND],
        [body(400 * 1024, "testwiki", "last"), SECOND],
        [body(3_000_000, "testwiki", "first"), SECOND],
        [Buffer.from('{"database":'), FIRST],
        [Buffer.from("no JSON"), FIRST],
      ] as const) {
        const seen = await post(cut(bytes, 10_007), trailers);
        expect([seen.cluster, seen.bytes, seen.sha256]).toEqual([cluster, bytes.length, sha256(bytes)]);
      }
    }
  } finally {
    session.close();
  }
}

test("without allow_on_headers_stop_iteration the body never comes, and the default release gets it in the end", async () => {
  const table = tableOf({ jobs: { ...PLAN.jobs!, heldSeconds: 1 } });
  await withOther({ table, filter: { allowOnHeadersStopIteration: false } }, async ({ envoy }) => {
    const chunks = [Buffer.from('{"database":"testwiki"}')];
    expect((await arrived({ port: envoy.port, chunks })).cluster).toBe(FIRST);
    await envoy.waitForStat("wasmcustom.pointsman.held_timeout", (value) => value === 1);
  });
});

test("a buffer that is smaller than what may be held would make 413 of it, and is not rendered", async () => {
  const small = { bufferLimit: 128 * 1024 };
  await expect(start(small)).rejects.toThrow("a buffer of 131072 bytes is too small");
  await withOther({ ...small, jobLimit: 0 }, async ({ envoy }) => {
    const status = async (bytes: Buffer) => (await upload({ port: envoy.port, chunks: [bytes] })).status;
    expect(await status(body(100_000, "testwiki", "last"))).toBe(200);
    expect(await status(body(400_000, "testwiki", "last"))).toBe(413);
  });
});

test("a table that holds more has a larger buffer", async () => {
  const limit = 3 * 1024 * 1024;
  const jobs = { ...PLAN.jobs!, limit };
  await withOther({ table: tableOf({ jobs }), jobLimit: limit }, async ({ envoy }) => {
    const bytes = body(limit, "testwiki", "last");
    expect((await arrived({ port: envoy.port, chunks: cut(bytes, 100_003) })).cluster).toBe(SECOND);
  });
});
