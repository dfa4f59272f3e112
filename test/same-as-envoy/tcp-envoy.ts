/** The real Envoy with TCP filters, a listener for each plugin, and upstreams that send what a test says. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { cluster } from "../../scripts/render/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { guestLine } from "./real.ts";
import { realEnvoy } from "./which-envoy.ts";

const TYPE = "type.googleapis.com/";
const WAIT_MS = 8_000;
const POLL_MS = 2;

export interface TcpPlugin {
  /** Of its listener, and its root id. */
  readonly name: string;
  readonly wasm: Uint8Array;
  readonly vmId: string;
  readonly configuration: string;
  /** Where its connections go; `down` is where nobody listens. */
  readonly cluster: string;
}

/** What one end of a connection got. */
class End {
  text = "";
  ended = false;
  readonly #socket: net.Socket;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", () => {});
  }

  send(text: string): void {
    this.#socket.write(text, "latin1");
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

export class TcpEnvoy {
  readonly #envoy: EnvoyProcess;
  readonly #servers: readonly net.Server[];
  readonly #upstreams: { cluster: string; end: End }[];
  #read = 0;

  private constructor(envoy: EnvoyProcess, servers: readonly net.Server[], upstreams: TcpEnvoy["upstreams"]) {
    this.#envoy = envoy;
    this.#servers = servers;
    this.#upstreams = upstreams;
  }

  static async start(plugins: readonly TcpPlugin[], clusters: readonly string[]): Promise<TcpEnvoy> {
    const folder = await mkdtemp(join(tmpdir(), "tcp-"));
    const upstreams: TcpEnvoy["upstreams"] = [];
    const servers: net.Server[] = [];
    try {
      const ports: { name: string; port: number }[] = [{ name: "down", port: await freePort() }];
      for (const name of clusters) {
        const server = net.createServer({ allowHalfOpen: true }, (socket) => {
          upstreams.push({ cluster: name, end: new End(socket) });
        });
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        ports.push({ name, port: (server.address() as net.AddressInfo).port });
      }
      for (const { vmId, wasm } of plugins) await writeFile(join(folder, `${vmId}.wasm`), wasm);
      const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
      const config = join(folder, "bootstrap.json");
      const listeners = plugins.map((plugin) => listener(plugin, folder));
      const resources = { clusters: ports.map(cluster), listeners };
      const node = { id: "tcp", cluster: "tcp" };
      await writeFile(config, JSON.stringify({ admin: { address }, node, static_resources: resources }));
      const envoy = await startConfigured(config, { envoy: await realEnvoy(), startTimeoutMs: 60_000 });
      return new TcpEnvoy(envoy, servers, upstreams);
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  get upstreams(): { cluster: string; end: End }[] {
    return this.#upstreams;
  }

  /** @param from the client's own address */
  connect(name: string, from: string): End {
    this.#read = this.#envoy.logs.length;
    this.#upstreams.length = 0;
    const port = this.#envoy.ports[name]!;
    return new End(net.connect({ host: "127.0.0.1", port, localAddress: from, allowHalfOpen: true }));
  }

  /** What guests have logged since the connection began, once it is so many lines. */
  async lines(count: number): Promise<string[]> {
    const lines = (): string[] => this.#envoy.logs.slice(this.#read).flatMap((line) => guestLine(line) ?? []);
    await until(() => lines().length >= count);
    return lines();
  }

  async stop(): Promise<void> {
    await this.#envoy.stop();
    for (const { end } of this.#upstreams) end.destroy();
    for (const server of this.#servers) server.close();
  }
}

/** Waits for something that comes soon; what it is instead, the test says. */
export async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !isSo() && Date.now() < end; ) await sleep(POLL_MS);
}

function listener({ name, vmId, configuration, cluster }: TcpPlugin, folder: string): object {
  const filename = join(folder, `${vmId}.wasm`);
  const config = {
    name: "tcp",
    root_id: name,
    vm_config: { vm_id: vmId, runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
    configuration: { "@type": `${TYPE}google.protobuf.StringValue`, value: configuration },
  };
  const filters = [
    {
      name: "wasm",
      typed_config: { "@type": `${TYPE}envoy.extensions.filters.network.wasm.v3.Wasm`, config },
    },
    {
      name: "tcp",
      typed_config: {
        "@type": `${TYPE}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
        stat_prefix: name,
        cluster,
      },
    },
  ];
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  return { name, address, enable_reuse_port: false, filter_chains: [{ filters }] };
}
