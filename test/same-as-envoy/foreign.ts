/** HTTP filters that others compiled: what each needs to run, and what comes of the requests that are tried with it. */
import type { Both, BothOptions } from "./both.ts";
import { type Exchange, exchange, type HttpResponse, type Outcome } from "./exchange.ts";
import { requests } from "./foreign-requests.ts";
import type { Methods, Step } from "./grpc-upstream.ts";

export interface Filter extends Omit<BothOptions, "wasm"> {
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
export const filters: Readonly<Record<string, Filter>> = {
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

/** What Envoy and the simulator make of each request, one after the other. */
export async function* outcomes(
  both: Both,
  { answers = [], grpcAnswers = [], ticks, grpc }: Filter,
): AsyncGenerator<{ one: Exchange; real: Outcome; simulated: Outcome }> {
  for (const [i, given] of requests.entries()) {
    const own = answers[i % answers.length];
    const steps = grpcAnswers[i % grpcAnswers.length];
    if (steps !== undefined) (grpc!.grpcbin as Methods)[RANDOM_ERROR] = steps;
    const one = exchange(`${i}`, { ...given, ...(own && { answer: own }) });
    yield { one, ...(await both.runSilent(one, ticks ?? null)) };
  }
}
