/** `pointsman render istio`: what it writes, by golden files and the schemas of Istio's objects, and what it refuses. */
import { loadAll } from "js-yaml";
import { beforeEach, describe, expect, it } from "vitest";
import { contentsOf } from "../scripts/render/filter-file.ts";
import type { Manifest } from "../scripts/render/istio/manifest.ts";
import { edit, packSmall, promote, read, run, SMALL, setUpCli } from "./support/cli.ts";
import { hasGo } from "./support/go-program.ts";
import { schemaCheck } from "./support/istio-crds.ts";

setUpCli();

const ADDRESSES = ["--clusters", "{cluster}.mw.svc.cluster.local:8080", "--fallback", "10.0.0.9:8085"];
const SECURED = ["--clusters", "https://{cluster}.example.org:4450", "--fallback", "static.example.org:80"];
const FILE = ["--module", "file:///etc/pointsman/pointsman.wasm"];
const URL = ["--module", "https://modules.example.org/pointsman.wasm"];

/** In the order in which they are printed. */
function render(...args: string[]): Manifest[] {
  const { code, out, err } = run(["render", "istio", ...SMALL, ...args]);
  expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^(note: .*\n)*$/) });
  return loadAll(out) as Manifest[];
}

/** Specs of the objects of a kind. */
const specsOf = (manifests: readonly Manifest[], kind: string) =>
  manifests.filter((one) => one.kind === kind).map(({ spec }) => spec);

describe.each([
  ["envoyfilter", "virtualservice", [...FILE, ...ADDRESSES]],
  [
    "envoyfilter",
    "envoyfilter",
    [...URL, ...SECURED, "--timeout", "mw-api=60s", "--idle-timeout", "mw-api=90s"],
  ],
  ["wasmplugin", "virtualservice", [...URL, ...SECURED, "--timeout", "mw-api=60s", "--timeout", "200s"]],
  [
    "trafficextension",
    "virtualservice",
    [
      ...URL,
      ...SECURED,
      "--istio",
      "1.31",
      "--listener",
      "main=443:8443",
      "--tls-secret",
      "main=wikis",
      "--host",
      "*.wikipedia.org",
    ],
  ],
])("the filter by %s, routes by %s", (as, routes, args) => {
  let manifests: Manifest[];
  beforeEach(() => {
    manifests = render("--as", as, "--routes", routes, ...args);
  });

  it("is as the golden file has it, but for the table", async () => {
    const { out } = run(["render", "istio", ...SMALL, "--as", as, "--routes", routes, ...args]);
    const text = out
      .replace(/^( *(?:value|table): )[A-Za-z0-9+/=]{200,}$/gm, "$1TABLE")
      .replace(/[0-9a-f]{32,64}/g, "HEX");
    await expect(text).toMatchFileSnapshot(`render-istio/${as}-${routes}.yaml`);
  });

  it.skipIf(!hasGo && !process.env.CI)(
    "is what the schemas of Istio's objects want (skipped without Go)",
    () => {
      const check = schemaCheck(as === "trafficextension" ? "1.31" : "1.29");
      for (const manifest of manifests) expect(check(manifest), manifest.kind).toBeNull();
    },
    60_000,
  );

  it("brings the table whole, and the listener with it", () => {
    packSmall("t", "--strip");
    const filter = manifests.at(-1)!;
    expect(filter.metadata).toMatchObject({
      name: "pointsman-main",
      labels: { "pointsman-generation": "1", "pointsman-digest": expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    const text = JSON.stringify(filter);
    const [, bytes = ""] = /"value":"([A-Za-z0-9+/=]{200,})"/.exec(text) ?? [];
    const [, config = ""] = /"pluginConfig":(\{.*?\})/.exec(text) ?? [];
    const { settings, table } = contentsOf(Buffer.from(bytes || config, bytes ? "base64" : "utf8"), false);
    expect(settings).toMatchObject({ listener: "main", "cluster-header": "x-mw-cluster", attempt: 1 });
    expect(Buffer.from(table!.bytes)).toEqual(read("t"));
  });

  it("removes clients' copies of our headers in the connection manager, whatever becomes of the filter", () => {
    const guard = JSON.stringify(manifests.find(({ metadata }) => metadata.name === "pointsman-main-guard"));
    expect(guard).toContain('"early_header_mutation_extensions"');
    expect(guard).toContain('"internal_only_headers":["x-mw-cluster"');
    // It is applied before the routes that a client could choose by.
    const kinds = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(kinds.indexOf("EnvoyFilter pointsman-main-guard")).toBeLessThan(
      kinds.indexOf("Gateway pointsman-main"),
    );
  });
});

describe("upstreams", () => {
  const LB = ["--clusters", "https://lb.example.org:443", "--fallback", "lb.example.org:80"];

  it("on one host are one ServiceEntry, and only its TLS port has TLS", () => {
    const manifests = render(...FILE, ...LB);
    expect(specsOf(manifests, "ServiceEntry")).toMatchObject([
      {
        hosts: ["lb.example.org"],
        ports: [
          { number: 443, name: "https", protocol: "HTTPS" },
          { number: 80, name: "http-80", protocol: "HTTP" },
        ],
      },
    ]);
    const tls = { mode: "SIMPLE", sni: "lb.example.org" };
    expect(specsOf(manifests, "DestinationRule")).toMatchObject([
      { trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls }] } },
    ]);
  });

  it("at addresses have hosts that Istio takes, whatever the cluster is called", () => {
    edit("farm.yaml", 'cluster: "{', 'cluster: "MW_|{');
    const [first] = specsOf(
      render(...FILE, "--clusters", "10.0.0.1:80", "--fallback", "10.0.0.2:80"),
      "ServiceEntry",
    );
    expect(first).toMatchObject({
      hosts: ["mw--mw-web-1-46-0.pointsman.internal"],
      endpoints: [{ address: "10.0.0.1" }],
    });
  });
});

