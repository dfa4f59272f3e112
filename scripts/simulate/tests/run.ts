/** Runs a test in the simulator, and says what came otherwise than it expects. */
import {
  type CompiledModule,
  enumNames,
  LoadError,
  type RequestResult,
  type RootContext,
  type Message as Sent,
  type Stream,
  Vm,
} from "../../../host-sim/index.ts";
import type { Place } from "../../sources/problem.ts";
import { Calls, GRPC, HTTP } from "./calls.ts";
import {
  type Difference,
  differsLogs,
  differsMessage,
  differsMetrics,
  differsNoLogs,
  differsText,
  type Line,
  type MetricValue,
  quoted,
  showWanted,
  under,
  type WantedMessage,
} from "./differs.ts";
import type { Message, Request, Step, Test } from "./load.ts";
import type { Expected, Wanted } from "./schema.ts";

export interface Failure extends Pick<Difference, "what" | "expected" | "actual"> {
  place: Place;
}

export interface Ran {
  test: Test;
  /** None: it has passed. */
  failures: readonly Failure[];
  /** What the module logged, `info: text`. */
  logs: readonly string[];
  milliseconds: number;
}

/** Runs tests one after the other; a module is compiled once for each proxy. */
export class Runner {
  readonly #compiled = new Map<string, Map<Uint8Array, Promise<CompiledModule>>>();

  async run(test: Test): Promise<Ran> {
    const start = performance.now();
    const run = new Run(test);
    try {
      run.all(await this.#compile(test));
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      run.refused(error.message);
    }
    return {
      test,
      ...run,
      logs: run.lines.map(({ level, text }) => `${level}: ${text}`),
      milliseconds: performance.now() - start,
    };
  }

  #compile({ module, profile }: Test): Promise<CompiledModule> {
    const modules = this.#compiled.get(profile.name) ?? new Map<Uint8Array, Promise<CompiledModule>>();
    this.#compiled.set(profile.name, modules);
    const compiled = modules.get(module) ?? Vm.compile(module, profile);
    modules.set(module, compiled);
    return compiled;
  }
}

/** Of one test, on this computer's clock. */
const SECONDS_AT_MOST = 60;

class Run {
  readonly failures: Failure[] = [];
  readonly lines: Line[] = [];
  readonly #test: Test;
  readonly #end = performance.now() + SECONDS_AT_MOST * 1000;
  /** Calls that an expectation has been held against. */
  readonly #seen = new Set<object>();
  /** Lines of `lines` that a step has looked at. */
  #read = 0;

  constructor(test: Test) {
    this.#test = test;
  }

  all(module: CompiledModule): void {
    const {
      profile,
      configuration,
      vmConfiguration,
      rootId,
      vmId,
      environment,
      properties,
      upstreams,
      steps,
    } = this.#test;
    const vm = new Vm(module, {
      profile,
      vmConfiguration,
      vmId,
      environment,
      properties,
      ...(upstreams !== null && { upstreams }),
      onLog: ({ level, text }) => this.lines.push({ level: enumNames.logLevel[level] ?? `${level}`, text }),
    });
    const root = vm.createRoot({ configuration, rootId });
    if (root.refused !== null) {
      this.refused(root.refused);
      return;
    }
    const { expected, placeOf } = steps[0]!;
    if (expected.refused !== undefined) {
      const shown = expected.refused === true ? "refused" : `refused: ${showWanted(expected.refused)}`;
      this.failures.push({
        place: placeOf("expect", "refused"),
        what: "the configuration",
        expected: shown,
        actual: "taken",
      });
      return;
    }
    for (const step of steps) this.#step(step, root);
  }

  /** The module, or its configuration. What it logged last says why in its own words. */
  refused(why: string): void {
    const { expected, placeOf } = this.#test.steps[0]!;
    const said = [why, ...this.lines.map(({ text }) => text)];
    const fail = (expected: string, ...path: string[]) =>
      this.failures.push({
        place: placeOf(...path),
        what: "the module or its configuration",
        expected,
        actual: `refused: ${said.join("\n")}`,
      });
    if (expected.refused === undefined) fail("taken");
    else if (expected.refused !== true) {
      const wanted = expected.refused;
      const isSaid = said.some((text) => differsText(wanted, Buffer.from(text).toString("latin1")) === null);
      if (!isSaid) fail(`refused: ${showWanted(wanted)}`, "expect", "refused");
    }
    if (expected.refused !== undefined) this.#keep(placeOf, ["expect"], this.#differsLogs(expected));
  }

