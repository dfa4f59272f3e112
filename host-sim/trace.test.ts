/** The record of calls between host and guest. */
import { beforeAll, expect, test } from "vitest";
import { buildTimeout, doing, guest, said, simple, startGuest } from "../test/support/guests.ts";
import { diffTraces, type FaultRule, Faults, Trace, toJsonLines, toText } from "./index.ts";

beforeAll(async () => {
  await guest();
}, buildTimeout);

async function traced(commands: string): Promise<Trace> {
  const { vm, root } = await startGuest("");
  const trace = new Trace();
  vm.trace = trace.listener;
  root.request(doing(commands));
  return trace;
}

test("a trace tells in order what the host asked, what the guest called, with what, and what came of it", async () => {
  const text = toText((await traced("get 0 :path; replace 0 x-a 1; reply 403 no - a=b -1")).events);
  const memory = text.match(/memory 21 bytes at \d+/)?.[0];
  expect(text).toContain(`→ proxy_on_request_headers(stream_context_id=2, num_headers=5, end_of_stream=1)
  proxy_get_header_map_value(map_id="HttpRequestHeaders", key="x-do")
`);
  expect(text).toContain(`  proxy_get_header_map_value(map_id="HttpRequestHeaders", key=":path")
    ${memory}
    = Ok value="/wiki/Cat?action=view"
  proxy_log(log_level="info", message="get 0 :path -> 0 /wiki/Cat?action=view")
    log info: get 0 :path -> 0 /wiki/Cat?action=view
    = Ok
  proxy_replace_header_map_value(map_id="HttpRequestHeaders", key="x-a", value="1")
    route cache cleared by proxy_replace_header_map_value
    = Ok
`);
  expect(text).toContain(
    `  proxy_send_local_response(status_code=403, details="no", body="", headers={a: "b"}, grpc_status=4294967295)`,
  );
  expect(text).toContain("← proxy_on_request_headers = Continue\nlocal reply 403 (no)\n");
  expect(text).toContain("← proxy_on_done = true\n");
});

test("JSON lines read back as the events, and 64-bit numbers survive", async () => {
  const trace = await traced("metric 0 a; inc 4 9007199254740993; getmetric 4");
  const read = toJsonLines(trace.events)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(read).toEqual(trace.events);
  expect(read).toContainEqual({
    type: "hostcall",
    name: "proxy_increment_metric",
    context: 2,
    args: { metric_id: 4, delta: "9007199254740993" },
  });
});

test("an event keeps what was true then, though the map changes later", async () => {
  const { events } = await traced("pairs 0; add 0 x-later 1");
  const result = events.find(
    (event) => event.type === "result" && event.name === "proxy_get_header_map_pairs",
  );
  expect(JSON.stringify(result)).not.toContain('x-later"');
});

test("two traces that did the same differ in nothing, and others by their lines", async () => {
  const one = await traced("get 0 :path");
  const same = await traced("get 0 :path");
  expect(diffTraces(one.events, same.events)).toBe("");
  const other = await traced("get 0 :method");
  const difference = diffTraces(one.events, other.events);
  expect(difference).toContain('-   proxy_get_header_map_value(map_id="HttpRequestHeaders", key=":path")\n');
  expect(difference).toContain(
    '+   proxy_get_header_map_value(map_id="HttpRequestHeaders", key=":method")\n',
  );
  expect(difference).toContain("  → proxy_on_log(context_id=2)\n");
});

async function faulty(rules: readonly FaultRule[], commands: string, seed?: number): Promise<string[]> {
  const { vm, root } = await startGuest("", {});
  vm.faults = new Faults(rules, seed);
  root.request(doing(commands));
  return said(vm);
}

test("the n-th call of a name fails as the rule says, and the others do not", async () => {
  const rules = [{ call: "proxy_get_header_map_value", nth: 3, fault: { status: 10 } }];
  expect(await faulty(rules, "get 0 :path; get 0 :method; get 0 :method")).toEqual([
    "get 0 :path -> 0 /wiki/Cat?action=view",
    "get 0 :method -> 10",
    "get 0 :method -> 0 GET",
  ]);
});

test("a call can answer with other data than the host's", async () => {
  const rules = [{ call: "proxy_get_header_map_value", nth: 2, fault: { outputs: ["/../../etc"] } }];
  expect(await faulty(rules, "get 0 :path")).toEqual(["get 0 :path -> 0 /../../etc"]);
});

test("a hostile pointer reaches the guest as it is, and what it does with it is its own trap", async () => {
  const hostilePointer = { address: 0xffff0000, size: 99 };
  const { vm, root } = await startGuest("");
  vm.faults = new Faults([{ call: "proxy_get_header_map_pairs", fault: { hostilePointer } }]);
  expect(root.request(doing("pairs 0")).trapped).toMatch(/^memory access out of bounds\n {2}at /);
});

test("the guest's allocator can fail, and a call can trap", async () => {
  expect(
    await faulty([{ call: "allocate", nth: 2, fault: { status: 0 } }], "get 0 :path; get 0 :path"),
  ).toEqual(["get 0 :path -> 6", "get 0 :path -> 0 /wiki/Cat?action=view"]);
  const { vm, root } = await startGuest("");
  vm.faults = new Faults([{ call: "proxy_get_header_map_value", fault: { trap: "as told" } }]);
  expect(root.request({ headers: simple }).trapped).toMatch(/^as told\n {2}at /);
});

test("faults by probability are the same for the same seed", async () => {
  const rules = [{ call: "proxy_get_current_time_nanoseconds", probability: 0.5, fault: { status: 10 } }];
  const times = Array.from({ length: 40 }, () => "time").join(";");
  const first = await faulty(rules, times, 7);
  expect(await faulty(rules, times, 7)).toEqual(first);
  expect(await faulty(rules, times, 8)).not.toEqual(first);
  const failed = first.filter((line) => line.endsWith("-> 10")).length;
  expect(failed).toBeGreaterThan(8);
  expect(failed).toBeLessThan(32);
});
