/** One stream's way through the guests of a filter chain. */
import { beforeAll, expect, test } from "vitest";
import { buildTimeout, doing, guest, said, simple, startGuest } from "../test/support/guests.ts";
import { byteString, envoy140, type Pair, strict, textOf } from "./index.ts";

beforeAll(async () => {
  await guest();
}, buildTimeout);

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("latin1");
const ok = { headers: [[":status", "200"]] as const };

test("a request goes through in chunks, with its trailers, and the response comes back", async () => {
  const { vm, root } = await startGuest("request_body: get 0 :path\nresponse_headers: add 2 x-r 1");
  const result = root.request({
    headers: simple,
    body: ["one ", "two"],
    trailers: [["t", "1"]],
    response: { headers: [[":status", "200"]], body: ["three ", "four"], trailers: [["u", "2"]] },
  });
  // Envoy lets go of the headers when they went on; and trailers follow, so no chunk is the last.
  expect(said(vm)).toEqual([
    "request_body 4",
    "get 0 :path -> 2",
    "request_body 3",
    "get 0 :path -> 2",
    "add 2 x-r 1 -> 0",
  ]);
  expect(result.upstream).toMatchObject({ headers: simple, trailers: [["t", "1"]], ended: true });
  expect(text(result.upstream?.body)).toBe("one two");
  expect(result.downstream?.headers).toEqual([
    [":status", "200"],
    ["x-r", "1"],
  ]);
  expect(text(result.downstream?.body)).toBe("three four");
  expect(result.downstream?.trailers).toEqual([["u", "2"]]);
  expect(result.action).toBe("continue");
});

test("a body that is held back is seen whole, changed, and sent on", async () => {
  const { vm, root } = await startGuest("request_body: at_end bytes 0 0 99; setbytes 0 0 3 ONE; bytes 0 0 3");
  const result = root.request({ headers: simple, body: ["one", " two", " three"] });
  expect(said(vm)).toEqual([
    "request_body 3",
    "request_body 7",
    "request_body 13",
    "request_body 13 end",
    "bytes 0 0 99 -> 0 one two three",
    "setbytes 0 0 3 ONE -> 0",
    "bytes 0 0 3 -> 0 ONE",
  ]);
  expect(text(result.upstream?.body)).toBe("ONE two three");
});

test("a body can be drained, prepended to and appended to; inside it only by the specification", async () => {
  const script =
    "request_body: at_end setbytes 0 0 0 <; setbytes 0 999 0 >; setbytes 0 2 1 _; setbytes 0 0 2 -";
  const envoy = await startGuest(script);
  expect(text(envoy.root.request({ headers: simple, body: "abcd" }).upstream?.body)).toBe("bcd>");
  expect(said(envoy.vm)[4]).toBe("setbytes 0 2 1 _ -> 2");
  const spec = await startGuest(script, { profile: strict });
  expect(text(spec.root.request({ headers: simple, body: "abcd" }).upstream?.body)).toBe("_cd>");
});

test("a local reply takes the place of the upstream, and in Envoy passes the filter's response callbacks", async () => {
  const script = "response_headers: add 2 x-seen 1\nresponse_body: say body";
  const { vm, root } = await startGuest(script);
  const result = root.request({ ...doing("reply 404 not_here nothing x-a=b -1; return 1"), response: ok });
  expect(said(vm)).toContain("body");
  expect(result.upstream).toBe(null);
  expect(result.action).toBe("continue");
  expect(result.localReply).toEqual({
    status: 404,
    body: "nothing",
    details: "not_here",
    grpcStatus: null,
    headers: [
      [":status", "404"],
      ["x-a", "b"],
      ["content-length", "7"],
      ["content-type", "text/plain"],
      ["x-seen", "1"],
    ],
  });
  const plain = await startGuest(script, { profile: strict });
  const direct = plain.root.request(doing("reply 404 not_here - - 5"));
  expect(direct.localReply).toMatchObject({ headers: [[":status", "404"]], grpcStatus: 5 });
});

test("a local reply to a later body chunk still reaches the client, and nothing more goes upstream", async () => {
  const { root } = await startGuest("request_body: at_end reply 413 too_big - - -1");
  const result = root.request({ headers: simple, body: ["a", "b"], response: ok });
  expect(result.localReply?.status).toBe(413);
  expect(result.upstream?.ended).toBe(false);
  expect(text(result.upstream?.body)).toBe("");
});

test("a local reply instead of a response replaces it; after its headers went out only a reset is left", async () => {
  const early = await startGuest("response_headers: reply 500 broken - - -1; return 1");
  const replaced = early.root.request({ headers: simple, response: { ...ok, body: "x" } });
  expect(replaced.localReply?.status).toBe(500);
  expect(replaced.downstream?.headers[0]).toEqual([":status", "500"]);
  expect(text(replaced.downstream?.body)).toBe("");
  const late = await startGuest("response_body: reply 500 broken - - -1; return 1");
  const cut = late.root.request({ headers: simple, response: { ...ok, body: "x" } });
  expect(cut.localReply).toBe(null);
  expect(cut.reset).toBe("broken");
});

