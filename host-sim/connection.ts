/** A connection's context: TCP through a network filter, with what the client and the upstream send as a test says. */
import { BufferType } from "./abi.ts";
import { Body } from "./body.ts";
import type { CallbackName } from "./callbacks.ts";
import { Context } from "./context.ts";
import { TCP_CLUSTER } from "./filter-state.ts";
import { type BodyInput, chunksOf } from "./messages.ts";
import type { Properties } from "./properties.ts";
import type { RootContext } from "./root.ts";

export interface ConnectionInput {
  /** What the client sends; text is byte strings. Then it ends. */
  readonly client?: BodyInput;
  /** What the upstream sends, after all of that. Then it ends too. */
  readonly upstream?: BodyInput;
  /** Nobody listens upstream. */
  readonly refused?: boolean;
  readonly properties?: Properties;
}

/** What one side got. */
export interface Received {
  readonly bytes: Uint8Array;
  /** It was told that no more comes. */
  readonly ended: boolean;
}

export interface ConnectionResult {
  /** `pause` if the guest still holds something back at the end. */
  readonly action: "continue" | "pause";
  /** The cluster that the guest has chosen by Envoy's filter state; null if it has not. */
  readonly cluster: string | null;
  /** What reached the upstream; null if there was no connection to it. */
  readonly upstream: Received | null;
  readonly client: Received;
  /** Who closed it at last; null while it is open. */
  readonly closedBy: "client" | "host" | null;
  /** The trap that killed the VM during this connection; null if it lives. */
  readonly trapped: string | null;
  readonly hostCalls: number;
}

/** `proxy_peer_type_t` */
const peers = { unknown: 0, host: 1, client: 2 } as const;

/** One way through the filter. */
class Way {
  /** What the guest has not let pass; it sees all of it each time. */
  held = new Body();
  /** What the guest sees, while it may. */
  view: Body | null = null;
  /** The sender sends no more. */
  ended = false;
  paused = false;
  arrived = 0;
  passed = 0;
  readonly sent: Uint8Array[] = [];
  sentEnd = false;

  constructor(readonly callback: CallbackName) {}

  pass(): void {
    this.paused = false;
    this.view = null;
    this.passed += this.held.length;
    if (this.held.length > 0) this.sent.push(this.held.bytes);
    this.held = new Body();
    this.sentEnd = this.ended;
  }

  get received(): Received {
    const all = new Body();
    for (const bytes of this.sent) all.append(bytes);
    return { bytes: all.bytes.slice(), ended: this.sentEnd };
  }
}

export class Connection extends Context {
  readonly properties: Properties;
  /** What the guest set with `proxy_set_property`. */
  readonly state = new Map<string, Uint8Array>();
  readonly #filterState = new Map<string, string>();
  /** When it began, in nanoseconds. */
  readonly began: bigint;
  readonly fromClient = new Way("proxy_on_downstream_data");
  readonly fromUpstream = new Way("proxy_on_upstream_data");
  connected = false;
  closedBy: "client" | "host" | null = null;
  trapped: string | null = null;
  readonly #root: RootContext;
  readonly #hostCallsBefore: number;
  readonly #passesUnfiltered: boolean;
  /** The guest has not let it begin. */
  #waits = false;
  /** Nobody listens upstream. */
  #refused = false;
  #reset = false;

  constructor(root: RootContext, id: number, properties: Properties) {
    super(root.vm, id);
    this.#root = root;
    this.properties = properties;
    this.began = root.vm.clock.nanoseconds;
    this.#hostCallsBefore = root.vm.hostCalls;
    this.#passesUnfiltered = root.failOpen && root.vm.failed;
  }

  override get root(): RootContext {
    return this.#root;
  }

  override get filterState(): Map<string, string> {
    return this.#filterState;
  }

  override get tcp(): Connection {
    return this;
  }

  override buffer(type: number): Body | null {
    if (type === BufferType.DownstreamData) return this.fromClient.view;
    if (type === BufferType.UpstreamData) return this.fromUpstream.view;
    return this.#root.buffer(type);
  }