describe("--native", () => {
  const NATIVE = ["--native", ...ADDRESSES];

  it("is as the golden file has it, and as Istio's schemas want it", async () => {
    const { out } = run(["render", "istio", ...SMALL, ...NATIVE]);
    await expect(out.replace(/[0-9a-f]{32}/g, "HEX")).toMatchFileSnapshot("render-istio/native.yaml");
    if (!hasGo && !process.env.CI) return;
    const check = schemaCheck("1.29");
    for (const manifest of render(...NATIVE)) expect(check(manifest), manifest.kind).toBeNull();
  }, 60_000);

  it("has its routes in the object that changes with the table, and all else in another", () => {
    const args = ["render", "istio", ...SMALL, ...NATIVE, "--out", "istio"];
    run(args);
    const before = [read("istio/routes.yaml"), read("istio/filter-main.yaml")];
    promote();
    run(args);
    expect(read("istio/routes.yaml")).toEqual(before[0]);
    expect(read("istio/filter-main.yaml")).not.toEqual(before[1]);
  });

  it.each([
    [["--host", "en.wikipedia.org"], 1, "give the Gateway a host with *"],
    [["--except", "host nope"], 1, 'there is no "host nope" to leave out'],
    [[...FILE], 2, "--module: of the filter, which --native is without"],
    [["--as", "wasmplugin"], 2, "--as: of the filter"],
  ])("%j is refused", (args, code, why) => {
    const ran = run(["render", "istio", ...SMALL, ...NATIVE, ...args]);
    expect(ran).toMatchObject({ code, out: "", err: expect.stringContaining(why) });
  });

  it("is where routes without a module come from", () => {
    const { code, err } = run(["render", "istio", ...SMALL, ...ADDRESSES]);
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining("give --module URL, or --native for routes without the filter"),
    });
  });
});

describe("a dead VM", () => {
  it("is loaded anew where Istio can, and never lets a request pass", () => {
    const plugin = (...more: string[]) =>
      specsOf(render("--as", "wasmplugin", ...more, ...URL, ...ADDRESSES), "WasmPlugin")[0];
    expect(plugin()).toMatchObject({ failStrategy: "FAIL_RELOAD" });
    expect(plugin("--istio", "1.24")).toMatchObject({ failStrategy: "FAIL_CLOSE" });
    const { err } = run(["render", "istio", ...SMALL, "--istio", "1.24", ...URL, ...ADDRESSES]);
    expect(err).toBe(
      "note: while the filter's VM is dead, its worker answers 503, until the next table or a restart\n",
    );
  });
});

describe("--istio 1.24", () => {
  it("says nothing that Envoy 1.32 does not know", () => {
    const text = JSON.stringify(render("--istio", "1.24", ...FILE, ...ADDRESSES));
    for (const unknown of ["remove_on_match", "allow_on_headers_stop_iteration", "failure_policy"])
      expect(text).not.toContain(unknown);
    expect(text).toContain('{"remove":"x-mw-cluster"},{"remove":"x-mw_cluster"},{"remove":"x-mw.cluster"}');
  });
});

describe.skipIf(!hasGo && !process.env.CI)("the check by Istio's schemas", () => {
  it("finds what a version does not know, and what is spelt wrongly", () => {
    const [plugin] = render("--as", "wasmplugin", ...URL, ...ADDRESSES).slice(-1);
    expect(schemaCheck("1.29")(plugin!)).toBeNull();
    expect(schemaCheck("1.24")(plugin!)).toContain("failStrategy");
    expect(schemaCheck("1.29")({ ...plugin!, spec: { ...plugin!.spec, fase: "STATS" } })).toContain(
      "must NOT have additional properties",
    );
    const [extension] = render("--as", "trafficextension", "--istio", "1.31", ...URL, ...ADDRESSES).slice(-1);
    expect(schemaCheck("1.29")(extension!)).toBe(
      "Istio 1.29 has no TrafficExtension in extensions.istio.io/v1alpha1",
    );
  }, 60_000);

  it("takes all that is written for 1.24", () => {
    const check = schemaCheck("1.24");
    for (const as of ["envoyfilter", "wasmplugin"])
      for (const one of render("--as", as, "--istio", "1.24", ...URL, ...SECURED))
        expect(check(one)).toBeNull();
  }, 60_000);
});

