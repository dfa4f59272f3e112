/** A real kube-apiserver on the real etcd, and its API: objects are applied as `kubectl apply --server-side` does. */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Etcd } from "../support/etcd.ts";
import { freePort } from "../support/free-port.ts";
import { Daemon } from "./daemon.ts";

const TOKEN = "test";

/** Any object of Kubernetes'. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [key: string]: unknown;
}

/** How the API calls the kinds of an apiVersion. */
interface Resource {
  name: string;
  kind: string;
  namespaced: boolean;
}

/** A server that runs. */
export interface Apiserver {
  port: number;
  /** For programs that take one. */
  kubeconfig: string;
  stop(): Promise<void>;
}

export async function startApiserver(binary: string): Promise<Apiserver> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-kubernetes-"));
  const etcd = await Etcd.start();
  const port = await freePort();
  const stop = async () => {
    await etcd.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const apiserver = await Daemon.start("kube-apiserver", {
      command: binary,
      args: flags(folder, etcd, port),
      folder,
      isUp: async () => (await call(port, "GET", "/readyz").catch(() => null))?.status === 200,
      startMs: 60_000,
    });
    const config = join(folder, "kubeconfig");
    writeFileSync(config, JSON.stringify(kubeconfig(port)));
    return { port, kubeconfig: config, stop: () => apiserver.kill().then(stop) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its API. */
export class Kubernetes {
  private readonly resources = new Map<string, Promise<Resource[]>>();

  constructor(private readonly port: number) {}

  /** All at once, and each as `kubectl apply --server-side --force-conflicts`. */
  async apply(...manifests: readonly object[]): Promise<void> {
    await Promise.all(
      (manifests as Manifest[]).map(async (manifest) => {
        const path = `${await this.path(manifest)}?fieldManager=test&force=true`;
        await this.ask("PATCH", path, JSON.stringify(manifest), "application/apply-patch+yaml");
      }),
    );
  }

  /** What is there under its name; null: nothing. */
  async get(manifest: Pick<Manifest, "apiVersion" | "kind" | "metadata">): Promise<Manifest | null> {
    const { status, body } = await call(this.port, "GET", await this.path(manifest));
    if (status === 404) return null;
    if (status !== 200) throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${body}`);
    return JSON.parse(body);
  }

  async delete(manifest: Pick<Manifest, "apiVersion" | "kind" | "metadata">): Promise<void> {
    await this.ask("DELETE", await this.path(manifest));
  }

  /** A part of an object that only its controller writes. */
  async setStatus(manifest: Manifest): Promise<void> {
    const path = `${await this.path(manifest)}/status?fieldManager=kubelet&force=true`;
    await this.ask("PATCH", path, JSON.stringify(manifest), "application/apply-patch+yaml");
  }

  private async ask(method: string, path: string, body?: string, type?: string): Promise<string> {
    const answer = await call(this.port, method, path, body, type);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.body;
  }

  private async path({
    apiVersion,
    kind,
    metadata,
  }: Pick<Manifest, "apiVersion" | "kind" | "metadata">): Promise<string> {
    const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { name, namespaced } = await this.resource(group, kind);
    const where = namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    return `${group}${where}/${name}/${metadata.name}`;
  }

  private async resource(group: string, kind: string): Promise<Resource> {
    // A kind is there a moment after its CRD.
    for (let tries = 0; ; tries++) {
      const known = this.resources.get(group) ?? this.readResources(group);
      this.resources.set(group, known);
      const found = (await known).find((one) => one.kind === kind && !one.name.includes("/"));
      if (found) return found;
      if (tries === 200) throw new Error(`${group} has no ${kind}`);
      this.resources.delete(group);
      await sleep(50);
    }
  }

  private async readResources(group: string): Promise<Resource[]> {
    const { status, body } = await call(this.port, "GET", group);
    return status === 200 ? JSON.parse(body).resources : [];
  }
}

function flags(folder: string, etcd: Etcd, port: number): string[] {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  mkdirSync(join(folder, "certs"));
  return Object.entries({
    "etcd-servers": `http://${etcd.address}`,
    "bind-address": "127.0.0.1",
    "secure-port": String(port),
    "cert-dir": join(folder, "certs"),
    // An address of documentation: nobody is told to come.
    "advertise-address": "192.0.2.1",
    "endpoint-reconciler-type": "none",
    "service-cluster-ip-range": "10.96.0.0/16",
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-signing-key-file": file("sa.key", privateKey),
    "service-account-key-file": file("sa.pub", publicKey),
    "token-auth-file": file("tokens.csv", `${TOKEN},test,test,system:masters\n`),
    "authorization-mode": "AlwaysAllow",
    // No controller makes the accounts that pods have.
    "disable-admission-plugins": "ServiceAccount",
  }).map(([name, value]) => `--${name}=${value}`);
}

function kubeconfig(port: number): object {
  const server = `https://127.0.0.1:${port}`;
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "test", user: { token: TOKEN } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
}

const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });

function call(
  port: number,
  method: string,
  path: string,
  body = "",
  type = "application/json",
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      ...(body !== "" && { "content-type": type, "content-length": Buffer.byteLength(body) }),
    };
    const request = https.request({ host: "127.0.0.1", port, method, path, headers, agent, timeout: 20_000 });
    request.on("timeout", () => request.destroy(new Error(`${method} ${path}: no answer`)));
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    request.end(body);
  });
}
