/** The filter in the simulator: requests in, headers out. */
import { describe, expect, it } from "vitest";
import { ats102, envoy140, type Pair, type RootContext, strict, Vm } from "../host-sim/index.ts";
import { version } from "../package.json";
import { withGeneration } from "../scripts/encode/container.ts";
import { encode } from "../scripts/encode/encode.ts";
import { filter } from "../scripts/filter.ts";
import type { Plan } from "../scripts/plan.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, wire } from "./support/farms.ts";

const { plan } = loadFarm("small");
const bytes = tableBytes(plan);

function tableBytes(of: Plan, generation = 1): Uint8Array {
  return encode(of, { generation, names: null });
}

async function start(configuration: Uint8Array | string = bytes): Promise<{ vm: Vm; root: RootContext }> {
  const vm = await Vm.load(filter);
  return { vm, root: vm.createRoot({ rootId: "ingress", configuration }) };
}

function get(authority: string | null, path: string, more: Pair[] = []): { headers: Pair[] } {
  const host: Pair[] = authority === null ? [] : [[":authority", authority]];
  return { headers: [...host, [":path", path], [":method", "GET"], ...more] };
}

/** Headers beyond the pseudo-headers, as upstream gets them. */
function ours(result: { headers: readonly Pair[] }): Pair[] {
  return result.headers.filter(([name]) => !name.startsWith(":")).map(([name, value]) => [name, value]);
}

const cluster = (result: { headers: readonly Pair[] }) =>
  result.headers.find(([name]) => name === "x-mw-cluster")?.[1];

describe("the authority", () => {
  const EN = "mw-web-1-47-0-wmf-1";
  const DATA = "mw-web-1-47-0-wmf-2";
  const UNKNOWN = "mw-web-1-47-0-wmf-1";
  const cases: [string, string | null, string | undefined][] = [
    ["is read without its port", "www.wikidata.org:8443", DATA],
    ["may have an empty port", "www.wikidata.org:", DATA],
    ["is read in lower case", "WWW.WikiData.ORG", DATA],
    ["may end in one dot", "www.wikidata.org.", DATA],
    ["may end in one dot before the port", "www.wikidata.org.:80", DATA],
    ["is unknown with two dots at its end", "www.wikidata.org..", UNKNOWN],
    ["is unknown with a port that is no number", "www.wikidata.org:http", UNKNOWN],
    ["is unknown with a user in front", "user@www.wikidata.org", UNKNOWN],
    ["is unknown where a byte is not ASCII", wire("www.wikidatä.org"), UNKNOWN],
    ["is unknown with bytes that are not even UTF-8", "\xff\xfe.wikidata.org", UNKNOWN],
    ["may be 300 bytes long", `${"a".repeat(287)}.wikidata.org`, UNKNOWN],
    ["may be 300 bytes long and match", `${"a.".repeat(139)}handbook.example.com`, "mw-web-1-46-0"],
    ["passes through as an IPv4 address", "192.0.2.1", undefined],
    ["passes through as an IPv4 address with a port", "192.0.2.1:8080", undefined],
    ["passes through as an IPv6 literal", "[2001:db8::1]:443", undefined],
    ["passes through as an IPv6 literal without a port", "[::1]", undefined],
    ["passes through where it is absent", null, undefined],
    ["passes through where it is empty", "", undefined],
    ["passes through where it is a port alone", ":80", undefined],
    ["passes through as localhost", "localhost:8080", undefined],
    ["passes through in a domain that is not ours", "a.b.internal", undefined],
    ["is no address with five numbers", "1.2.3.4.5", UNKNOWN],
    ["is no address with a number of four digits", "1.2.3.4444", UNKNOWN],
  ];
  for (const [what, authority, expected] of cases) {
    it(`${what}: ${authority?.slice(0, 40)}`, async () => {
      const { root } = await start();
      expect(cluster(root.request(get(authority, "/")))).toBe(expected);
    });
  }

  it("decides together with the path", async () => {
    const { root } = await start();
    expect(cluster(root.request(get("en.wikipedia.org", "/wiki/X")))).toBe(EN);
    expect(cluster(root.request(get("en.wikipedia.org", "/w/api.php?x=1")))).toBe("mw-api-1-47-0-wmf-1");
    expect(cluster(root.request(get("en.wikipedia.org", "/w/api.php/x")))).toBe("mw-api-1-47-0-wmf-1");
    expect(cluster(root.request(get("en.wikipedia.org", "/w/api.phpx")))).toBe(EN);
    expect(cluster(root.request(get("en.wikipedia.org", "/wiki/w/api.php")))).toBe(EN);
    expect(cluster(root.request(get("en.wikipedia.org", "/x?/w/api.php")))).toBe(EN);
  });
});

