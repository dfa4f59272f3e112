/**
 * What each proxy of a fleet is sent. That follows from the rollout object and the proxy alone, so any number of servers
 * say the same; what is remembered here is only what was sent on streams that are open.
 */
import { randomInt } from "node:crypto";
import type { FilterOptions } from "../render/plugin.ts";
import { reason } from "../sources/reason.ts";
import { type Due, dueTo, type Followed } from "../store/follow-cache.ts";
import { isSame, type Version } from "../store/stages.ts";
import { Turns } from "../store/turns.ts";
import type { Table } from "../table/table.ts";
import type { AskingProxy } from "./asked.ts";
import { writeFilters } from "./messages.ts";
import { type Stream, Subscriber } from "./subscriber.ts";
import { showVersion } from "./version.ts";
import { whyRefused } from "./will-refuse.ts";

export interface FleetOptions {
  /** Of proxies that do not say where their filter is. */
  wasm: string;
  /** The primary data centre, whatever proxies say; null: they say it. */
  primary: string | null;
  /** Whether a proxy is known to refuse this, from what all servers remember. */
  isRefused: (id: string, version: Version) => boolean;
  /** A proxy has refused what it was sent. @param why in its words */
  onRefused: (id: string, version: Version, why: string) => void;
  /** A proxy has a newer generation than the store's, as far as we have read it. */
  onBehind: (id: string, generation: number) => void;
  /** A proxy has come. */
  onSeen: (proxy: AskingProxy) => void;
}

/** What has happened since the start. */
export const EVENTS = ["sent", "acknowledged", "refused", "behind"] as const;
export type Event = (typeof EVENTS)[number];

/** What a proxy is to be sent. */
export type Sendable = Due & { table: Table };

export class Fleet {
  readonly events = Object.fromEntries(EVENTS.map((name) => [name, 0])) as Record<Event, number>;
  private followed: Followed | null = null;
  private readonly subscribers = new Set<Subscriber>();
  /** Of this rollout: the messages by what is in them, and what our own filter says of it; null: it takes it. */
  private readonly messages = new Map<string, Buffer>();
  private readonly verdicts = new Map<string, string | null | Promise<string | null>>();
  private attempt = nextAttempt();
  private readonly turns = new Turns(VERDICTS_AT_ONCE);

  constructor(readonly options: FleetOptions) {}

  /** The store wants something else, or has read it again. */
  update(followed: Followed): void {
    const before = this.followed?.rollout ?? null;
    this.followed = followed;
    if (!isSame(before, followed.rollout)) {
      this.messages.clear();
      this.verdicts.clear();
      this.attempt = nextAttempt();
    }
    for (const one of this.subscribers) one.sync();
  }

  /** The generation that the store wants served; null: nothing was read yet. */
  get generation(): number | null {
    return this.followed?.rollout.generation ?? null;
  }

  /** What the proxies of stages to come are to serve; 0: nothing. Without such stages it is {@link generation}. */
  get oldestGeneration(): number | null {
    if (this.followed === null) return null;
    const { generation, previous, stages, at } = this.followed.rollout;
    return at < stages.length - 1 ? (previous?.generation ?? 0) : generation;
  }

  connect(proxy: AskingProxy, stream: Stream): Subscriber {
    const subscriber = new Subscriber(this, proxy, stream);
    this.subscribers.add(subscriber);
    this.options.onSeen(proxy);
    return subscriber;
  }

  disconnect(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
  }

  /** Of streams that are open, by the proxy's id. */
  connected(): Subscriber[] {
    return [...this.subscribers].sort((a, b) => (a.proxy.id < b.proxy.id ? -1 : 1));
  }

  /** Null: nothing was ever pushed to it, or its table could not be read. */
  dueTo(proxy: AskingProxy): Sendable | null {
    const due = this.followed && dueTo(this.followed, proxy);
    return due?.table ? { version: due.version, table: due.table } : null;
  }

  /** What our own filter says of it; null: it takes it. A promise as long as that is not known. */
  verdict(proxy: AskingProxy, listener: string, due: Sendable): string | null | Promise<string | null> {
    const filter = this.filterOf(proxy, listener, due, 0);
    // Where its code is makes no difference to it.
    const key = JSON.stringify([due.version, listener, { ...this.settingsOf(proxy), wasm: null }]);
    const known = this.verdicts.get(key);
    if (known !== undefined) return known;
    if (this.verdicts.size >= VERDICTS_AT_MOST) this.verdicts.delete(this.verdicts.keys().next().value!);
    const asked = this.turns
      .take(() => whyRefused(filter))
      .catch((error) => `our filter cannot be asked: ${reason(error)}`);
    this.verdicts.set(key, asked);
    return asked.then((why) => {
      if (this.verdicts.get(key) === asked) this.verdicts.set(key, why);
      return why;
    });
  }

  /**
   * The message with these listeners' filters. One for all proxies that get the same; each attempt of a proxy that has
   * refused it differs in its bytes, since Envoy takes the same bytes the second time without looking.
   */
  message(
    proxy: AskingProxy,
    listeners: string[],
    due: Sendable,
    isAgain: boolean,
  ): { nonce: string; bytes: Buffer } {
    const attempt = isAgain ? nextAttempt() : this.attempt;
    const nonce = String(attempt);
    const write = () => {
      const filters = listeners.map((listener) => this.filterOf(proxy, listener, due, attempt));
      return writeFilters(filters, showVersion(due.version), nonce);
    };
    if (isAgain) return { nonce, bytes: write() };
    const key = JSON.stringify([due.version, listeners, this.settingsOf(proxy)]);
    const bytes = this.messages.get(key) ?? write();
    // Who names ever other files must not fill our memory.
    if (this.messages.size < MESSAGES_AT_MOST) this.messages.set(key, bytes);
    return { nonce, bytes };
  }

  private filterOf(
    proxy: AskingProxy,
    listener: string,
    { table }: Sendable,
    attempt: number,
  ): FilterOptions {
    return { ...this.settingsOf(proxy), table: table.bytes, listener, attempt };
  }

  /** What is the same for all listeners and tables of a proxy. */
  private settingsOf(proxy: AskingProxy): Omit<FilterOptions, "table" | "listener" | "attempt"> {
    const { datacentre, clusterHeader, shadow } = proxy;
    const primary = this.options.primary ?? proxy.primary;
    return {
      wasm: proxy.wasm ?? this.options.wasm,
      ...(datacentre !== null && { datacentre }),
      ...(primary !== null && { primary }),
      ...(clusterHeader !== null && { clusterHeader }),
      ...(shadow && { shadow }),
    };
  }
}

const MESSAGES_AT_MOST = 100;
const VERDICTS_AT_MOST = 1000;
/** Each takes a VM of its own: a proxy may name many listeners. */
const VERDICTS_AT_ONCE = 4;

/** By chance: no other server, and no earlier life of ours, has said it. */
function nextAttempt(): number {
  return randomInt(1, 2 ** 47);
}
