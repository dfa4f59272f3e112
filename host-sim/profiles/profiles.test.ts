/** Each fact about a host that the profiles hold, seen from inside a guest. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  buildGuest,
  buildTimeout,
  doing,
  guest,
  guestWithExtras,
  said,
  simple,
  startGuest,
} from "../../test/support/guests.ts";
import { ats102, envoy140, type Pair, type Profile, strict, Vm } from "../index.ts";

beforeAll(async () => {
  await guest();
  await guestWithExtras();
}, buildTimeout);

/** What commands in on_request_headers came to, and the headers after them. */
async function run(profile: Profile, commands: string, ...more: Pair[]): Promise<[string[], Pair[]]> {
  const { vm, root } = await startGuest("", { profile });
  const result = root.request(doing(commands, ...more));
  const answers = said(vm).map((line) => line.slice(line.indexOf(" -> ") + 4));
  return [
    answers,
    result.headers.filter(
      ([name]) => name !== "x-do" && !name.startsWith(":") && name.toLowerCase() !== "host",
    ),
  ];
}

describe("Envoy 1.40", () => {
  test("an absent header is NotFound, and a change to the request's headers clears the route cache", async () => {
    const { vm, root } = await startGuest("");
    const result = root.request(
      doing("get 0 x-none; replace 0 x-a 1; add 0 x-a 2; remove 0 x-a; get 0 :path"),
    );
    expect(said(vm)[0]).toBe("get 0 x-none -> 1");
    expect(result.routeCacheClears).toBe(3);
  });

  test("replace sets one value whatever there was, at the end of the list", async () => {
    const [, headers] = await run(envoy140, "replace 0 x-a 9", ["x-a", "1"], ["x-b", "2"], ["x-a", "3"]);
    expect(headers).toEqual([
      ["x-b", "2"],
      ["x-a", "9"],
    ]);
  });

  test("the first value is read; an unknown header stands twice, a known one is joined", async () => {
    const two: Pair[] = [
      ["x-a", "1"],
      ["x-a", "2"],
      ["cookie", "a=1"],
      ["Cookie", "b=2"],
      ["via", "x"],
    ];
    const [answers, headers] = await run(
      envoy140,
      "get 0 x-a; get 0 cookie; add 0 via y; add 0 x-a 3",
      ...two,
    );
    expect(answers.slice(0, 2)).toEqual(["0 1", "0 a=1"]);
    expect(headers).toEqual([
      ["x-a", "1"],
      ["x-a", "2"],
      ["cookie", "a=1"],
      ["cookie", "b=2"],
      ["via", "x,y"],
      ["x-a", "3"],
    ]);
  });

  test("host is :authority by its old name, and pseudo-headers stand first", async () => {
    const { vm, root } = await startGuest("");
    const result = root.request({
      headers: [
        ["x-do", "get 0 host; add 0 :protocol websocket"],
        ["Host", "a.example"],
      ],
    });
    expect(said(vm)[0]).toBe("get 0 host -> 0 a.example");
    expect(result.headers.map(([name]) => name)).toEqual([":authority", ":protocol", "x-do"]);
  });

  test("a map that is not there is BadArgument to read and to change, and an empty list of pairs", async () => {
    const [answers] = await run(envoy140, "get 2 a; add 2 a b; pairs 2; size 2; pairs 6");
    expect(answers).toEqual(["2", "2", "0 ", "2", "0 "]);
  });

  test("pausing on the headers stops all: no body callback comes, and the client waits", async () => {
    const { vm, root } = await startGuest("request_headers: return 1\nrequest_body: say body");
    const result = root.request({ headers: simple, body: "b" });
    expect(result).toMatchObject({ action: "pause", upstream: null, localReply: null });
    expect(said(vm)).toEqual([]);
  });

  test("a body held past 1 MiB is a 413; one held without limit is not, but shows the newest chunk alone", async () => {
    const megabyte = new Uint8Array(1024 * 1024);
    const buffering = await startGuest("request_body: return 1");
    expect(buffering.root.request({ headers: simple, body: megabyte }).localReply).toBe(null);
    const over = buffering.root.request({ headers: simple, body: [megabyte, "x"] });
    expect(over.localReply).toMatchObject({ status: 413, details: "request_payload_too_large" });
    const watermark = await startGuest("request_body: return 2");
    expect(watermark.root.request({ headers: simple, body: [megabyte, "x"] })).toMatchObject({
      action: "pause",
      localReply: null,
    });
    expect(said(watermark.vm)).toEqual(["request_body 1048576", "request_body 1", "request_body 0 end"]);
    const response = await startGuest("response_body: return 1");
    const tooLong = { headers: [[":status", "200"]] as const, body: [megabyte, "x"] };
    expect(response.root.request({ headers: simple, response: tooLong }).reset).toBe(
      "response_payload_too_large",
    );
    const withHeaders = await startGuest("response_headers: return 1\nresponse_body: return 1", {
      allowOnHeadersStopIteration: true,
    });
    expect(withHeaders.root.request({ headers: simple, response: tooLong }).localReply?.status).toBe(500);
  });

  test("a body's end comes apart, in an empty piece", async () => {
    const { vm, root } = await startGuest("request_body: bytes 0 0 9");
    const result = root.request({ headers: simple, body: "abc" });
    expect(said(vm)).toEqual([
      "request_body 3",
      "bytes 0 0 9 -> 0 abc",
      "request_body 0 end",
      "bytes 0 0 9 -> 0 ",
    ]);
    expect(result.upstream?.ended).toBe(true);
  });

  test("a body that is not there is an empty one that cannot be written", async () => {
    const [answers] = await run(
      envoy140,
      "bufstatus 0; bytes 1 0 9; setbytes 0 0 0 x; bufstatus 8; bufstatus 4",
    );
    expect(answers).toEqual(["0 0", "0 ", "2", "0 0", "1"]);
  });

  test("a read from beyond a buffer's end is Ok and gives nothing", async () => {
    const { vm, root } = await startGuest(
      "request_body: at_end bytes 0 4 1; bytes 0 4294967295 1; bytes 0 1 4294967295",
    );
    root.request({ headers: simple, body: "abc" });
    expect(said(vm).slice(2)).toEqual([
      "bytes 0 4 1 -> 0 ",
      "bytes 0 4294967295 1 -> 0 ",
      "bytes 0 1 4294967295 -> 0 bc",
    ]);
  });

  test("continuing a stream closes the request's headers at once", async () => {
    const [answers, headers] = await run(
      envoy140,
      "get 0 :method; continue 0; get 0 :method; add 0 x-late 1",
    );
    expect(answers).toEqual(["0 GET", "0", "2", "2"]);
    expect(headers).toEqual([]);
  });

  test("after a local reply the request's headers stay open, even to changes in the log", async () => {
    const { vm, root } = await startGuest("response_headers: get 0 :method\nlog: add 0 a b; size 2");
    const result = root.request(doing("reply 403 no - - -1"));
    expect(said(vm).slice(1)).toEqual(["get 0 :method -> 0 GET", "add 0 a b -> 0", "size 2 -> 2"]);
    expect(result.headers.at(-1)).toEqual(["a", "b"]);
  });

  test("data that a callback neither passes nor keeps is dropped", async () => {
    const { root } = await startGuest("request_body: return 3");
    const result = root.request({ headers: simple, body: "gone" });
    expect(result.upstream?.ended).toBe(false);
  });

  test("white space in a local reply's details becomes underscores", async () => {
    const vm = await Vm.load(await buildGuest("guest.ts"));
    const root = vm.createRoot({ configuration: "configure: say ok" });
    const stream = root.newStream();
    stream.open(simple, true);
    stream.reply({ status: 403, details: "not for\tyou" });
    expect(stream.result().localReply?.details).toBe("not_for_you");
  });
});

