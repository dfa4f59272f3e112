/** The gRPC upstream of the comparison in the simulator: the same steps, and what its client library puts to them. */
import type { GrpcCall, Pair, RootContext } from "../../host-sim/index.ts";
import type { Received } from "./exchange.ts";
import type { GrpcCluster, Step } from "./grpc-upstream.ts";

/** What `@grpc/grpc-js` sends of its own accord. */
const own: readonly Pair[] = [
  [":status", "200"],
  ["content-type", "application/grpc"],
  ["grpc-accept-encoding", "identity,deflate,gzip"],
  ["grpc-encoding", "identity"],
];
const date: Pair = ["date", "now"];
/** Envoy's router puts it to an answer, once the request has ended. */
const time: Pair = ["x-envoy-upstream-service-time", "0"];

interface Followed {
  readonly steps: Step[];
  /** Initial metadata has been sent. */
  begun: boolean;
}

export class SimulatedGrpc {
  readonly #clusters: Readonly<Record<string, GrpcCluster>>;
  readonly #followed = new Map<number, Followed>();

  constructor(clusters: Readonly<Record<string, GrpcCluster>>) {
    this.#clusters = clusters;
  }

  /** Goes on with every call as far as it comes. */
  settle(root: RootContext, received: Received[]): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const call of root.grpcCalls) moved ||= this.#step(root, call, received);
    }
  }

  /** @returns whether anything happened */
  #step(root: RootContext, call: GrpcCall, received: Received[]): boolean {
    const path = `/${call.service}/${call.method}`;
    const cluster = this.#clusters[call.upstream]!;
    if (cluster === "down") {
      root.failGrpc(call.id, "refused");
      return true;
    }
    const followed = this.#followed.get(call.id) ?? {
      steps: cluster === "mute" ? [] : [...cluster[path]!],
      begun: false,
    };
    this.#followed.set(call.id, followed);
    const step = followed.steps[0];
    if (step === undefined) {
      // Nothing will come any more: what is left is to be late.
      if (call.timeout > 0) root.vm.clock.advance(call.timeout);
      return call.timeout > 0;
    }
    if (step !== "cut" && "await" in step) {
      if (call.messages.length < step.await && !call.ended) return false;
      followed.steps.shift();
      return true;
    }
    if (step !== "cut" && !followed.begun && !("status" in step)) {
      const given = "initialMetadata" in step ? step.initialMetadata : [];
      if ("initialMetadata" in step) followed.steps.shift();
      followed.begun = true;
      const initialMetadata = [...own, ...given, date, ...(call.ended ? [time] : [])];
      root.answerGrpc(call.id, { initialMetadata });
      return true;
    }
    followed.steps.shift();
    if (step === "cut") root.failGrpc(call.id);
    else if ("message" in step) root.answerGrpc(call.id, { messages: [step.message] });
    else if ("status" in step) {
      const body = call.messages.map((bytes) => Buffer.from(bytes).toString("latin1")).join("|");
      received.push({ cluster: call.upstream, method: "POST", path, headers: call.initialMetadata, body });
      const { status, text, trailingMetadata = [] } = step;
      // Trailers that come alone are headers too.
      const added = followed.begun ? trailingMetadata : [...trailingMetadata, date];
      root.answerGrpc(call.id, { status, text: encodeURI(text), trailingMetadata: added });
    }
    return true;
  }
}
