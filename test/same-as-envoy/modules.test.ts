/** Modules that others compiled, from three SDKs, in the real Envoy and in the simulator. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Shared, Vm } from "../../host-sim/index.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { Both, type BothOptions } from "./both.ts";
import { type Exchange, exchange, type HttpResponse } from "./exchange.ts";
import type { Methods, Step } from "./grpc-upstream.ts";

// Envoy compiles a Go module for seconds where other tests take the cores.
vi.setConfig({ testTimeout: 120_000 });

const FOLDER = join(DATA, "modules");
const read = (name: string): Uint8Array => readFileSync(join(FOLDER, `${name}.wasm`));

interface Filter extends Omit<BothOptions, "wasm"> {
  /** What its ticks log. */
  readonly ticks?: RegExp;
  /** What its own calls get; more than one in turn. */
  readonly answers?: readonly HttpResponse[];
  /** The same, by gRPC. */
  readonly grpcAnswers?: readonly (readonly Step[])[];
}

const RANDOM_ERROR = "/grpcbin.GRPCBin/RandomError";

const answer = (byte: string): HttpResponse => ({
  status: 200,
  headers: [["Content-Length", "1"]],
  body: [byte],
});

/** Modules of HTTP filters, and what else their test needs. */
const filters: Readonly<Record<string, Filter>> = {
  "go-helloworld": { ticks: /^2 (It's \d+: random value: \d+|OnTick called)$/ },
  "rust-hello_world": {
    failurePolicy: "closed",
    ticks: /^2 It's [\d-]+ [\d:.]+ UTC, your lucky number is \d+\.$/,
  },
  "go-http_headers": { configuration: '{"header": "x-a", "value": "b"}' },
  "cpp-http_wasm_example": {},
  "go-http_body": {},
  "rust-http_body": {},
  // It lets requests pass by whether a byte is even.
  "rust-http_auth_random": {
    clusters: ["a", "httpbin"],
    called: ["httpbin"],
    answers: [answer("0"), answer("1")],
  },
  // It lets requests pass by whether a status is even.
  "rust-grpc_auth_random": {
    grpc: { grpcbin: { [RANDOM_ERROR]: [] } },
    grpcAnswers: [
      [{ await: 1 }, { message: "" }, { status: 0, text: "OK" }],
      [{ await: 1 }, { status: 5, text: "not found" }],
      [{ await: 1 }, { status: 2, text: "unknown" }],
    ],
  },
};

const body = ["hello, world"];
const requests: readonly Partial<Exchange>[] = [
  {},
  { path: "/a/b?c=d&e", host: "other.example:8080" },
  {
    headers: [
      ["X-One", "1"],
      ["x-two", "2"],
      ["X-One", "3"],
      ["Accept", "*/*"],
    ],
  },
  {
    headers: [
      ["Cookie", "a=b; c=d"],
      ["User-Agent", "test/1"],
      ["Referer", "http://x/"],
    ],
  },
  { method: "POST", body },
  { method: "POST", body, framing: "chunked" },
  { method: "PUT", body: ["x".repeat(20_000)], headers: [["buffer-operation", "replace"]] },
  { method: "POST", body, headers: [["buffer-operation", "prepend"]] },
  { method: "POST", body, headers: [["buffer-operation", "append"]] },
  { method: "POST", body, headers: [["Content-Type", "application/grpc"]] },
  {
    response: {
      status: 404,
      headers: [
        ["X-R", "1"],
        ["x-r", "2"],
        ["Server", "s"],
      ],
      body: ["not found"],
    },
  },
  {
    response: {
      status: 302,
      headers: [
        ["Location", "/there"],
        ["Content-Length", "0"],
      ],
      body: [],
    },
  },
  { response: { status: 200, headers: [["Content-Length", "5"]], body: ["abcde"] } },
  { method: "DELETE" },
];

describe.skipIf(DATA_IS_ABSENT)(`modules of Go, Rust and C++${WHY_SKIPPED}`, () => {
  const names = DATA_IS_ABSENT ? [] : readdirSync(FOLDER).filter((name) => name.endsWith(".wasm"));

  test("are thirteen", () => {
    expect(names.length).toBe(13);
  });

  test.each(names)("%s loads and takes a configuration", async (name) => {
    const vm = await Vm.load(readFileSync(join(FOLDER, name)));
    expect(vm.createRoot({ configuration: '{"header": "x-a", "value": "b"}' }).refused).toBe(null);
  });

  // As Envoy 1.40 was seen to log: it compiles the two for many seconds, too long to see each time.
  test("queues carry what one VM puts in to another", async () => {
    const shared = new Shared();
    const receiver = await Vm.load(read("go-shared_queue-receiver"), { vmId: "receiver", shared });
    const load = (): Promise<Vm> => Vm.load(read("go-shared_queue-sender"), { vmId: "sender", shared });
    expect((await load()).createRoot({ configuration: "http" }).refused).toBe(null);
    const queues = ["http_request_headers", "http_response_headers"];
    for (const configuration of queues) receiver.createRoot({ configuration });
    const sender = await load();
    const root = sender.createRoot({ configuration: "http" });
    const response = { headers: [[":status", "200"]] as const };
    root.request({
      headers: [
        [":authority", "a"],
        [":path", "/x"],
        [":method", "GET"],
      ],
      response,
    });
    const texts = (vm: Vm): string[] => vm.logs.map(({ text }) => text);
    expect(texts(sender)).toEqual([
      "contextID=1 is configured for http",
      'enqueued data: {"key": ":authority","value": "a"}',
      'enqueued data: {"key": ":path","value": "/x"}',
      'enqueued data: {"key": ":method","value": "GET"}',
      '(contextID=2) enqueued data: {"key": ":status","value": "200"}',
    ]);
    expect(texts(receiver)).toEqual([
      'queue "http_request_headers" registered as queueID=1 by contextID=1',
      'queue "http_response_headers" registered as queueID=2 by contextID=2',
      '(contextID=1) dequeued data from http_request_headers(queueID=1): {"key": ":authority","value": "a"}',
      '(contextID=1) dequeued data from http_request_headers(queueID=1): {"key": ":path","value": "/x"}',
      '(contextID=1) dequeued data from http_request_headers(queueID=1): {"key": ":method","value": "GET"}',
      '(contextID=2) dequeued data from http_response_headers(queueID=2): {"key": ":status","value": "200"}',
    ]);
  });

  describe("in Envoy as in the simulator:", () => {
    let both: Both;
    afterEach(() => both?.stop());

    test.each(Object.keys(filters))("%s", async (name) => {
      const { answers = [], grpcAnswers = [], ticks = null, ...options } = filters[name]!;
      both = await Both.start({ ...options, wasm: read(name) });
      for (const [i, given] of requests.entries()) {
        const own = answers[i % answers.length];
        const steps = grpcAnswers[i % grpcAnswers.length];
        if (steps !== undefined) (options.grpc!.grpcbin as Methods)[RANDOM_ERROR] = steps;
        const one = exchange(`${i}`, { ...given, ...(own && { answer: own }) });
        const { real, simulated } = await both.runSilent(one, ticks);
        expect(simulated, JSON.stringify(one)).toEqual(real);
      }
      if (ticks !== null) await tickLogs(both, ticks);
      if (name === "rust-hello_world") sameTrap(both);
    });
  });
});

/** A tick comes in both, and logs what ticks do. */
async function tickLogs({ real, simulated }: Both, ticks: RegExp): Promise<void> {
  const isOne = (line: string): boolean => ticks.test(line);
  const { clock } = simulated.host;
  clock.advance(simulated.host.root("pointsman", "main")!.tickPeriod);
  const lines = simulated.takeLogs().filter(isOne);
  expect(lines.length).toBeGreaterThan(0);
  expect((await real.takeLines(1, isOne)).length).toBeGreaterThan(0);
}

/** The same functions, at the same offsets of the module. */
function sameTrap({ real, simulated }: Both): void {
  const frames = simulated.host.vm("pointsman", "worker 0")?.trap?.split("\n  at ").slice(1);
  // Envoy: `  0:  0x1a2b - name`.
  const inEnvoy = real.envoy.logs.flatMap((line) => {
    const [, at, name] = /^ +\d+: +(0x[0-9a-f]+) - (.*)$/.exec(line) ?? [];
    return at === undefined ? [] : [`${name} (${at})`];
  });
  expect(inEnvoy.length).toBeGreaterThan(2);
  expect(frames).toEqual(inEnvoy);
}
