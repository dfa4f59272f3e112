/** What is written for ATS, by its options. */
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { tableOf } from "../../../test/support/farms.ts";
import { plainListener, plainPlan, plainRule } from "../../../test/support/plans.ts";
import type { Listener, Plan, Predicate, ReleaseOutcome, Route } from "../../plan.ts";
import { parseAtsFile } from "../ats-file.ts";
import { spelledOut } from "../spellings.ts";
import { type AtsRenderOptions, renderAts } from "./ats.ts";

const ask: Predicate = { subject: "header", test: "present", not: false, name: "x-debug" };

function render(
  options: Partial<AtsRenderOptions> = {},
  { listener = {}, ...parts }: Partial<Plan> & { listener?: Partial<Listener> } = {},
) {
  const table = tableOf(plainPlan({ listeners: [plainListener(listener)], ...parts }));
  const { files, missing } = renderAts(table, {
    listener: null,
    clusters: new Map(),
    pattern: { host: "{cluster}.svc", port: 8080, tls: false },
    fallback: null,
    choice: "set-destination",
    ca: "/ca.pem",
    root: "/etc/trafficserver",
    wasm: "/x.wasm",
    ...options,
  });
  const text = (name: string) => files.get(name) ?? "";
  return { table, missing, text, yaml: (name: string) => load(text(name)) as never };
}

describe("the filter's YAML", () => {
  it("has the table in it, and a dead VM lets nothing through", () => {
    const { table, text, yaml } = render({ datacentre: "east", primary: "west" });
    const file = parseAtsFile(text("pointsman.yaml"));
    expect(file).toMatchObject({ listener: "main", clusterHeader: "x-cluster" });
    expect(file.table?.digest).toBe(table.digest);
    const { config }: { config: { configuration: string } } = yaml("pointsman.yaml");
    expect(config).toMatchObject({
      fail_open: false,
      vm_config: { runtime: "ats.wasm.runtime.wamr", code: { local: { filename: "/x.wasm" } } },
    });
    expect(JSON.parse(config.configuration)).toMatchObject({ datacentre: "east", primary: "west" });
  });
});

describe("the guard", () => {
  const emit: Plan["emit"] = [
    { kind: "cluster", name: "x-cluster" },
    { kind: "wiki", name: "wiki" },
  ];

  it("stands before the filter, and removes every header that the farm emits, however it is spelt", () => {
    const { text } = render({}, { emit });
    expect(text("plugin.config").split("\n").slice(0, 2)).toEqual([
      "header_rewrite.so pointsman-guard.config",
      "wasm.so pointsman.yaml",
    ]);
    const removed = [...text("pointsman-guard.config").matchAll(/^rm-header (.*)$/gm)].map(
      ([, name]) => name,
    );
    expect(removed).toEqual(["x-cluster", "x_cluster", "x.cluster", "wiki", "X-Forwarded-For"]);
  });

  it("refuses a request whose Connection names one of them, in any case and spelling", () => {
    const [, pattern] = /Connection\} \/\(\?i\)(.*)\/$/m.exec(
      render({}, { emit }).text("pointsman-guard.config"),
    )!;
    for (const one of ["close, X-Cluster", "x_cluster", "WIKI"])
      expect(one).toMatch(new RegExp(pattern!, "i"));
    for (const one of ["keep-alive, cluster", "keep-wiki, wiki-x"])
      expect(one).not.toMatch(new RegExp(pattern!, "i"));
  });

  it.each([
    ["an edge takes no client's word for its address", "edge", true],
    ["on an internal listener X-Forwarded-For stays", "internal", false],
  ] as const)("%s", (_, trust, isRemoved) => {
    const guard = render({}, { listener: { trust } }).text("pointsman-guard.config");
    expect(guard.includes("X-Forwarded-For")).toBe(isRemoved);
  });

  it("keeps what a debugging backend answers out of the cache, where the listener has such backends", () => {
    const rule = '%{CLIENT-HEADER:x-debug} ="" [NOT]\nset-config proxy.config.http.cache.http 0';
    const routes = [{ ...plainRule<Route>({ deployment: 0 }, ask), debug: true }];
    expect(render({}, { listener: { routes } }).text("pointsman-guard.config")).toContain(rule);
    expect(render().text("pointsman-guard.config")).not.toContain("set-config");
  });

  it.each([
    ["x-staff", { ...ask, name: "x-staff" }, "CLIENT-HEADER:x-staff"],
    [
      "a cookie",
      { subject: "cookie", test: "exact", not: false, name: "preview", values: ["1"] },
      "COOKIE:preview",
    ],
  ] as [string, Predicate, string][])("and what a preview by %s answers", (_, when, condition) => {
    const assets = [plainRule<ReleaseOutcome>({ release: 0 }, when)];
    const rule = `%{${condition}} ="" [NOT]\nset-config proxy.config.http.cache.http 0`;
    expect(render({}, { listener: { assets } }).text("pointsman-guard.config")).toContain(rule);
  });

  it("but not what another release answers by the URL alone", () => {
    const path: Predicate = { subject: "path", test: "under", not: false, values: ["/static/next"] };
    const assets = [plainRule<ReleaseOutcome>({ release: 0 }, path)];
    expect(render({}, { listener: { assets } }).text("pointsman-guard.config")).not.toContain("set-config");
  });

  it("cannot be written where these go by something else than a header or a cookie", () => {
    const client: Predicate = { subject: "client", test: "prefix", not: false, values: ["4c0"] };
    const routes = [{ ...plainRule<Route>({ deployment: 0 }, client), debug: true }];
    expect(() => render({}, { listener: { routes } })).toThrow("a rule for debugging goes by neither");
    const assets = [plainRule<ReleaseOutcome>({ release: 0 }, client)];
    expect(() => render({}, { listener: { assets } })).toThrow("a preview goes by neither");
  });
});