  #step(step: Step, root: RootContext): void {
    const { request, expected, placeOf } = step;
    const wasAlive = !root.vm.failed;
    const keep = (differences: readonly Difference[]) => this.#keep(placeOf, [], differences);
    const kinds = [
      new Calls(HTTP, root, this.#seen, step.httpCalls, keep),
      new Calls(GRPC, root, this.#seen, step.grpcCalls, keep),
    ];
    const settle = () => {
      while (kinds.map((calls) => calls.settle()).includes(true));
    };
    const result = this.#exchange(root, request, settle, step);
    for (const calls of kinds) keep(calls.differences());
    const { vm } = root;
    const died = wasAlive ? (vm.trap ?? vm.hostDied) : null;
    this.#keep(
      placeOf,
      ["expect"],
      [
        ...differsDeath(expected.trap, died),
        ...(result === null ? differsWithout(expected) : differsResult(expected, result)),
        ...this.#differsLogs(expected),
        ...differsMetrics(expected.metrics ?? {}, metricsOf(vm)).map(under("metrics")),
      ],
    );
  }

  /** A request, as far as it comes, while time passes; null where the step has none. */
  #exchange(
    root: RootContext,
    request: Request | null,
    settle: () => void,
    step: Step,
  ): RequestResult | null {
    const stream = request === null ? null : root.newStream(request.properties);
    if (stream !== null && request !== null) {
      stream.exchange(inputOf(request), settle);
      settle();
      this.#pass(root, step, settle, () => respond(stream, request.response, settle));
      stream.close();
    } else this.#pass(root, step, settle, () => {});
    settle();
    return stream?.result() ?? null;
  }

  /** Time passes: ticks, then what is asked for beside. */
  #pass(root: RootContext, { ticks, advance, placeOf }: Step, settle: () => void, moved: () => void): void {
    const { clock } = root.vm;
    const on = (milliseconds: number): boolean => {
      clock.advance(milliseconds);
      settle();
      moved();
      if (performance.now() < this.#end) return !root.vm.failed;
      const expected = `an end within ${SECONDS_AT_MOST} seconds`;
      this.failures.push({ place: placeOf(), what: "the test", expected, actual: "more" });
      return false;
    };
    moved();
    for (let i = 0; i < ticks; i++) {
      if (root.tickPeriod === 0) {
        const what = "ticks that the module asks for";
        this.failures.push({ place: placeOf("ticks"), what, expected: `${ticks}`, actual: `${i}` });
        break;
      }
      if (!on(root.tickPeriod)) return;
    }
    for (let left = advance; left > 0; ) {
      const slice = Math.min(left, root.tickPeriod || left);
      left -= slice;
      if (!on(slice)) return;
    }
  }

  #differsLogs({ logs, "no-logs": unwanted }: Expected): Difference[] {
    const lines = this.lines.slice(this.#read);
    this.#read = this.lines.length;
    return [
      ...differsLogs(logs ?? [], lines).map(under("logs")),
      ...differsNoLogs(unwanted ?? [], lines).map(under("no-logs")),
    ];
  }

  #keep(placeOf: Step["placeOf"], within: (string | number)[], differences: readonly Difference[]): void {
    for (const { path, ...difference } of differences)
      this.failures.push({ place: placeOf(...within, ...path), ...difference });
  }
}

/** @param wanted null: nothing comes there */
function differsSent(wanted: WantedMessage | null, sent: Sent | null, what: string): Difference[] {
  if (wanted === null)
    return sent === null ? [] : [{ path: [], what, expected: "nothing", actual: "something comes" }];
  return sent === null
    ? [{ path: [], what, expected: "something comes", actual: "nothing" }]
    : differsMessage(wanted, sent, what);
}