describe("ATS 10.2", () => {
  const profile = ats102;

  test("there are no pseudo-headers: they, and every absent header, read as Ok and nothing", async () => {
    const [answers] = await run(profile, "get 0 :authority; get 0 :path; get 0 x-none; get 0 Host");
    expect(answers).toEqual(["0 ", "0 ", "0 ", "0 en.example"]);
  });

  test("host and path are properties, the path with its query", async () => {
    const [answers] = await run(
      profile,
      "prop request.host; prop request.path; prop request.method; prop no.such",
    );
    expect(answers).toEqual(["0 en.example", "0 /wiki/Cat?action=view", "0 GET", "0 "]);
  });

  test("replace on an absent header does nothing; add on one that is there overwrites its first value", async () => {
    const [answers, headers] = await run(
      profile,
      "replace 0 x-new 1; add 0 x-a 9",
      ["x-a", "1"],
      ["x-a", "2"],
    );
    expect(answers).toEqual(["0", "0"]);
    expect(headers).toEqual([
      ["x-a", "9"],
      ["x-a", "2"],
    ]);
  });

  test("remove, then add, is the set that works everywhere", async () => {
    for (const each of [profile, envoy140, strict]) {
      const [, headers] = await run(each, "remove 0 x-a; add 0 x-a 9", ["x-a", "1"], ["x-a", "2"]);
      expect(headers).toEqual([["x-a", "9"]]);
    }
  });

  test("setting request.host changes the request before remap, and not the Host header", async () => {
    const { root } = await startGuest("", { profile });
    const result = root.request(doing("setprop request.host other.example; setprop request.url_path x"));
    expect(result.target).toEqual({
      method: "GET",
      scheme: "https",
      host: "other.example",
      path: "/x?action=view",
    });
    expect(result.headers).toContainEqual(["Host", "en.example"]);
  });

  test(
    "headers never clear a route cache, and never end the stream",
    async () => {
      const source = `import { proxy_log } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
const words = memory.data<u8>([101, 110, 100]);
export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: i32): usize { return heap.alloc(size); }
export function proxy_on_request_headers(_c: u32, _n: u32, end: u32): u32 {
  if (end) proxy_log(2, words, 3);
  return 0;
}`;
      const wasm = await buildGuest("ends.ts", undefined, source);
      const ats = await Vm.load(wasm, { profile });
      const result = ats.createRoot().request({ headers: simple });
      expect(said(ats)).toEqual([]);
      expect(result.routeCacheClears).toBe(0);
      const envoy = await Vm.load(wasm);
      envoy.createRoot().request({ headers: simple });
      expect(said(envoy)).toEqual(["end"]);
    },
    buildTimeout,
  );

  test(
    "a body that no callback takes is reset from 4,000 bytes on; one that is held arrives whole",
    async () => {
      const source = `export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: i32): usize { return heap.alloc(size); }`;
      const without = await Vm.load(await buildGuest("nobody.ts", undefined, source), { profile });
      const root = without.createRoot();
      expect(root.request({ headers: simple, body: new Uint8Array(3999) }).reset).toBe(null);
      expect(root.request({ headers: simple, body: new Uint8Array(4000) }).reset).toBe(
        "the host cannot carry this body",
      );
      const holding = await startGuest("request_body: at_end say whole", { profile });
      const chunks = Array.from({ length: 30 }, () => new Uint8Array(100_000));
      const result = holding.root.request({ headers: simple, body: chunks });
      expect(result.upstream?.body.length).toBe(3_000_000);
      expect(said(holding.vm)).toContain("whole");
    },
    buildTimeout,
  );

  test("the process dies on a call that is not implemented", async () => {
    const deaths = ["status", "loglevel", "bytes 8 0 1", "exit 1"];
    for (const command of deaths) {
      const { vm, root } = await startGuest("", { profile });
      const result = root.request(doing(command));
      expect(vm.hostDied, command).not.toBe(null);
      expect(result.reset, command).toContain("the host's process died");
    }
    const { vm } = await startGuest("", { profile, vmConfiguration: "return 0" });
    expect(vm.hostDied).toBe("proxy_on_vm_start returned 0");
    const { vm: alive, root } = await startGuest("", { profile: envoy140 });
    for (const command of deaths) root.request(doing(command));
    expect(alive.failed).toBe(false);
  });

  test("metric names run on to the next NUL, and a name has one number for all", async () => {
    const { vm } = await startGuest("configure: metric 0 abc; metric 0 abc", { profile });
    const [first, second] = said(vm);
    expect(second).toBe(first);
    const names = vm.shared.metrics.all().map(({ name }) => name);
    expect(names).toHaveLength(1);
    expect(names[0]?.startsWith("abc")).toBe(true);
  });

  test("a local reply is text/html whatever the guest asks for, and no callback sees it", async () => {
    const { vm, root } = await startGuest("response_headers: say filtered", { profile });
    const result = root.request(doing("reply 403 No gone content-type=text/plain -1; return 1"));
    expect(result.localReply?.headers).toEqual([
      [":status", "403"],
      ["content-type", "text/html"],
      ["content-length", "4"],
    ]);
    expect(said(vm)).not.toContain("filtered");
  });

  test("a configuration must be text", async () => {
    const vm = await Vm.load(await guest(), { profile });
    expect(vm.createRoot({ configuration: Uint8Array.of(0x50, 0x00) }).refused).toBe(
      "a YAML scalar cannot hold the byte 0 at 1: encode it as base64",
    );
    expect(vm.createRoot({ configuration: Uint8Array.of(0xff, 0xfe) }).refused).toContain(
      "must be UTF-8 text",
    );
    expect(vm.createRoot({ configuration: "UFQ=" }).ok).toBe(true);
  });

  test("the configuration can be read at any time", async () => {
    const [answers] = await run(profile, "bufstatus 7");
    expect(answers).toEqual(["0 0"]);
    const [inEnvoy] = await run(envoy140, "bufstatus 7");
    expect(inEnvoy).toEqual(["1"]);
  });

  test("a trap lets everything pass unfiltered by default, and is a 500 with fail_open off", async () => {
    const open = await startGuest("", { profile });
    expect(open.root.request(doing("trap")).localReply).toBe(null);
    const closed = await startGuest("", { profile, failOpen: false });
    expect(closed.root.request(doing("trap")).localReply?.status).toBe(500);
  });
});

describe("strict", () => {
  test("does not offer what only proxy-wasm-cpp-host has", async () => {
    await expect(Vm.load(await guestWithExtras(), { profile: strict })).rejects.toThrow(
      /strict does not offer what the module imports: .*fd_seek/,
    );
  });

  test("headers that are paused still let the body through to the guest", async () => {
    const { vm, root } = await startGuest("request_headers: return 1\nrequest_body: say body", {
      profile: strict,
    });
    root.request({ headers: simple, body: "b" });
    expect(said(vm)).toEqual(["request_body 1 end", "body"]);
  });

  test("a map that is not there is BadArgument in every call", async () => {
    const [answers] = await run(strict, "get 2 a; pairs 2; size 2; add 2 a b; setpairs 2 a=b");
    expect(answers).toEqual(["2", "2", "2", "2", "2"]);
  });

  test("a header change does not clear the route cache", async () => {
    const { root } = await startGuest("", { profile: strict });
    expect(root.request(doing("add 0 a b")).routeCacheClears).toBe(0);
  });
});