it("spelledOut has every mix of a name's separators, and of very many the plain ones", () => {
  expect(spelledOut("X-A_b")).toEqual(
    ["-", "_", "."].flatMap((a) => ["-", "_", "."].map((b) => `x${a}a${b}b`)),
  );
  expect(spelledOut("a-b-c-d-e-f")).toEqual(["a-b-c-d-e-f", "a_b_c_d_e_f", "a.b.c.d.e.f"]);
});

describe("the origin", () => {
  const fallback = { host: "old.svc", port: 80, tls: false };

  it("is a rule for each cluster", () => {
    const { text, missing } = render();
    expect(missing).toEqual([]);
    expect(text("pointsman-clusters.config")).toContain(
      '="web-one"\nset-destination SCHEME http\nset-destination HOST web-one.svc\nset-destination PORT 8080 [L]\n',
    );
    expect(text("strategies.yaml")).toBe("");
  });

  it("or a strategy for each, which nothing goes past", () => {
    const { text, yaml } = render({ choice: "strategies", fallback });
    expect(text("pointsman-clusters.config")).toContain("set-next-hop-strategy %{CLIENT-HEADER:x-cluster}");
    expect(text("pointsman-clusters.config")).not.toContain("set-destination");
    const { strategies }: { strategies: { strategy: string }[] } = yaml("strategies.yaml");
    expect(strategies.map(({ strategy }) => strategy)).toEqual(["web-one", "pass-through"]);
    for (const one of strategies)
      expect(one).toMatchObject({ parent_is_proxy: false, go_direct: false, ignore_self_detect: true });
    expect(text("remap.config")).toMatch(
      /^map \/ http:\/\/pointsman\.invalid\/ @strategy=pass-through @plugin/,
    );
  });

  it.each(["set-destination", "strategies"] as const)(
    "by %s is a 503 for a cluster that is not here",
    (choice) => {
      const { text, missing } = render({ choice, fallback, pattern: null });
      expect(missing).toEqual(["web-one"]);
      expect(text("pointsman-clusters.config")).toMatch(
        /="" \[NOT\]\ncond .* \/\^\(\?:\)\$\/ \[NOT\]\nset-status 503 \[L\]/,
      );
    },
  );

  it("is a 503 without a cluster, unless there is a fallback", () => {
    const refused = '%{CLIENT-HEADER:x-cluster} =""\nset-status 503 [L]';
    expect(render().text("pointsman-clusters.config")).toContain(refused);
    expect(render().text("remap.config")).toMatch(/^map \/ http:\/\/pointsman\.invalid\/ /);
    const passed = render({ fallback });
    expect(passed.text("pointsman-clusters.config")).not.toContain(refused);
    expect(passed.text("remap.config")).toMatch(/^map \/ http:\/\/old\.svc:80\/ /);
  });

  it("is believed by its own certificate alone", () => {
    const { text, yaml } = render({ fallback: { ...fallback, tls: true } });
    expect(text("remap.config")).toMatch(/^map \/ https:\/\/old\.svc:80\/ /);
    expect(yaml("records.yaml")).toMatchObject({
      records: {
        ssl: {
          client: {
            CA: { cert: { filename: "/ca.pem" } },
            verify: { server: { policy: "ENFORCED", properties: "ALL" } },
            sni_policy: "remap",
          },
        },
      },
    });
    expect(render().text("records.yaml")).not.toContain("ssl");
  });

  it.each([
    [{ fallback: { host: "::1", port: 80, tls: false } }, {}, "a name or an IPv4 address, not ::1"],
    [{ fallback: { host: "10.0.0.1", port: 80, tls: true } }, {}, "https://10.0.0.1 is an address"],
    [{ fallback }, { clusters: [["pass-through"]] }, "which is the name of --fallback"],
    [{}, { clusters: [["a/b"]] }, 'the cluster "a/b" cannot be written'],
    [{ listener: { name: "edge", port: 1 } }, { listener: { name: "mesh" } }, 'no listener "edge"'],
  ] as const)("%j with %j is refused", (options, plan, why) => {
    expect(() => render(options, plan as never)).toThrow(why);
  });
});

it("records.yaml has one net thread, the client's Host, and answers to Expect", () => {
  expect(
    render({ listener: { name: "main", address: "10.0.0.1", port: 80 } }).yaml("records.yaml"),
  ).toMatchObject({
    records: {
      exec_thread: { autoconfig: { enabled: 0 }, limit: 1 },
      http: { server_ports: "80:ip-in=10.0.0.1", send_100_continue_response: 1 },
      url_remap: { pristine_host_hdr: 1, remap_required: 1 },
    },
  });
  expect(render({ listener: { name: "main", address: "::1", port: 80 } }).text("records.yaml")).toContain(
    "80:ip-in=[::1]",
  );
  expect(render({ listener: { name: "main", port: 80 } }).yaml("records.yaml")).toMatchObject({
    records: { http: { server_ports: "80" } },
  });
});