function differsResult(expected: Expected, result: RequestResult): Difference[] {
  const { upstream, response, paused, reset } = expected;
  const { downstream } = result;
  const code = Number(downstream?.headers.find(([name]) => name === ":status")?.[1]);
  const isPaused = result.action === "pause";
  const differences: Difference[] = [];
  if (response?.status !== undefined && downstream !== null && code !== response.status)
    differences.push({
      path: ["response", "status"],
      what: "status of the response",
      expected: `${response.status}`,
      actual: `${code}`,
    });
  if (response !== undefined)
    differences.push(...differsSent(response, downstream, "the response").map(under("response")));
  if (upstream !== undefined)
    differences.push(
      ...differsSent(upstream, result.upstream, "the request upstream").map(under("upstream")),
    );
  differences.push(...differsLocalReply(expected["local-reply"], result));
  if (paused !== undefined && paused !== isPaused) {
    const show = (held: boolean) => (held ? "held back" : "let go");
    differences.push({
      path: ["paused"],
      what: "the request",
      expected: show(paused),
      actual: show(isPaused),
    });
  }
  if (reset !== undefined) differences.push(...differsReset(reset, result.reset));
  return differences;
}

function differsReset(wanted: Wanted | null, reset: string | null): Difference[] {
  const what = "the cut of the connection";
  if (wanted === null)
    return reset === null ? [] : [{ path: ["reset"], what, expected: "none", actual: quoted(reset) }];
  const differs = differsText(wanted, reset);
  return differs === null ? [] : [{ path: ["reset"], what, ...differs }];
}

function differsLocalReply(wanted: Expected["local-reply"], { localReply }: RequestResult): Difference[] {
  if (wanted === undefined) return [];
  const what = "the local reply";
  const path = ["local-reply"];
  if (wanted === null)
    return localReply === null
      ? []
      : [{ path, what, expected: "none", actual: `one with ${localReply.status}` }];
  if (localReply === null) return [{ path, what, expected: "one", actual: "none" }];
  const { status, body, details, "grpc-status": grpcStatus } = wanted;
  const differences: Difference[] = [];
  const number = (key: string, is: number | null | undefined, actual: number | null) => {
    if (is !== undefined && is !== actual)
      differences.push({
        path: [...path, key],
        what: `${key} of ${what}`,
        expected: `${is}`,
        actual: `${actual}`,
      });
  };
  const text = (key: string, is: Wanted | undefined, actual: string) => {
    const differs = is === undefined ? null : differsText(is, actual);
    if (differs !== null) differences.push({ path: [...path, key], what: `${key} of ${what}`, ...differs });
  };
  number("status", status, localReply.status);
  text("body", body, localReply.body);
  text("details", details, localReply.details);
  number("grpc-status", grpcStatus, localReply.grpcStatus);
  return differences;
}

/** What is expected of a request, in a step that has none. */
function differsWithout(expected: Expected): Difference[] {
  const asked = (["upstream", "response", "local-reply", "paused", "reset"] as const).filter(
    (key) => expected[key] !== undefined,
  );
  return asked.map((key) => ({
    path: [key],
    what: `\`${key}\``,
    expected: "a request",
    actual: "the step has none",
  }));
}

/** @param died of the module, or of its host */
function differsDeath(wanted: Wanted | undefined, died: string | null): Difference[] {
  const what = "the module";
  const path = ["trap"];
  if (wanted === undefined)
    return died === null ? [] : [{ path, what, expected: "it lives", actual: `it trapped: ${died}` }];
  const differs = differsText(wanted, died === null ? null : Buffer.from(died).toString("latin1"));
  return differs === null ? [] : [{ path, what: "the trap", ...differs }];
}

function metricsOf({ shared }: Vm): ReadonlyMap<string, MetricValue> {
  return new Map(
    shared.metrics
      .all()
      .map(({ name, type, value, recorded }) => [name, type === "histogram" ? recorded : value]),
  );
}

/** What the upstream answers to a request that has come to it whole. */
function respond(stream: Stream, response: Message, settle: () => void): void {
  if (stream.response.headers !== null || !stream.request.sent.ended) return;
  const { headers, body, trailers } = response;
  stream.respond({ headers, ...(body !== null && { body }), ...(trailers !== null && { trailers }) }, settle);
}

const isChunked = ({ headers }: Message): boolean =>
  headers.some(([name]) => name.toLowerCase() === "transfer-encoding");

function inputOf(request: Request) {
  const { headers, body, trailers, properties } = request;
  return {
    headers,
    properties,
    chunked: isChunked(request),
    ...(body !== null && { body }),
    ...(trailers !== null && { trailers }),
  };
}
