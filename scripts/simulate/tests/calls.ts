/** A module's own calls: held against what a test expects of them, and answered as it says. */
import type { GrpcCall, HttpCall, RootContext } from "../../../host-sim/index.ts";
import { type Difference, differsHeaders, differsMessage, differsText, quoted, under } from "./differs.ts";
import type { ExpectedGrpcCall, ExpectedHttpCall, Message } from "./load.ts";
import type { Wanted } from "./schema.ts";

/** What differs between calls over HTTP and over gRPC. */
interface Kind<Made, Expected> {
  /** Of a step. */
  readonly key: string;
  readonly name: string;
  waiting(root: RootContext): readonly Made[];
  differs(expected: Expected, made: Made): Difference[];
  answer(root: RootContext, made: Made, expected: Expected): void;
}

/** The calls of one kind in one step, in their order. */
export class Calls<Made extends { readonly upstream: string }, Expected> {
  readonly #made: string[] = [];

  constructor(
    private readonly kind: Kind<Made, Expected>,
    private readonly root: RootContext,
    /** Calls that an expectation has been held against, in this step or before. */
    private readonly seen: Set<object>,
    /** null: it may make any, and none is answered. */
    private readonly expected: readonly Expected[] | null,
    private readonly keep: (differences: readonly Difference[]) => void,
  ) {}

  /** Answers what waits, and what the module asks for then. @returns whether there was anything */
  settle(): boolean {
    const { kind, root, seen } = this;
    const before = this.#made.length;
    for (;;) {
      const call = kind.waiting(root).find((one) => !seen.has(one));
      if (call === undefined) return this.#made.length > before;
      seen.add(call);
      const index = this.#made.push(call.upstream) - 1;
      const expected = this.expected?.[index];
      if (expected === undefined) continue;
      this.keep(kind.differs(expected, call).map(under(index)).map(under(kind.key)));
      kind.answer(root, call, expected);
    }
  }

  /** Where there were not as many as expected. */
  differences(): Difference[] {
    if (this.expected === null || this.expected.length === this.#made.length) return [];
    const made = this.#made.map(quoted).join(", ");
    const actual = `${this.#made.length}${made === "" ? "" : `: to ${made}`}`;
    const path = [this.kind.key, Math.min(this.expected.length, this.#made.length)];
    const what = `${this.kind.name} calls of the module`;
    return [{ path, what, expected: `${this.expected.length}`, actual }];
  }
}

function differsOne(key: string, what: string, wanted: Wanted | undefined, actual: string): Difference[] {
  const differs = wanted === undefined ? null : differsText(wanted, actual);
  return differs === null ? [] : [{ path: [key], what, ...differs }];
}

function differsTimeout(wanted: number | undefined, actual: number): Difference[] {
  if (wanted === undefined || wanted === actual) return [];
  return [
    { path: ["timeout"], what: "the call's timeout", expected: `${wanted} ms`, actual: `${actual} ms` },
  ];
}

export const HTTP: Kind<HttpCall, ExpectedHttpCall> = {
  key: "http-calls",
  name: "HTTP",
  waiting: (root) => root.httpCalls,
  differs: (expected, call) => [
    ...differsOne("to", "the cluster that is called", expected.to, call.upstream),
    ...differsMessage(expected, { ...call, ended: true }, "the call"),
    ...differsTimeout(expected.timeout, call.timeout),
  ],
  answer: (root, { id, timeout }, { answer }) => {
    if (answer === null) return;
    if (answer === "timeout") root.vm.clock.advance(timeout);
    else if (answer === "broken") root.failHttpCall(id);
    else root.answerHttpCall(id, whole(answer));
  },
};

/** A message whose body comes in one piece. */
function whole({ headers, body, trailers }: Message) {
  return { headers, body: Buffer.concat(body ?? []), ...(trailers !== null && { trailers }) };
}

export const GRPC: Kind<GrpcCall, ExpectedGrpcCall> = {
  key: "grpc-calls",
  name: "gRPC",
  waiting: (root) => root.grpcCalls,
  differs: (expected, call) => [
    ...differsOne("to", "the cluster that is called", expected.to, call.upstream),
    ...differsOne("service", "the service that is called", expected.service, call.service),
    ...differsOne("method", "the method that is called", expected.method, call.method),
    ...differsHeaders(expected.metadata ?? {}, call.initialMetadata, "the call").map(under("metadata")),
    ...differsMessages(expected.messages, call.messages),
    ...differsTimeout(expected.timeout, call.timeout),
  ],
  answer: (root, { id, kind, timeout }, { answer }) => {
    if (answer === null) return;
    if (answer === "timeout") root.vm.clock.advance(timeout);
    else if (answer === "broken") root.failGrpc(id);
    else if (answer === "refused") root.failGrpc(id, "refused");
    else {
      const { status = kind === "call" ? 0 : undefined, ...more } = answer;
      root.answerGrpc(id, { ...more, ...(status !== undefined && { status }) });
    }
  },
};

function differsMessages(wanted: readonly Wanted[] | undefined, sent: readonly Uint8Array[]): Difference[] {
  if (wanted === undefined) return [];
  if (wanted.length !== sent.length)
    return [
      {
        path: ["messages"],
        what: "messages of the call",
        expected: `${wanted.length}`,
        actual: `${sent.length}`,
      },
    ];
  return wanted.flatMap((one, i) =>
    differsOne(`${i}`, `message ${i + 1} of the call`, one, Buffer.from(sent[i]!).toString("latin1")).map(
      under("messages"),
    ),
  );
}
