/** Istio's control plane: pilot-discovery on a kube-apiserver, without webhooks and certificates. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { Daemon } from "./daemon.ts";

export const ISTIO_NAMESPACE = "istio-system";

const MESH = {
  // No certificates are given out here.
  enableAutoMtls: false,
};

const ENVIRONMENT = {
  POD_NAMESPACE: ISTIO_NAMESPACE,
  CLUSTER_ID: "Kubernetes",
  ENABLE_CA_SERVER: "false",
  // Both are filters of Istio's own build of Envoy.
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  // Two pilots that do it at once may panic (slice bounds out of range in ipallocate).
  PILOT_ENABLE_IP_AUTOALLOCATE: "false",
};

export class Pilot {
  private constructor(
    private daemon: Daemon,
    private readonly start: () => Promise<Daemon>,
    private readonly folder: string,
    /** xDS, without TLS. */
    readonly xdsPort: number,
    readonly httpPort: number,
  ) {}

  static async start(binary: string, kubeconfig: string): Promise<Pilot> {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-pilot-"));
    writeFileSync(join(folder, "mesh.yaml"), JSON.stringify(MESH));
    const xds = await freePort();
    const http = await freePort();
    const monitoring = await freePort();
    const args = Object.entries({
      kubeconfig,
      meshConfig: join(folder, "mesh.yaml"),
      grpcAddr: `127.0.0.1:${xds}`,
      httpAddr: `127.0.0.1:${http}`,
      monitoringAddr: `127.0.0.1:${monitoring}`,
      secureGRPCAddr: "",
      httpsAddr: "",
      ctrlz_port: "0",
      shutdownDuration: "0s",
    }).map(([name, value]) => `--${name}=${value}`);
    const start = () =>
      Daemon.start("pilot", {
        command: binary,
        args: ["discovery", ...args],
        env: ENVIRONMENT,
        folder,
        isUp: async () => (await fetch(`http://127.0.0.1:${http}/ready`).catch(() => null))?.ok ?? false,
      });
    try {
      return new Pilot(await start(), start, folder, xds, http);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get log(): string {
    return this.daemon.log;
  }

  /** It forgets all that proxies ever answered. */
  async restart(): Promise<void> {
    await this.daemon.kill();
    this.daemon = await this.start();
  }

  /** What it says of the proxies that are connected, by the kind of resource. */
  async debug(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/debug/${path}`);
    return response.json();
  }

  async stop(): Promise<void> {
    await this.daemon.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
