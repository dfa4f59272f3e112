/** Jobs by body in the simulator. */
import { describe, expect, it } from "vitest";
import { ats102, type Pair, type RootContext, Vm } from "../host-sim/index.ts";
import { encode } from "../scripts/encode/encode.ts";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { filter } from "../scripts/filter.ts";
import { projectPath } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";

const farm = new Farm(projectPath("test/suite/farms/replies.yaml"));
const table = encode(compile(farm, TODAY).plan, { generation: 7, names: null });
const LIMIT = 1024;

const digestOf = (bytes: Uint8Array) =>
  Number.parseInt(Buffer.from(bytes.subarray(20, 26)).toString("hex"), 16);

async function start(allowOnHeadersStopIteration = true): Promise<{ vm: Vm; root: RootContext }> {
  const vm = await Vm.load(filter);
  return { vm, root: vm.createRoot({ rootId: "edge", configuration: table, allowOnHeadersStopIteration }) };
}

const HEADERS: Pair[] = [
  [":authority", "old.example"],
  [":path", "/job"],
  [":method", "POST"],
  [":scheme", "http"],
];

interface Sent {
  cluster: string | undefined;
  host: string | undefined;
  body: string;
  status: number | undefined;
  /** After which piece the headers went. */
  releasedAfter: number | null;
}

/** Sends the body in these pieces; the last one ends it. */
function send(root: RootContext, pieces: string[], headers = HEADERS): Sent {
  const stream = root.newStream();
  stream.open(headers, false);
  let releasedAfter: number | null = null;
  for (const [i, piece] of pieces.entries()) {
    stream.request.pushBody(Buffer.from(piece, "latin1"), i === pieces.length - 1);
    if (releasedAfter === null && stream.request.sent.headers !== null) releasedAfter = i;
  }
  const { upstream, localReply } = stream.result();
  stream.close();
  const of = (name: string) => upstream?.headers.find((pair) => pair[0] === name)?.[1];
  return {
    cluster: of("x-mw-cluster"),
    host: of(":authority"),
    body: Buffer.from(upstream?.body ?? []).toString("latin1"),
    status: localReply?.status,
    releasedAfter,
  };
}

const cuts = (text: string): string[][] =>
  Array.from({ length: text.length + 1 }, (_, i) => [text.slice(0, i), text.slice(i)]);

