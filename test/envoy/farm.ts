/**
 * A farm with something of everything, and a real Envoy with the real filter on it. The plan is written out here, not
 * compiled from a farm.yaml: what a rule does in Envoy is what these tests are about.
 */
import { existsSync } from "node:fs";
import { encode } from "../../scripts/encode/encode.ts";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyOptions, type EnvoyProcess, startEnvoy } from "../../scripts/envoy/process.ts";
import { type Headers, type HttpResponse, type SendOptions, send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import type { Listener, Plan, Predicate, Route, Rule } from "../../scripts/plan.ts";
import { projectPath } from "../support/data.ts";
import { HELD } from "../support/plans.ts";

export const EMITTED = ["x-mw-cluster", "x-mw-wiki", "x-mw-release"];
export const FALLBACK = "pass-through";

const NAMES = ["web", "api", "jobs", "debug", "next", "web-ro", "api-ro"];
/** With dots and dashes, as real ones. */
const VERSIONS = ["1.47.0-wmf.1", "1.47.0-wmf.2"];

const [WEB, API, JOBS, DEBUG, NEXT, WEB_RO, API_RO] = NAMES.keys() as Iterable<number> as number[];

function rule<T>(outcome: T, ...when: Predicate[]): Rule<T> {
  return { when, outcome, wiki: "host", debug: false };
}

function backend(name: string, deployment: number): Rule<Route> {
  const when: Predicate = {
    subject: "header",
    name: "x-wikimedia-debug",
    test: "option",
    option: "backend",
    values: [name],
    not: false,
  };
  return { ...rule({ deployment }, when), debug: true };
}

const JOB: Rule<Route> = {
  ...rule(
    { deployment: JOBS! },
    { subject: "method", test: "exact", values: ["POST"], not: false },
    { subject: "path", test: "under", values: ["/rpc/RunSingleJob.php"], not: false },
  ),
  wiki: "body",
};
const JOB_NO_POST = rule({ deployment: JOBS! }, {
  subject: "path",
  test: "under",
  values: ["/rpc/RunSingleJob.php"],
  not: false,
} as Predicate);
const DEBUGGING: Rule<Route>[] = [
  backend("k8s-debug", DEBUG!),
  backend("next", NEXT!),
  rule({ reply: 1 }, { subject: "header", name: "x-wikimedia-debug", test: "present", not: false }),
];
const PASS: Rule<Route>[] = [
  rule<Route>("pass", { subject: "host", test: "suffix", values: [".wmnet"], not: false }),
  rule<Route>("pass", { subject: "host", test: "address", not: false }),
];
const APIS: Rule<Route> = rule(
  { deployment: API! },
  { subject: "path", test: "under", values: ["/w/api.php", "/w/rest.php"], not: false },
);

const edge: Listener = {
  name: "edge",
  trust: "edge",
  trustedHops: 0,
  datacentre: null,
  deployment: WEB!,
  routes: [...DEBUGGING, JOB, JOB_NO_POST, ...PASS, APIS],
  assets: [],
  reads: [
    rule({ readOnly: 0 }, { subject: "method", test: "exact", values: ["POST"], not: false }),
    rule({ readOnly: 10_000 }, { subject: "path", test: "under", values: ["/all-read-only"], not: false }),
    rule({ readOnly: 5_000 }),
  ],
};

/** Three listeners: `edge` has everything, `mesh` no debugging and the trust of our own, `plain` one deployment. */
export const PLAN: Plan = {
  wikis: [
    { id: "be_x_oldwiki", release: 1, group: null, installed: true },
    { id: "dewiki", release: 0, group: "group1", installed: true },
    { id: "enwiki", release: 0, group: "group1", installed: true },
    { id: "newwiki", release: 0, group: "group1", installed: false },
    { id: "testwiki", release: 1, group: "group0", installed: true },
  ],
  hosts: [
    { host: "be-tarask.wiki.example", destination: { wiki: 0 } },
    { host: "files.wiki.example", destination: { path: 0 } },
  ],
  rewrites: [{ kind: "path", from: "gateway.example", under: "/v1" }],
  patterns: [{ kind: "join", prefix: "", suffix: ".wiki.example", tail: "wiki", dashes: true, path: null }],
  paths: [
    {
      target: false,
      segments: [null],
      closed: true,
      parts: [0],
      dashes: false,
      lower: false,
      replacements: [],
    },
  ],
  listeners: [
    edge,
    { ...edge, name: "mesh", trust: "internal", routes: [JOB, JOB_NO_POST, ...PASS, APIS] },
    { ...edge, name: "plain", deployment: API!, routes: [], reads: [] },
  ],
  shareCookie: null,
  replies: [
    { status: 404, body: "no such wiki" },
    { status: 400, body: "unknown debug backend" },
    { status: 410, body: "not installed yet" },
  ],
  deployments: NAMES.map((name, i) => ({
    name,
    readOnly: i === WEB ? WEB_RO! : i === API ? API_RO! : null,
  })),
  releases: VERSIONS.map((version) => ({ name: version, version })),
  defaultRelease: 0,
  wikiless: { unknownHost: { release: 0 }, missing: { reply: 0 }, notInstalled: { reply: 2 } },
  // `next` runs one version, whatever the wiki's.
  clusters: NAMES.map((name) =>
    VERSIONS.map((version) => (name === "next" ? "next-any" : `${name}-${version}`)),
  ),
  emit: [
    { kind: "cluster", name: "x-mw-cluster" },
    { kind: "wiki", name: "x-mw-wiki" },
    { kind: "release", name: "x-mw-release" },
  ],
  jobs: { field: "database", limit: 512 * 1024, host: "if-unknown", ...HELD },
  canonical: {
    rules: [{ tail: "wiki", suffix: ".wiki.example", dashes: true }],
    exceptions: [{ wiki: "be_x_oldwiki", host: "be-tarask.wiki.example" }],
  },
};

export function tableOf(change: Partial<Plan> = {}, generation = 1): Uint8Array {
  return encode({ ...PLAN, ...change }, { generation, names: null });
}

export interface Started {
  envoy: EnvoyProcess;
  upstreams: Upstreams;
  /** Asks by a listener's name; default: the first. */
  send(options?: Partial<SendOptions> & { listener?: string }): Promise<HttpResponse>;
  /** The same, and what the upstream saw; fails on anything but a 200. */
  ask(options?: Partial<SendOptions> & { listener?: string }): Promise<Seen>;
  stop(): Promise<void>;
}

export interface StartOptions extends Partial<Omit<EnvoyOptions, "filter">> {
  table?: Uint8Array;
  filter?: Partial<EnvoyOptions["filter"]>;
  /** The port of an xDS server that has the filter's later tables; the first is what Envoy starts with. */
  server?: number;
  /** Headers of every answer of an upstream. */
  says?: Headers;
}

const XDS = { name: "xds", grpc: true };
export const WASM = projectPath("build/pointsman.wasm");

export async function start(options: StartOptions = {}): Promise<Started> {
  if (!existsSync(WASM)) throw new Error("build/pointsman.wasm is missing: run `npm run build` first");
  const { table = tableOf(), filter, says = [], server, ...rest } = options;
  const clusters = [...new Set(PLAN.clusters.flat())];
  const upstreams = await startUpstreams([...clusters, FALLBACK], says);
  const envoy = await startEnvoy({
    envoy: await findEnvoy(),
    listeners: [{ name: "edge", trust: "edge" }],
    clusters: [...upstreams.clusters, ...(server === undefined ? [] : [{ ...XDS, port: server }])],
    fallbackCluster: FALLBACK,
    clusterHeader: "x-mw-cluster",
    emittedHeaders: EMITTED,
    jobLimit: PLAN.jobs!.limit,
    ...rest,
    ...(server === undefined
      ? { filter: { wasm: WASM, table, ...filter } }
      : {
          filterServer: XDS.name,
          atStart: (listener: string) => ({ wasm: WASM, table, ...filter, listener }),
        }),
  }).catch(async (error) => {
    await upstreams.stop();
    throw error;
  });
  const sendTo: Started["send"] = ({ listener, ...request } = {}) =>
    send({ port: listener === undefined ? envoy.port : envoy.ports[listener]!, ...request });
  return {
    envoy,
    upstreams,
    send: sendTo,
    async ask(request) {
      const response = await sendTo(request);
      if (response.status !== 200) throw new Error(`${response.status} ${response.body}`);
      return JSON.parse(response.body) as Seen;
    },
    async stop() {
      await envoy.stop();
      await upstreams.stop();
    },
  };
}

/** The values of a header, in order. */
export function valuesOf(headers: Headers, name: string): string[] {
  return headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** What upstream saw of the headers that the farm emits. */
export function emitted(seen: Seen): Headers {
  return seen.headers.filter(([name]) => EMITTED.includes(name.toLowerCase()));
}
