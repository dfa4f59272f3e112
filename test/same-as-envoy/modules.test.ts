/**
 * Modules that others compiled, from three SDKs, in the real Envoy and in the simulator; `tcp.test.ts` has two that filter
 * connections, `services.test.ts` three that run beside requests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { envoy137, Vm } from "../../host-sim/index.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { Both, type BothOptions } from "./both.ts";
import { exchange, type HttpResponse } from "./exchange.ts";
import { requests } from "./foreign-requests.ts";
import type { Methods, Step } from "./grpc-upstream.ts";
import { PROFILE } from "./which-envoy.ts";

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

describe.skipIf(DATA_IS_ABSENT)(`modules of Go, Rust and C++${WHY_SKIPPED}`, () => {
  const names = DATA_IS_ABSENT ? [] : readdirSync(FOLDER).filter((name) => name.endsWith(".wasm"));

  test("are thirteen, and each is compared with Envoy: these here, the others beside", () => {
    const others = [
      "go-dispatch_call_on_tick",
      "go-network",
      "go-shared_queue-receiver",
      "go-shared_queue-sender",
      "rust-envoy_tcp_routing",
    ];
    const files = [...Object.keys(filters), ...others].map((name) => `${name}.wasm`);
    expect(names.toSorted()).toEqual(files.sort());
    expect(names.length).toBe(13);
  });

  test.each(names)("%s loads and takes a configuration", async (name) => {
    const vm = await Vm.load(readFileSync(join(FOLDER, name)));
    expect(vm.createRoot({ configuration: '{"header": "x-a", "value": "b"}' }).refused).toBe(null);
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
  // Envoy 1.37 says ten of them at most.
  expect(PROFILE === envoy137 ? frames?.slice(0, 10) : frames).toEqual(inEnvoy);
}