describe("a job's body", () => {
  const JOB =
    '{"type":"x","params":{"database":"dewiki"},"data\\u0062ase":"testwik\\u0069","t":[1,{"database":"x"}]}';

  it("decides in whatever pieces it comes, and arrives whole", async () => {
    const { root, vm } = await start();
    for (const pieces of [...cuts(JOB), [...JOB]]) {
      const { cluster, host, body, status } = send(root, pieces);
      expect({ cluster, host, body, status }).toEqual({
        cluster: "jobs-first",
        host: "test.wiki.example",
        body: JOB,
        status: undefined,
      });
    }
    expect(vm.trap).toBe(null);
  });

  it("is held no longer than until it has named the wiki", async () => {
    const { root } = await start();
    const early = ['{"database":"testwiki"', ',"rest":"', "x".repeat(5000), '"}'];
    expect(send(root, early)).toMatchObject({
      cluster: "jobs-first",
      releasedAfter: 0,
      body: early.join(""),
    });
    expect(send(root, ['{"a":1', ',"database":', '"testwiki"', "}"])).toMatchObject({ releasedAfter: 2 });
    expect(send(root, ["not json", "at all"])).toMatchObject({ cluster: "jobs-last", releasedAfter: 0 });
  });

  it.each([
    ["text and other text", '{"database":"testwiki","a":1,"database":"dewiki"}'],
    ["text and nothing", '{"database":"testwiki","a":1,"database":null}'],
    ["nothing and text", '{"database":null,"a":1,"database":"testwiki"}'],
    ["two kinds that decide nothing", '{"database":1,"a":1,"database":[]}'],
  ])("that names two wikis is refused before that piece goes on: %s", async (_, body) => {
    const { root } = await start();
    const last = body.lastIndexOf('"database"');
    for (const pieces of cuts(body).filter(([first]) => first!.length <= last + 11)) {
      const { status, body: sent } = send(root, pieces);
      expect(status).toBe(400);
      expect(body.startsWith(sent) && sent.length <= pieces[0]!.length).toBe(true);
    }
  });

  it("may name one wiki twice", async () => {
    const { root } = await start();
    const body = '{"database":"testwiki","database":"test\\u0077iki"}';
    for (const pieces of cuts(body))
      expect(send(root, pieces)).toMatchObject({ cluster: "jobs-first", body });
  });

  it("decides within the limit, to the byte, whatever the pieces", async () => {
    const { root, vm } = await start();
    const bodyOf = (length: number) => `${'{"database":"testwiki"'.padStart(length)}${"}".padStart(900)}`;
    for (const size of [1, 7, 100, 5000]) {
      const inPieces = (body: string) => body.match(new RegExp(`[^]{1,${size}}`, "g"))!;
      expect(send(root, inPieces(bodyOf(LIMIT)))).toMatchObject({
        cluster: "jobs-first",
        body: bodyOf(LIMIT),
      });
      expect(send(root, inPieces(bodyOf(LIMIT + 1)))).toMatchObject({
        cluster: "jobs-last",
        body: bodyOf(LIMIT + 1),
      });
    }
    vm.clock.advance(1000);
    expect(vm.shared.metrics.value("pointsman.job_limit")).toBe(4n);
  });

  it("that is never there leaves the default, also where a host shows no body to a paused filter", async () => {
    const { root } = await start();
    const stream = root.newStream();
    stream.open(HEADERS, true);
    expect(stream.result().upstream?.headers).toContainEqual(["x-mw-cluster", "jobs-last"]);
    stream.close();
    const held = (await start(false)).root.newStream();
    held.open(HEADERS, false);
    held.request.pushBody(Buffer.from('{"database":"testwiki"}'), true);
    expect(held.result().action).toBe("pause");
    held.close();
  });

  it("leaves the memory as it was, however a stream ends", async () => {
    const { root, vm } = await start();
    const some = () => {
      for (const pieces of cuts(JOB)) send(root, pieces);
      const cut = root.newStream();
      cut.open(HEADERS, false);
      cut.request.pushBody(Buffer.from('{"data'), false);
      cut.close();
    };
    some();
    const before = vm.memoryBytes;
    for (let i = 0; i < 20; i++) some();
    expect(vm.memoryBytes).toBe(before);
  });
});

describe("many jobs at once", () => {
  it("are kept apart, each by its own plugin's table", async () => {
    const { root, vm } = await start();
    const other = encode(compile(new Farm(projectPath("test/suite/farms/replies.yaml")), TODAY).plan, {
      generation: 8,
      names: null,
    });
    const mesh = vm.createRoot({ rootId: "edge", configuration: other, allowOnHeadersStopIteration: true });
    const wikis = ["dewiki", "testwiki", "latewiki", "frwiki"];
    const streams = Array.from({ length: 200 }, (_, i) => {
      const stream = (i % 2 === 0 ? root : mesh).newStream();
      stream.open(HEADERS, false);
      return { stream, wiki: wikis[i % wikis.length]!, i };
    });
    for (const { stream } of streams) stream.request.pushBody(Buffer.from('{"database":"'), false);
    for (const { stream, wiki } of [...streams].reverse())
      stream.request.pushBody(Buffer.from(`${wiki}"}`), true);
    const releases: Record<string, string> = {
      dewiki: "last",
      testwiki: "first",
      latewiki: "middle",
      frwiki: "last",
    };
    for (const { stream, wiki } of streams) {
      expect(stream.result().upstream?.headers).toContainEqual(["x-mw-cluster", `jobs-${releases[wiki]}`]);
      stream.close();
    }
    // A table that comes while a body is held decides it.
    const late = root.newStream();
    late.open(HEADERS, false);
    expect(root.configure(other)).toBe(true);
    late.request.pushBody(Buffer.from('{"database":"testwiki"}'), true);
    expect(late.result().upstream?.headers).toContainEqual(["x-mw-cluster", "jobs-first"]);
    late.close();
    expect(vm.trap).toBe(null);
  });
});