test("a paused request goes on when an HTTP call's answer says so, with the headers it adds", async () => {
  const { vm, root } = await startGuest(
    "http_call_response: effective 2; add 0 x-checked yes; continue 0\nrequest_body: say body",
  );
  const stream = root.newStream();
  stream.exchange({
    ...doing("call up :path=/,:method=GET,:authority=a - - 0; return 1"),
    body: "b",
    response: ok,
  });
  expect(stream.result()).toMatchObject({ action: "pause", upstream: null });
  expect(said(vm)).not.toContain("body");
  root.answerHttpCall(root.httpCalls[0]!.id, { headers: [[":status", "200"]] });
  const result = stream.result();
  expect(result.action).toBe("continue");
  expect(result.upstream?.headers).toContainEqual(["x-checked", "yes"]);
  expect(text(result.upstream?.body)).toBe("b");
  expect(said(vm)).toContain("body");
  stream.respond({ ...ok, body: "r" });
  stream.close();
  expect(text(stream.result().downstream?.body)).toBe("r");
});

test("headers that are paused but allowed to stop let the body through to the guest", async () => {
  const { vm, root } = await startGuest("request_headers: return 1\nrequest_body: at_end get 0 :path", {
    allowOnHeadersStopIteration: true,
  });
  const result = root.request({ headers: simple, body: ["a", "b"] });
  expect(said(vm)).toEqual([
    "request_body 1",
    "request_body 2",
    "request_body 2 end",
    "get 0 :path -> 0 /wiki/Cat?action=view",
  ]);
  expect(result.upstream?.ended).toBe(true);
});

test("trailers can be held, and added in the last body callback where none came", async () => {
  const held = await startGuest(
    "request_trailers: return 1\nconfigure: tick 5\ntick: effective 2; continue 0",
  );
  const stream = held.root.newStream();
  stream.exchange({ headers: simple, body: "b", trailers: [["t", "1"]] });
  expect(stream.result()).toMatchObject({ action: "pause" });
  held.vm.clock.advance(5);
  expect(stream.result().upstream?.trailers).toEqual([["t", "1"]]);
  const added = await startGuest("request_body: add 1 x-sum 9");
  expect(added.root.request({ headers: simple, body: "b" }).upstream?.trailers).toEqual([["x-sum", "9"]]);
});

test("closing the stream resets it", async () => {
  const { root } = await startGuest("");
  const result = root.request({ ...doing("close 0"), response: ok });
  expect(result.reset).toBe("wasm_close_stream");
  expect(result.downstream).toBe(null);
});

test("in the log callback headers can be read, not changed", async () => {
  const { vm, root } = await startGuest("log: get 0 :path; get 2 :status; get 1 t; add 0 a b; size 0");
  root.request({ headers: simple, response: ok });
  expect(said(vm)).toEqual([
    "get 0 :path -> 0 /wiki/Cat?action=view",
    "get 2 :status -> 0 200",
    "get 1 t -> 1",
    "add 0 a b -> 2",
    "size 0 -> 2",
  ]);
});

test("a header beyond byte strings is refused by name, and its UTF-8 form is taken", async () => {
  const { root } = await startGuest("");
  const headers = (value: string): Pair[] => [...simple, ["x-name", value]];
  expect(() => root.request({ headers: headers("Zażółć") })).toThrow('header "x-name" is not a byte string');
  const result = root.request({ headers: headers(byteString("Zażółć")) });
  expect(textOf(result.headers.at(-1)?.[1] ?? "")).toBe("Zażółć");
});

test("what comes after a stream's end does nothing", async () => {
  const { vm, root } = await startGuest("request_headers: return 1\nrequest_body: say late");
  const stream = root.newStream();
  stream.exchange({ headers: simple, body: "b" });
  stream.close();
  stream.request.continue();
  stream.reply({ status: 403, details: "late" });
  expect(said(vm)).toEqual([]);
  expect(stream.result()).toMatchObject({ upstream: null, localReply: null });
});

test("a result says how many host calls it took and how often the route cache was cleared", async () => {
  const { root } = await startGuest("");
  const result = root.request(doing("add 0 a b; remove 0 a; add 2 c d; foreign clear_route_cache -"));
  expect(result.routeCacheClears).toBe(3);
  // Four calls, four logs, and the look for x-do.
  expect(result.hostCalls).toBe(9);
  expect(envoy140.headerChangeClearsRouteCache).toBe(true);
});
