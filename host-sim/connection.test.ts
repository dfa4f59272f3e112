/** TCP filters in a test's hands; `test/same-as-envoy/tcp.test.ts` compares them with the real Envoy. */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { compileGuest, FILTER_FLAGS } from "../test/support/compile-guest.ts";
import { buildTimeout, simple } from "../test/support/guests.ts";
import { ats102, bytesOf, type LoadOptions, type RootContext, type RootOptions, Vm } from "./index.ts";

let wasm: Uint8Array;
beforeAll(async () => {
  wasm = await compileGuest(["test/same-as-envoy/guest/script.ts", ...FILTER_FLAGS]);
}, buildTimeout);

async function start(configuration: string, options: LoadOptions & RootOptions = {}): Promise<RootContext> {
  const vm = await Vm.load(wasm, options);
  return vm.createRoot({ ...options, configuration });
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("latin1");
const said = ({ vm }: RootContext): string[] => vm.logs.splice(0).map(({ text }) => text);

test("a connection is one line", async () => {
  const root = await start("downstream_data#1:setbytes 2 0 3 zero");

  const result = root.connection({ client: ["one", "two"], upstream: "hi" });

  expect(text(result.upstream?.bytes)).toBe("zerotwo");
  expect(text(result.client.bytes)).toBe("hi");
  expect(result).toMatchObject({ action: "continue", closedBy: "host", cluster: null, trapped: null });
  expect(root.streams).toBe(0);
});

test("the documented lines are those of a test above or below", async () => {
  const docs = await readFile(new URL("../docs/host-sim.md", import.meta.url), "utf8");
  const section = docs.slice(docs.indexOf("## TCP"));
  const code = /```ts\n([\s\S]*?)```/.exec(section)?.[1]?.trim() ?? "";
  expect(code.split("\n").length).toBeGreaterThan(3);
  const own = await readFile(new URL(import.meta.url), "utf8");
  expect(own.replace(/\s+/g, " ")).toContain(code.replace(/\s+/g, " "));
});

test("piece by piece: what is held is seen as it grows, and nothing comes before the upstream is there", async () => {
  const root = await start(
    "new_connection:tick 5;return 1|tick:effective 2;continue 2|downstream_data:return 1",
  );
  const connection = root.newConnection();
  connection.open();
  connection.clientSends(bytesOf("a"));
  expect(connection.result()).toMatchObject({ action: "pause", upstream: null, closedBy: null });
  root.vm.clock.advance(5);
  connection.clientSends(bytesOf("b"), true);
  expect(said(root).filter((line) => line.includes("> downstream_data"))).toEqual([
    "2 > downstream_data 1",
    "2 > downstream_data 2 end",
  ]);
  expect(connection.result()).toMatchObject({ action: "pause", upstream: { ended: false } });
  connection.clientResets();
  expect(connection.result()).toMatchObject({ closedBy: "client", client: { ended: false } });
  connection.clientSends(bytesOf("late"));
  connection.upstreamSends(bytesOf("late"));
  connection.upstreamResets();
  expect(said(root).filter((line) => line.includes("data"))).toEqual([]);
});

test("a trap closes the connection; later ones are refused, or pass where the plugin fails open", async () => {
  for (const failOpen of [false, true]) {
    const root = await start("downstream_data:trap", { failOpen });
    const first = root.connection({ client: "x", upstream: "y" });
    expect(first).toMatchObject({ closedBy: "host", upstream: { bytes: { length: 0 } } });
    expect(first.trapped).toMatch(/^unreachable/);
    const second = root.connection({ client: "x", upstream: "y" });
    expect(second.trapped).toBe(null);
    expect(text(second.upstream?.bytes)).toBe(failOpen ? "x" : "");
    expect(second.upstream === null).toBe(!failOpen);
  }
});

test("properties can be given, and ports follow addresses", async () => {
  const properties = { "source.address": "10.0.0.7:1234", "connection.requested_server_name": "en.example" };
  const root = await start(
    "new_connection:prop source/address;prop source/port;prop connection/requested_server_name",
  );
  root.connection({ properties });
  expect(said(root)).toEqual(
    expect.arrayContaining([
      "2 prop source/address -> 0 10.0.0.7:1234",
      "2 prop source/port -> 0 \\xd2\\x04\\x00\\x00\\x00\\x00\\x00\\x00",
      "2 prop connection/requested_server_name -> 0 en.example",
    ]),
  );
});

test("filter state can be set in a request too, and not where there is neither", async () => {
  const cluster = "0x0a17656e766f792e7463705f70726f78792e636c757374657212016e";
  const root = await start(`configure:foreign set_envoy_filter_state ${cluster}`);
  expect(said(root)).toContain(`1 foreign set_envoy_filter_state ${cluster} -> 1`);
  const stream = root.newStream();
  stream.open([...simple, ["x-script", `request_headers:foreign set_envoy_filter_state ${cluster}`]], true);
  expect(stream.filterState).toEqual(new Map([["envoy.tcp_proxy.cluster", "n"]]));
});

test("ATS has no filters for TCP", async () => {
  const root = await start("", { profile: ats102 });
  expect(() => root.newConnection()).toThrow("ats-10.2 has no filters for TCP");
});
