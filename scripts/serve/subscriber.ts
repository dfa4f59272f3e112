/** One proxy on one stream: what it has asked for, what it was sent, and what it made of that. */
import { isSame, type Version } from "../store/stages.ts";
import type { AskingProxy } from "./asked.ts";
import type { Fleet, Sendable } from "./fleet.ts";
import type { Asked } from "./messages.ts";
import { parseVersion } from "./version.ts";

/** How a stream takes messages. One at most is on its way: nothing piles up for a proxy that does not read. */
export interface Stream {
  peer: string;
  send(message: Buffer): void;
}

/**
 * - `acknowledged`: the proxy says that it took what it is to serve. Its filter's gauges are the proof.
 * - `sent`: it has not answered yet.
 * - `refused`: it did not take it.
 * - `withheld`: our own filter refuses it, so it was not sent.
 * - `behind`: the proxy has a newer generation than the store's, as far as we have read it.
 * - `nothing`: nothing was ever pushed for it, or it asks for no filter of ours.
 */
export const STATES = ["acknowledged", "sent", "refused", "withheld", "behind", "nothing"] as const;
export type State = (typeof STATES)[number];

interface Sent {
  version: Version;
  nonce: string;
  listeners: string[];
  at: number;
}

export class Subscriber {
  readonly since = new Date();
  state: State = "nothing";
  /** Of `refused` and `withheld`. */
  why: string | null = null;
  /** What it says that it has: at the beginning of the stream, and with each acknowledgement. */
  reported: Version | null = null;
  listeners: string[] = [];
  /** On its way, and not answered. */
  private sent: Sent | null = null;
  /** On this stream, and with which listeners. */
  private acknowledged: Sent | null = null;
  private refused: Version | null = null;
  private isFirst = true;
  /** For verdicts of our own filter. */
  private isWaiting = false;

  constructor(
    private readonly fleet: Fleet,
    readonly proxy: AskingProxy,
    readonly stream: Stream,
  ) {}

  /** @param listeners all that it asks for from now on */
  heard(asked: Asked, listeners: string[]): void {
    this.listeners = listeners;
    // Only what Envoy has accepted stands here, of a stream before this one.
    if (this.isFirst) this.reported = parseVersion(asked.versionInfo);
    this.isFirst = false;
    const { sent } = this;
    if (sent !== null && asked.responseNonce === sent.nonce) this.answered(sent, asked.errorDetail);
    this.sync();
  }

  /** How long it has not answered, in milliseconds. */
  silence(now: number): number {
    return this.sent === null ? 0 : now - this.sent.at;
  }

  /** Sends it what is due, if that is another than it has; once it has answered what was sent before. */
  sync(): void {
    if (this.sent !== null) return;
    const due = this.fleet.dueTo(this.proxy);
    const [state, why = null] =
      due === null || this.listeners.length === 0 ? (["nothing"] as const) : this.judge(due);
    const wasBehind = this.state === "behind";
    this.state = state;
    this.why = why;
    if (state === "behind" && !wasBehind) {
      this.fleet.events.behind++;
      this.fleet.options.onBehind(this.proxy.id, this.reported!.generation);
    }
  }

  /** What it is in, and why; what it lacks is sent. */
  private judge(due: Sendable): readonly [state: State, why?: string | null] {
    const { version } = due;
    if (this.reported !== null && this.reported.generation > version.generation)
      return ["behind", `it has generation ${this.reported.generation}`];
    if (this.has(version)) return ["acknowledged"];
    // A proxy that begins anew may be another one under the same name: it is asked once more.
    const isKnown = this.fleet.options.isRefused(this.proxy.id, version);
    if (isSame(this.refused, version) || (isKnown && this.reported !== null))
      return ["refused", this.why ?? "it has refused this before"];
    return this.send(due, isKnown);
  }

  private send(due: Sendable, isAgain: boolean): readonly [state: State, why?: string | null] {
    const verdicts = this.listeners.map((listener) => ({
      listener,
      why: this.fleet.verdict(this.proxy, listener, due),
    }));
    const unknown = verdicts.flatMap(({ why }) => (why instanceof Promise ? [why] : []));
    if (unknown.length > 0) {
      this.syncAfter(unknown);
      return [this.state, this.why];
    }
    const good = verdicts.filter(({ why }) => why === null).map(({ listener }) => listener);
    const bad = verdicts.flatMap(({ listener, why }) => (why ? [`${listener}: ${why}`] : []));
    const why = bad.length === 0 ? null : bad.join("; ");
    if (good.length === 0) return ["withheld", why];
    const { nonce, bytes } = this.fleet.message(this.proxy, good, due, isAgain);
    this.sent = { version: due.version, nonce, listeners: this.listeners, at: Date.now() };
    this.fleet.events.sent++;
    this.stream.send(bytes);
    return ["sent", why];
  }

  /** Once, however often it is asked meanwhile: else those who wait would double with each verdict. */
  private syncAfter(verdicts: readonly Promise<unknown>[]): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    void Promise.all(verdicts).then(() => {
      this.isWaiting = false;
      this.sync();
    });
  }

  private answered(sent: Sent, error: Asked["errorDetail"]): void {
    this.sent = null;
    if (error === null) {
      this.fleet.events.acknowledged++;
      this.acknowledged = sent;
      this.reported = sent.version;
      this.refused = null;
      return;
    }
    this.fleet.events.refused++;
    this.refused = sent.version;
    // Envoy names no reason; it stands in the proxy's own log.
    this.why = `${error.message.slice(0, WHY_LENGTH)} (the filter of this server takes it)`;
    this.fleet.options.onRefused(this.proxy.id, sent.version, this.why);
  }

  /** What it said at its beginning counts, if it asks for the same filters ever since. */
  private has(version: Version): boolean {
    if (this.acknowledged === null) return isSame(this.reported, version);
    const { listeners } = this.acknowledged;
    return (
      isSame(this.acknowledged.version, version) && this.listeners.every((one) => listeners.includes(one))
    );
  }
}

const WHY_LENGTH = 500;