  /** The client has connected. */
  open({ refused = false }: Pick<ConnectionInput, "refused"> = {}): void {
    this.#refused = refused;
    this.vm.enter("proxy_on_context_create", this, this.#root.id);
    const result = this.#enter("proxy_on_new_connection");
    if (this.closedBy !== null) return;
    if (result === 1) this.#waits = true;
    else this.#connect();
  }

  /** The host connects to the upstream; until then it reads nothing of the client's. */
  #connect(): void {
    this.#waits = false;
    const cluster = this.cluster;
    const isKnown = cluster === null || (this.vm.upstreams?.has(cluster) ?? true);
    if (this.#refused || !isKnown) {
      this.#close("host");
      return;
    }
    this.connected = true;
    const { fromClient } = this;
    if (fromClient.held.length > 0 || fromClient.ended) this.#filter(fromClient);
  }

  get cluster(): string | null {
    return this.filterState.get(TCP_CLUSTER) ?? null;
  }

  /** The client sends bytes, or its last. */
  clientSends(bytes: Uint8Array, end = false): void {
    this.#comes(this.fromClient, bytes, end);
  }

  /** The upstream sends bytes, or its last. */
  upstreamSends(bytes: Uint8Array, end = false): void {
    if (!this.connected) return;
    this.#comes(this.fromUpstream, bytes, end);
  }

  /** The client's connection breaks. */
  clientResets(): void {
    this.#reset = true;
    this.#close("client");
  }

  /** The upstream's connection breaks, and so does the client's. */
  upstreamResets(): void {
    this.#reset = true;
    this.#close("host");
  }

  #comes(way: Way, bytes: Uint8Array, end: boolean): void {
    if (this.closedBy !== null || way.ended) return;
    way.held.append(bytes);
    way.ended = end;
    way.arrived += bytes.length;
    if (this.connected) this.#filter(way);
  }

  #filter(way: Way): void {
    way.view = way.held;
    const result = this.#enter(way.callback, way.held.length, way.ended ? 1 : 0);
    if (this.closedBy !== null) return;
    if (result === 1) way.paused = true;
    else way.pass();
    if (!way.ended) return;
    if (way === this.fromUpstream) this.#enter("proxy_on_upstream_connection_close", peers.unknown);
    // Either connection of the host's is over when both ends of it are.
    const { fromClient, fromUpstream } = this;
    if (fromClient.ended && fromUpstream.sentEnd) this.#close(way === fromUpstream ? "host" : "client");
    else if (fromClient.sentEnd && fromUpstream.ended) this.#close("host");
  }

  /** `proxy_continue_stream`, once the guest has returned. */
  continue(): void {
    if (this.closedBy !== null) return;
    if (this.#waits) this.#connect();
    else if (this.fromClient.held.length > 0 || this.fromClient.paused) this.fromClient.pass();
  }

  /** `proxy_close_stream`, once the guest has returned. */
  closeByGuest(): void {
    this.#close("host");
  }

  #close(by: "client" | "host"): void {
    if (this.closedBy !== null) return;
    this.closedBy = by;
    if (!this.#reset) {
      this.fromUpstream.sentEnd = true;
      this.fromClient.sentEnd = true;
    }
    this.vm.enter("proxy_on_downstream_connection_close", this, peers[by]);
    for (const name of ["proxy_on_done", "proxy_on_log", "proxy_on_delete"] as const)
      this.vm.enter(name, this);
    this.vm.forget(this);
    this.#root.streamEnded();
  }

  /** Calls the guest; a dead one ends the connection, unless the plugin fails open and was dead before. */
  #enter(name: CallbackName, ...args: number[]): number | undefined {
    if (this.#passesUnfiltered) return undefined;
    const { vm } = this;
    const wasAlive = !vm.failed;
    const result = vm.enter(name, this, ...args);
    if (vm.failed) {
      if (wasAlive) this.trapped = vm.trap;
      this.#close("host");
    }
    return result;
  }

  /** The whole of it, at once. */
  exchange({ client, upstream, refused = false }: ConnectionInput): void {
    this.open({ refused });
    const none = new Uint8Array(0);
    for (const chunk of chunksOf(client)) this.clientSends(chunk);
    for (const chunk of chunksOf(upstream)) this.upstreamSends(chunk);
    this.clientSends(none, true);
    this.upstreamSends(none, true);
  }

  /** The connection as it stands; ask again when it has moved on. */
  result(): ConnectionResult {
    const { fromClient, fromUpstream } = this;
    return {
      action: this.#waits || fromClient.paused || fromUpstream.paused ? "pause" : "continue",
      cluster: this.cluster,
      upstream: this.connected ? fromClient.received : null,
      client: fromUpstream.received,
      closedBy: this.closedBy,
      trapped: this.trapped,
      hostCalls: this.vm.hostCalls - this.#hostCallsBefore,
    };
  }
}
