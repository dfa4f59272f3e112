/** VMs of a simulated proxy: start, updates, death and replacement. */
import { beforeAll, expect, test } from "vitest";
import { buildGuest, buildTimeout, doing, guest, simple } from "../test/support/guests.ts";
import { ats102, type CompiledModule, envoy140, type HostOptions, ProxyHost, Trace, Vm } from "./index.ts";

let module: CompiledModule;
let otherModule: CompiledModule;

beforeAll(async () => {
  module = await Vm.compile(await guest());
  const source = `export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: i32): usize { return heap.alloc(size); }`;
  otherModule = await Vm.compile(await buildGuest("other.ts", undefined, source));
}, buildTimeout);

const host = (options: Partial<HostOptions> = {}): ProxyHost =>
  new ProxyHost(module, { profile: envoy140, workers: 2, ...options });

const lines = (proxy: ProxyHost): string[] => proxy.logs.splice(0).map(({ vm, text }) => `${vm}: ${text}`);

test("a configuration is tried on a canary, then starts on the main thread and each worker", () => {
  const proxy = host({ vmConfiguration: "say start" });
  expect(proxy.configure("f", { configuration: "configure: say configured" })).toEqual({
    accepted: true,
    why: null,
  });
  expect(lines(proxy)).toEqual(
    ["canary", "main", "worker 0", "worker 1"].flatMap((vm) => [`${vm}: start`, `${vm}: configured`]),
  );
});

test("an update starts a second root context in the living VMs, and the same again does nothing", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "request_headers: say one" });
  const vm = proxy.vm("f", "worker 0");
  const first = proxy.root("f", "worker 0");
  proxy.configure("f", { configuration: "request_headers: say two" });
  expect(proxy.vm("f", "worker 0")).toBe(vm);
  expect(proxy.root("f", "worker 0")).not.toBe(first);
  expect(first?.state).toBe("deleted");
  proxy.request("f", { headers: simple });
  expect(lines(proxy)).toEqual(["worker 0: two"]);
  const second = proxy.root("f", "worker 0");
  expect(proxy.configure("f", { configuration: "request_headers: say two" }).accepted).toBe(true);
  expect(proxy.root("f", "worker 0")).toBe(second);
});

test("an old root context serves its streams to the end before it goes", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "response_headers: say old" });
  const old = proxy.root("f", "worker 1");
  const stream = proxy.begin("f", 1);
  stream?.open(simple, true);
  proxy.configure("f", { configuration: "response_headers: say new" });
  expect(old?.state).toBe("draining");
  stream?.respond({ headers: [[":status", "200"]] });
  proxy.request("f", { headers: simple, response: { headers: [[":status", "200"]] } }, 1);
  expect(lines(proxy)).toEqual(["worker 1: old", "worker 1: new"]);
  stream?.close();
  expect(old?.state).toBe("deleted");
});

test("a refused configuration leaves the old one serving, and only the canary ever sees it", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "request_headers: say one" });
  const refused = proxy.configure("f", { configuration: "configure: say bad; return 0" });
  expect(refused).toEqual({ accepted: false, why: "proxy_on_configure returned 0" });
  proxy.request("f", { headers: simple });
  expect(lines(proxy)).toEqual(["canary: bad", "worker 0: one"]);
  expect(proxy.configure("f", { configuration: "configure: trap" }).why).toMatch(/^unreachable\n {2}at /);
  expect(proxy.vm("f", "main")?.failed).toBe(false);
});

test("with no configuration ever accepted Envoy answers 500 until there is a good one", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "configure: return 0" });
  expect(proxy.request("f", { headers: simple })).toMatchObject({
    localReply: { status: 500 },
    upstream: null,
  });
  proxy.configure("f", { configuration: "" });
  expect(proxy.request("f", { headers: simple }).localReply).toBe(null);
});

test("two filters share their VMs and keep their own root contexts", () => {
  const proxy = host();
  proxy.configure("a", { rootId: "a", configuration: "request_headers: say a" });
  proxy.configure("b", { rootId: "b", configuration: "request_headers: say b" });
  expect(proxy.vm("a", "worker 0")).toBe(proxy.vm("b", "worker 0"));
  proxy.request("a", { headers: simple });
  proxy.request("b", { headers: simple });
  expect(lines(proxy)).toEqual(["worker 0: a", "worker 0: b"]);
});

test("another module takes over in VMs of its own", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "request_headers: say old module" });
  const vm = proxy.vm("f", "worker 0");
  proxy.configure("f", {}, otherModule);
  expect(proxy.vm("f", "worker 0")).not.toBe(vm);
  proxy.request("f", { headers: simple });
  expect(lines(proxy)).toEqual([]);
});

test("metrics are one for all workers", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "configure: metric 0 hits" });
  for (const worker of [0, 1, 1]) proxy.request("f", doing("inc 4 1"), worker);
  expect(proxy.shared.metrics.value("hits")).toBe(3n);
});