describe("is refused", () => {
  it.each([
    [["--as", "trafficextension"], "Istio 1.29 has no TrafficExtension: take a WasmPlugin or an EnvoyFilter"],
    [["--idle-timeout", "9s"], "a VirtualService has no idle timeout: take --routes envoyfilter"],
    [["--timeout", "nope=9s"], 'the table has no deployment "nope"'],
    [["--clusters", "https://10.0.0.7:443"], "https://10.0.0.7 is an address: give the host name"],
    [["--listener", "a=80:8080", "--listener", "b=80:8081"], 'listeners "a" and "b" have the same port'],
    [["--listener", "a=80:8080", "--listener", "b=81:8080"], 'listeners "a" and "b" have the same port'],
    [["--listener", "a=80", "--listener", "a=81"], "there would be two of EnvoyFilter pointsman-a-guard"],
    [["--listener", "a=80", "--listener", "a-guard=81"], "two of EnvoyFilter pointsman-a-guard"],
    [["--name", "a.b"], '"a.b-main" is no name for a Gateway'],
    [["--clusters", "mw_{cluster}:80"], 'Istio takes no host "mw_mw-web-1-46-0"'],
    [
      ["--clusters", "https://lb.example.org:443", "--server-name", "{cluster}.example.org"],
      "would both be lb.example.org:443 to Istio",
    ],
  ])("what Istio or the table lacks: %j", (args, why) => {
    const { code, out, err } = run(["render", "istio", ...SMALL, ...FILE, ...ADDRESSES, ...args]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(why);
  });

  it.each([
    [["--listener", "main"], "Write a listener as NAME=PORT"],
    [["--listener", "Main=80"], "A name has small letters"],
    [["--listener", "main=x:80"], '"x" is no address'],
    [["--module", "pointsman.wasm"], "Write a module as file:///PATH"],
    [["--listener", "main=80:0"], "A server's port is a whole number from 1"],
    [["--host", "a b"], "Write a host as"],
    [["--host", "*.example.org", "--host", "wiki.example.org"], "*.example.org has hosts of it"],
    [["--name", "a..b"], "A name has small letters"],
    [["--namespace", "a.b"], "A namespace has at most 63"],
    [["--tls-secret", "edge=wikis"], "--tls-secret edge: no --listener has this name"],
    [["--istio", "1.20"], "Allowed choices are 1.24, 1.29, 1.31"],
    [["--sha256", "ab"], "A SHA-256 has 64 digits"],
  ])("what is written wrongly: %j", (args, why) => {
    const { code, out, err } = run(["render", "istio", ...SMALL, ...FILE, ...ADDRESSES, ...args]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(why);
  });

  describe("jobs by body", () => {
    const JOBS = "jobs: { field: database, rules: [{ method: POST, path: /job, deployment: mw-api }] }\n";
    const renderJobs = (...args: string[]) => {
      edit("farm.yaml", "headers: {", `${JOBS}headers: {`);
      return run(["render", "istio", ...SMALL, ...URL, ...ADDRESSES, ...args]);
    };

    it.each(["wasmplugin", "trafficextension"])("by a %s, which would let each hang", (as) => {
      const { code, out, err } = renderJobs("--as", as, "--istio", "1.31");
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(
        /jobs of listener "main" name their wiki in the body.*would hang.*--as envoyfilter/,
      );
    });

    it("by Istio 1.24, whose Envoy cannot wait for a body", () => {
      expect(renderJobs("--istio", "1.24")).toMatchObject({
        code: 1,
        err: expect.stringContaining("Envoy 1.35 can"),
      });
    });

    it("but not by an EnvoyFilter, which lets the gateway hold as much as they need", () => {
      const { code, out, err } = renderJobs();
      expect(code).toBe(0);
      expect(err).toContain("silent for 5 minutes ends with a 504");
      expect(out).toContain("allow_on_headers_stop_iteration: true");
      expect(out).toContain("per_connection_buffer_limit_bytes: 1048576");
    });
  });
});

describe("--out", () => {
  it("has the table in a file of its own, and all else in another", () => {
    const args = ["render", "istio", ...SMALL, ...FILE, ...ADDRESSES, "--out", "istio"];
    expect(run(args).out).toBe("istio/routes.yaml\nistio/filter-main.yaml\n");
    const before = [read("istio/routes.yaml"), read("istio/filter-main.yaml")];
    promote();
    run(args);
    expect(read("istio/routes.yaml")).toEqual(before[0]);
    expect(read("istio/filter-main.yaml")).not.toEqual(before[1]);
  });

  it("as JSON is a List", () => {
    const { out } = run(["render", "istio", ...SMALL, ...FILE, ...ADDRESSES, "--json"]);
    expect(JSON.parse(out)).toMatchObject({ apiVersion: "v1", kind: "List" });
    expect(JSON.parse(out).items.map(({ kind }: Manifest) => kind)).toEqual([
      "ServiceEntry",
      "EnvoyFilter",
      "Gateway",
      "VirtualService",
      "EnvoyFilter",
    ]);
  });
});