describe("headers", () => {
  const EMITTED = ["x-mw-cluster", "x-mw-release", "x-mw-wiki"];
  const forged: Pair[] = EMITTED.flatMap((name): Pair[] => [
    [name, "evil"],
    [name, "evil twice"],
  ]);

  it("carry the decision, and nothing else is added", async () => {
    const { root } = await start();
    expect(ours(root.request(get("de.wikipedia.org", "/", [["x-other", "stays"]])))).toEqual([
      ["x-other", "stays"],
      ["x-mw-cluster", "mw-web-1-47-0-wmf-1"],
      ["x-mw-release", "1.47.0-wmf.1"],
      ["x-mw-wiki", "dewiki"],
    ]);
  });

  it("that a client sent under our names are gone, whatever becomes of the request", async () => {
    const { root } = await start();
    for (const authority of [
      "de.wikipedia.org",
      "unknown.example",
      "missing.wikipedia.org",
      "10.0.0.1",
      "localhost",
      null,
    ]) {
      const result = root.request(get(authority, "/", forged));
      expect(JSON.stringify(result.headers)).not.toContain("evil");
      const names = ours(result).map(([name]) => name);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("are not ours where the request passes through", async () => {
    const { root } = await start();
    expect(ours(root.request(get("10.0.0.1", "/", [...forged, ["x-other", "stays"]])))).toEqual([
      ["x-other", "stays"],
    ]);
  });

  it("have no wiki for a host without one", async () => {
    const { root } = await start();
    expect(
      ours(root.request(get("unknown.example", "/", forged)))
        .map(([name]) => name)
        .sort(),
    ).toEqual(["x-mw-cluster", "x-mw-release"]);
  });

  it("may be many and large", async () => {
    const { root, vm } = await start();
    const many = Array.from({ length: 200 }, (_, i): Pair => [`x-${i}`, "v".repeat(500)]);
    for (let i = 0; i < 20; i++) {
      expect(cluster(root.request(get("de.wikipedia.org", `/${"p".repeat(50_000)}`, many)))).toBe(
        "mw-web-1-47-0-wmf-1",
      );
    }
    expect(vm.trap).toBe(null);
  });

  it("cost one host call to read and one to write, with the cluster's alone", async () => {
    const { root, vm } = await start(
      tableBytes({ ...plan, emit: [{ kind: "cluster", name: "x-mw-cluster" }] }),
    );
    const before = { ...vm.calls };
    expect(root.request(get("de.wikipedia.org", "/", [["cookie", "a=b"]])).hostCalls).toBe(2);
    expect(vm.calls.proxy_get_header_map_pairs).toBe((before.proxy_get_header_map_pairs ?? 0) + 1);
    expect(vm.calls.proxy_add_header_map_value).toBe((before.proxy_add_header_map_value ?? 0) + 1);
    expect(root.request(get("10.0.0.1", "/")).hostCalls).toBe(1);
    expect(root.request(get("10.0.0.1", "/", [["x-mw-cluster", "evil"]])).hostCalls).toBe(2);
  });
});

describe("the configuration", () => {
  const base64 = Buffer.from(bytes).toString("base64");

  it.each([
    ["the table's bytes", bytes],
    ["base64 of them", base64],
    ["base64 folded by YAML", base64.replace(/(.{60})/g, "$1\n  ")],
    ["JSON with a listener", JSON.stringify({ listener: "mesh", table: base64 })],
    ["JSON without one", JSON.stringify({ table: base64 })],
    [
      "JSON with every character escaped",
      `{"table":"${[...base64].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("")}"}`,
    ],
  ])("may be %s", async (_, configuration) => {
    const { root, vm } = await start(configuration);
    const listener = String(configuration).includes("listener") ? "mesh" : "ingress";
    expect(vm.logs.map((line) => line.text).join()).toMatch(
      new RegExp(
        `^pointsman ${version}: serving generation 1, digest [0-9a-f]{32}, to listener ${listener}$`,
      ),
    );
    expect(cluster(root.request(get("test.wikipedia.org", "/")))).toBe("mw-web-1-47-0-wmf-3");
  });

  it("that is bad is refused with one line, and what served before goes on", async () => {
    const { root, vm } = await start();
    const bad = bytes.slice();
    bad[bytes.length - 1]! ^= 1;
    vm.logs.length = 0;
    expect(root.configure(bad)).toBe(false);
    expect(vm.logs).toEqual([
      { level: 4, text: "pointsman: table refused: the checksum is wrong: the table is damaged" },
    ]);
    expect(cluster(root.request(get("test.wikipedia.org", "/")))).toBe("mw-web-1-47-0-wmf-3");
  });

  it("that names another cluster header than the table sets is refused, with both", async () => {
    const table = Buffer.from(bytes);
    const headed = (head: object) => Buffer.concat([Buffer.from(JSON.stringify(head)), table]);
    const { root, vm } = await start(headed({ "cluster-header": "x-mw-cluster", attempt: 1 }));
    expect(root.refused).toBe(null);
    vm.logs.length = 0;
    expect(root.configure(headed({ "cluster-header": "x-cluster", attempt: 2 }))).toBe(false);
    expect(vm.logs).toEqual([
      {
        level: 4,
        text: 'pointsman: table refused: the proxy routes by "x-cluster", and the table sets "x-mw-cluster"',
      },
    ]);
    expect(cluster(root.request(get("test.wikipedia.org", "/")))).toBe("mw-web-1-47-0-wmf-3");
  });

  it("that names a listener longer than any of a table is refused: it is kept as long as it is served", async () => {
    const named = (length: number) => JSON.stringify({ listener: "a".repeat(length), table: base64 });
    const { root, vm } = await start(named(255));
    expect(root.refused).toBe(null);
    vm.logs.length = 0;
    expect(root.configure(named(256))).toBe(false);
    expect(vm.logs).toEqual([
      { level: 4, text: `pointsman: table refused: the table has no listener "${"a".repeat(60)}"` },
    ]);
  });

  it("that was never accepted answers 503: a client's header would choose the cluster", async () => {
    const { root } = await start("not a table");
    expect(root.refused).not.toBe(null);
    const { localReply, upstream } = root.request(get("test.wikipedia.org", "/", [["x-mw-cluster", "evil"]]));
    expect(localReply?.status).toBe(503);
    expect(upstream).toBe(null);
  });

  it("stops ticking when its plugin goes, so that thousands of updates leave none behind", async () => {
    const { vm, root } = await start();
    expect(root.tickPeriod).toBe(1000);
    const periods = () => vm.calls.proxy_set_tick_period_milliseconds;
    expect(periods()).toBe(1);
    root.retire();
    // Envoy keeps the timer of a plugin that is gone, unless it is told.
    expect(periods()).toBe(2);
  });

  it("belongs to its own plugin: two in one VM keep to their tables, and an old one serves while it drains", async () => {
    const other = tableBytes({
      ...plan,
      clusters: plan.clusters.map((row) => row.map((name) => `other-${name}`)),
    });
    const { root, vm } = await start();
    const second = vm.createRoot({ rootId: "mesh", configuration: other });
    const early = root.newStream();
    expect(cluster(second.request(get("test.wikipedia.org", "/")))).toBe("other-mw-web-1-47-0-wmf-3");
    root.retire();
    expect(root.state).toBe("draining");
    early.exchange(get("test.wikipedia.org", "/"));
    expect(cluster(early.result())).toBe("mw-web-1-47-0-wmf-3");
    early.close();
    expect(root.state).toBe("deleted");
    expect(cluster(second.request(get("test.wikipedia.org", "/")))).toBe("other-mw-web-1-47-0-wmf-3");
  });

  it.skipIf(DATA_IS_ABSENT)(
    `changed a thousand times leaves the memory as after the first few${WHY_SKIPPED}`,
    async () => {
      const real = tableBytes(loadFarm("production").plan);
      const ofGeneration = (generation: number) => withGeneration(real, generation);
      const vm = await Vm.load(filter);
      let root = vm.createRoot({ rootId: "edge", configuration: ofGeneration(1) });
      let afterFirst = 0;
      for (let generation = 2; generation <= 1001; generation++) {
        const next = vm.createRoot({ rootId: "edge", configuration: ofGeneration(generation) });
        const asked = next.request(get("de.wikipedia.org", "/"));
        expect({ cluster: cluster(asked), hostCalls: asked.hostCalls }).toEqual({
          cluster: "mw-web-group2",
          hostCalls: 2,
        });
        root.retire();
        root = next;
        if (generation === 20) afterFirst = vm.memoryBytes;
      }
      expect(vm.memoryBytes).toBe(afterFirst);
      for (let generation = 1002; generation <= 1101; generation++)
        expect(root.configure(ofGeneration(generation))).toBe(true);
      expect(vm.memoryBytes).toBe(afterFirst);
    },
  );
});

describe("in Apache Traffic Server", () => {
  async function startInAts(): Promise<{ vm: Vm; root: RootContext }> {
    const vm = await Vm.load(filter, { profile: ats102 });
    return {
      vm,
      root: vm.createRoot({ rootId: "ats", configuration: Buffer.from(bytes).toString("base64") }),
    };
  }

  it("decides by Host and the request's path property, as there are no pseudo-headers", async () => {
    const { root, vm } = await startInAts();
    expect(cluster(root.request(get("www.wikidata.org", "/w/api.php?x")))).toBe("mw-api-1-47-0-wmf-2");
    expect(cluster(root.request(get("10.0.0.1", "/")))).toBe(undefined);
    expect(vm.hostDied).toBe(null);
  });

  it("sets each header once, also where a client sent it twice: replace would do nothing there", async () => {
    const { root } = await startInAts();
    for (const authority of ["de.wikipedia.org", "unknown.example", "10.0.0.1"]) {
      const forged: Pair[] = [
        ["X-MW-Cluster", "evil"],
        ["x-mw-cluster", "evil twice"],
        ["x-mw-wiki", "evil"],
      ];
      const { headers } = root.request(get(authority, "/", forged));
      expect(JSON.stringify(headers)).not.toContain("evil");
      const expected = authority === "10.0.0.1" ? [] : ["mw-web-1-47-0-wmf-1"];
      expect(headers.filter(([name]) => name === "x-mw-cluster").map(([, value]) => value)).toEqual(expected);
    }
  });

  it("refuses a body that does not say how long it is, and only there", async () => {
    const { root, vm } = await startInAts();
    const chunked = get("www.wikidata.org", "/w/api.php", [["Transfer-Encoding", "chunked"]]);
    expect(root.request({ ...chunked, body: "x", chunked: true }).localReply).toMatchObject({
      status: 411,
      body: "the request's body does not say how long it is\n",
    });
    expect(vm.hostDied).toBe(null);
    const inEnvoy = await start();
    expect(cluster(inEnvoy.root.request(chunked))).toBe("mw-api-1-47-0-wmf-2");
  });
});

describe("memory for what a proxy hands in", () => {
  const profiles = [envoy140, ats102, strict];

  /** With a VM that lives on. */
  const expectRouted = (root: RootContext, more: Pair[], target = "/w/api.php") => {
    const result = root.request(get("www.wikidata.org", target, more));
    expect(result.trapped).toBe(null);
    expect(result.localReply).toBe(null);
    expect(cluster(result)).toBe("mw-api-1-47-0-wmf-2");
  };

  it.each(profiles)("$name: is there before the proxy is asked for it", async (profile) => {
    const vm = await Vm.load(filter, { profile });
    const root = vm.createRoot({ configuration: Buffer.from(bytes).toString("base64"), failOpen: false });
    expectRouted(root, [["x-long", "x".repeat(131_072)]]);
    expectRouted(
      root,
      Array.from({ length: 500 }, (_, i): Pair => [`x-${i}`, "x".repeat(250)]),
    );
    expectRouted(root, [], `/w/api.php?${"x".repeat(131_072)}`);
    // More than was made ready: room is made, and the proxy asked again.
    expectRouted(root, [["x-long", "x".repeat(1_000_000)]]);
    const grown = vm.memoryBytes;
    for (let i = 0; i < 20; i++) expectRouted(root, [["x-long", "x".repeat(1_000_000)]]);
    expect(vm.memoryBytes).toBe(grown);
  });

  it.each(profiles)("$name: a configuration of 10 MB is read whole", async (profile) => {
    const vm = await Vm.load(filter, { profile });
    const table = Buffer.from(bytes).toString("base64");
    const root = vm.createRoot({
      configuration: `${" ".repeat(10_000_000)}{"listener": "", "table": "${table}"}`,
    });
    expect(root.refused).toBe(null);
    expectRouted(root, []);
  });
});

describe("the module", () => {
  it("has at most 56 KiB", () => {
    expect(filter.length).toBeLessThanOrEqual(56 * 1024);
  });

  it("exports the callbacks it needs and no more, since each costs every request", async () => {
    const exports = (await Vm.compile(filter)).outline.exports.map(({ name }) => name);
    expect(exports.sort()).toEqual([
      "_initialize",
      "free",
      "malloc",
      "memory",
      "proxy_abi_version_0_2_1",
      "proxy_on_configure",
      "proxy_on_context_create",
      "proxy_on_delete",
      "proxy_on_request_body",
      "proxy_on_request_headers",
      "proxy_on_request_trailers",
      "proxy_on_response_headers",
      "proxy_on_tick",
    ]);
  });
});
