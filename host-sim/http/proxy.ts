/** The simulator as a reverse proxy on a port. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import {
  enumNames,
  type FailurePolicy,
  type LoadOptions,
  type Profile,
  ProxyHost,
  type Verdict,
  Vm,
} from "../index.ts";
import type { Clusters, Upstream } from "./clusters.ts";
import { Exchange } from "./exchange.ts";
import { HttpCalls } from "./http-calls.ts";

/** A module, in which proxy, and what it is told there. */
export interface SimulatedPlugin
  extends Pick<LoadOptions, "vmConfiguration" | "properties" | "environment" | "sourceMap"> {
  wasm: Uint8Array;
  profile: Profile;
  /** The plugin's configuration. */
  configuration: Uint8Array;
  rootId: string;
}

export interface SimulatedProxyOptions extends SimulatedPlugin {
  clusters: Clusters;
  failurePolicy: FailurePolicy;
  listen: Upstream;
  log: (line: string) => void;
  /** What the proxy makes of a request's target before the module sees it; null: it refuses the request. */
  normalize?: (target: string) => string | null;
}

const FILTER = "simulated";
/** How often the module's clock is moved on: ticks and timeouts are that exact. */
const CLOCK_STEP_MS = 20;

/** An HTTP/1.1 reverse proxy that runs a proxy-wasm module for every request. */
export class SimulatedProxy {
  private readonly exchanges = new Set<Exchange>();
  private readonly agent = new http.Agent({ keepAlive: true });
  private readonly server = http.createServer((request, response) => this.serve(request, response));
  private readonly calls: HttpCalls;
  private readonly timer: NodeJS.Timeout;
  private lastStep = performance.now();

  private constructor(
    private readonly host: ProxyHost,
    private readonly options: SimulatedProxyOptions,
  ) {
    this.calls = new HttpCalls(options.clusters, this.agent, () => {
      this.showLogs();
      for (const exchange of this.exchanges) exchange.flush();
    });
    this.timer = setInterval(() => this.step(), CLOCK_STEP_MS);
  }

  /** Throws an Error that says why the module or its configuration was refused, or the address is taken. */
  static async start(options: SimulatedProxyOptions): Promise<SimulatedProxy> {
    const { wasm, profile, failurePolicy, vmConfiguration = "", properties = {}, environment = {} } = options;
    const host = new ProxyHost(await Vm.compile(wasm, profile, options.sourceMap), {
      profile,
      failurePolicy,
      workers: 1,
      vmConfiguration,
      properties,
      environment,
    });
    const proxy = new SimulatedProxy(host, options);
    try {
      const verdict = proxy.update(options.configuration);
      if (!verdict.accepted) throw new Error(`the configuration was refused: ${verdict.why}`);
      await new Promise<void>((resolve, reject) => {
        proxy.server.once("error", reject);
        proxy.server.listen(options.listen.port, options.listen.host, resolve);
      });
    } catch (error) {
      await proxy.stop();
      throw error;
    }
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** A new configuration; one that is refused changes nothing. */
  update(configuration: Uint8Array): Verdict {
    const verdict = this.host.configure(FILTER, { rootId: this.options.rootId, configuration });
    this.showLogs();
    return verdict;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.agent.destroy();
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const target = this.options.normalize ? this.options.normalize(request.url ?? "") : request.url;
    if (target === null) {
      response.writeHead(400).end();
      return;
    }
    request.url = target;
    const stream = this.host.begin(FILTER);
    if (stream === null) {
      response.writeHead(500).end("pointsman simulate: the module has not accepted a configuration yet\n");
      return;
    }
    const { clusters } = this.options;
    const exchange = new Exchange(stream, clusters, this.agent, request, response, () =>
      this.exchanges.delete(exchange),
    );
    this.exchanges.add(exchange);
    exchange.start();
    this.afterGuest();
  }

  /** The guest may have logged, or made calls of its own. */
  private afterGuest(): void {
    this.showLogs();
    const root = this.host.root(FILTER, "worker 0");
    if (root) this.calls.startNew(root);
  }

  private step(): void {
    const now = performance.now();
    this.host.clock.advance(now - this.lastStep);
    this.lastStep = now;
    this.afterGuest();
    for (const exchange of this.exchanges) exchange.flush();
  }

  private showLogs(): void {
    for (const { vm, level, text } of this.host.logs.splice(0)) {
      this.options.log(`${enumNames.logLevel[level] ?? level} [${vm}] ${text}`);
    }
  }
}