describe("in Apache Traffic Server", () => {
  it("bodies are taken piece by piece and sent on whole; a job's Host decides", async () => {
    const vm = await Vm.load(filter, { profile: ats102 });
    const root = vm.createRoot({ configuration: Buffer.from(table).toString("base64") });
    for (const path of ["/job", "/upload"]) {
      const headers = HEADERS.map(([name, value]): Pair => {
        if (name === ":path") return [name, path];
        return name === ":authority" ? [name, "test.wiki.example"] : [name, value];
      });
      const body = Buffer.alloc(300_000, '{"database":"dewiki"}');
      const { upstream, localReply, reset } = root.request({ headers, body });
      expect({ localReply, reset }).toEqual({ localReply: null, reset: null });
      expect(Buffer.compare(Buffer.from(upstream!.body), body)).toBe(0);
      expect(upstream!.headers).toContainEqual([
        "x-mw-cluster",
        path === "/job" ? "jobs-first" : "web-first",
      ]);
    }
    vm.clock.advance(5000);
    root.retire();
    expect({ died: vm.hostDied, trap: vm.trap }).toEqual({ died: null, trap: null });
  });
});

describe("metrics", () => {
  const names = (vm: Vm) =>
    Object.fromEntries(
      vm.shared.metrics.all().map(({ name, value }) => [name.replace("pointsman.", ""), Number(value)]),
    );

  it("are summed without a host call, and flushed on the tick", async () => {
    const { root, vm } = await start();
    const ask = (authority: string, more: Pair[] = [], path = "/") =>
      root.request({ headers: [[":authority", authority], [":path", path], [":method", "GET"], ...more] });
    const { hostCalls } = ask("test.wiki.example");
    ask("test.wiki.example");
    ask("de.wiki.example");
    ask("nobody.elsewhere");
    ask("nosuch.wiki.example");
    ask("auth.example", [], "//enwiki/");
    ask("10.0.0.1");
    ask("test.wiki.example", [["x-debug", "to=own"]]);
    ask("test.wiki.example", [["x-debug", "to=elsewhere"]]);
    send(root, ['{"database":"testwiki"}']);
    send(root, ['{"database":"testwiki",', '"database":"dewiki"}']);
    expect(hostCalls).toBe(2);
    expect(names(vm)).toEqual({});
    vm.clock.advance(1000);
    const counted = {
      "requests.deployment.web.release.first": 2,
      "requests.deployment.web.release.last": 1,
      "requests.deployment.own.release.first": 1,
      "requests.deployment.jobs.release.first": 2,
      unknown_hosts: 1,
      missing_wikis: 1,
      passed: 1,
      debug: 1,
      replies: 4,
      two_wikis_paths: 1,
      job_conflicts: 1,
      "generation.listener.edge": 7,
      "digest.listener.edge": digestOf(table),
      "instances.listener.edge": 1,
      "table_bytes.listener.edge": table.length,
      "refused.listener.edge": 0,
    };
    expect(names(vm)).toEqual(counted);
    expect(Number.isSafeInteger(digestOf(table))).toBe(true);
    vm.clock.advance(10_000);
    expect(names(vm)).toEqual(counted);
  });

  it("do not miss what was counted when the root goes", async () => {
    const { root, vm } = await start();
    root.request({
      headers: [
        [":authority", "test.wiki.example"],
        [":path", "/"],
        [":method", "GET"],
      ],
    });
    root.retire();
    expect(names(vm)).toEqual({ "requests.deployment.web.release.first": 1 });
  });
});