test("a trap kills the VM of one worker, which refuses until the next update; the other serves", () => {
  const proxy = host();
  proxy.configure("f", { configuration: "" });
  expect(proxy.request("f", doing("trap"), 0).trapped).toMatch(/^unreachable\n {2}at /);
  expect(proxy.request("f", { headers: simple }, 0).localReply?.status).toBe(503);
  expect(proxy.request("f", { headers: simple }, 1).localReply).toBe(null);
  proxy.configure("f", { configuration: "request_headers: say again" });
  expect(proxy.request("f", { headers: simple }, 0).localReply).toBe(null);
});

test("with the policy open a dead VM lets a client's own header choose", () => {
  const proxy = host({ failurePolicy: "open" });
  proxy.configure("f", { configuration: "request_headers: remove 0 x-cluster" });
  const chosen = { headers: [...simple, ["x-cluster", "mine"] as const] };
  expect(proxy.request("f", chosen).headers).not.toContainEqual(["x-cluster", "mine"]);
  proxy.request("f", doing("trap"));
  expect(proxy.request("f", chosen).headers).toContainEqual(["x-cluster", "mine"]);
});

test("with the policy reload a dead VM refuses for the backoff, then a new one serves", () => {
  const proxy = host({ failurePolicy: "reload", reloadBackoff: 1000 });
  proxy.configure("f", { configuration: "" });
  const dead = proxy.vm("f", "worker 0");
  proxy.request("f", doing("trap"));
  proxy.clock.advance(999);
  expect(proxy.request("f", { headers: simple }).localReply?.status).toBe(503);
  proxy.clock.advance(1);
  expect(proxy.request("f", { headers: simple }).localReply).toBe(null);
  expect(proxy.vm("f", "worker 0")).not.toBe(dead);
  expect(proxy.stats).toEqual({ vmReloadSuccess: 1, vmReloadFailure: 0, vmReloadBackoff: 1 });
});

test("ATS runs one VM for all threads, a fresh one for each update", () => {
  const proxy = host({ profile: ats102, vmConfiguration: "say start" });
  proxy.configure("f", { configuration: "configure: say one" });
  expect(lines(proxy)).toEqual(["main: start", "main: one"]);
  const vm = proxy.vm("f", "worker 0");
  expect(proxy.vm("f", "worker 1")).toBe(vm);
  proxy.configure("f", { configuration: "configure: say one" });
  expect(proxy.vm("f", "worker 0")).not.toBe(vm);
});

test("ATS's process dies with a guest that asks for what it has not, and serves nobody after", () => {
  const proxy = host({ profile: ats102 });
  proxy.configure("f", { configuration: "" });
  proxy.request("f", doing("status"));
  expect(proxy.died).toBe("proxy_get_status is not implemented");
  expect(proxy.request("f", { headers: simple }).reset).toContain("the process died");
  expect(proxy.configure("f", {}).accepted).toBe(false);
});

test("a trace shows every VM's part of an update", () => {
  const trace = new Trace();
  const proxy = host({ trace: trace.listener, workers: 1 });
  proxy.configure("f", { configuration: "" });
  const starts = trace.events.filter(
    (event) => event.type === "callback" && event.name === "proxy_on_configure",
  );
  expect(starts).toHaveLength(3);
});

test("a canary is dropped for good: its ticks do not come", () => {
  const proxy = host({ workers: 1 });
  proxy.configure("a", { configuration: "configure: tick 10\ntick: say tick" });
  proxy.logs.length = 0;
  proxy.clock.advance(25);
  expect(proxy.logs.map(({ vm, text }) => `${vm} ${text}`)).toEqual([
    "main tick",
    "worker 0 tick",
    "main tick",
    "worker 0 tick",
  ]);
});

test("a request's properties reach the guest", () => {
  const proxy = host({ workers: 1 });
  proxy.configure("a", { configuration: "request_headers: prop source.address" });
  proxy.request("a", { headers: simple, properties: { "source.address": "10.0.0.1:99" } });
  expect(proxy.logs.at(-1)?.text).toBe("prop source.address -> 0 10.0.0.1:99");
});

test("random bytes are each VM's own, and the same in each run", () => {
  const drawn = (seed?: number): string[] => {
    const proxy = host({ workers: 1, ...(seed !== undefined && { seed }) });
    proxy.configure("a", { configuration: "configure: random 8" });
    return proxy.logs.map(({ text }) => text);
  };
  const first = drawn();
  expect(new Set(first).size).toBe(3);
  expect(drawn()).toEqual(first);
  expect(drawn(1000)).not.toEqual(first);
});

test("what a guest logs is text", () => {
  const proxy = host({ workers: 1 });
  proxy.configure("a", { configuration: "configure: say wëlt – 世界" });
  expect(proxy.logs.at(-1)?.text).toBe("wëlt – 世界");
});
