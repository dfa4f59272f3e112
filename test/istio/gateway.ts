/** Our Envoy as an ingress gateway of Istio's: pilot tells it all but where pilot is. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { startServers } from "../../scripts/envoy/servers.ts";
import { projectPath } from "../support/data.ts";
import { freePort } from "../support/free-port.ts";
import type { Kubernetes } from "./kubernetes.ts";

export interface GatewayOptions {
  /** Pilot's port. */
  xds: number;
  /** Its pod's name, label (`istio: NAME`) and namespace, which is made. */
  name: string;
}

export interface Gateway {
  /** That its pod listens at, and its Service. */
  port: number;
  envoy: EnvoyProcess;
  /** Where a module is that is named by URL. */
  module: string;
  stop(): Promise<void>;
}

/** Resolves when Envoy runs, which may not know yet what it is to do. */
export async function startGateway(kubernetes: Kubernetes, { xds, name }: GatewayOptions): Promise<Gateway> {
  const port = await freePort();
  const ip = await registerGateway(kubernetes, name, port);
  const { clusters, stop } = await startServers([MODULES], (_, __, response) => {
    response.end(readFileSync(projectPath("build/pointsman.wasm")));
  });
  const modules = clusters[0]!.port;
  const folder = mkdtempSync(join(tmpdir(), "pointsman-gateway-"));
  try {
    const config = join(folder, "bootstrap.json");
    writeFileSync(config, JSON.stringify(bootstrap(name, ip, xds, modules), null, 1));
    const envoy = await startConfigured(config, { envoy: await findEnvoy(), concurrency: 2 });
    const module = `http://127.0.0.1:${modules}/pointsman.wasm`;
    return { port, envoy, module, stop: () => envoy.stop().then(stop) };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What Kubernetes and kubelet make of a gateway's Deployment: the pod with its address, and the Service before it.
 * Returns the address, by which pilot finds the pod: one of those for benchmarks, to which nobody is sent.
 */
export async function registerGateway(kubernetes: Kubernetes, name: string, port: number): Promise<string> {
  const ip = `198.18.${byte()}.${byte()}`;
  await kubernetes.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: NO_SIDECARS } });
  const labels = { istio: name };
  const metadata = { name, namespace: name, labels };
  const pod = { apiVersion: "v1", kind: "Pod", metadata };
  const containers = [{ name: "envoy", image: "none", ports: [{ containerPort: port }] }];
  const ports = [{ name: "http", port, targetPort: port }];
  await kubernetes.apply(
    { ...pod, spec: { containers } },
    { ...pod, kind: "Service", spec: { selector: labels, ports } },
  );
  const conditions = [{ type: "Ready", status: "True" }];
  await kubernetes.setStatus({
    ...pod,
    status: { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions },
  });
  return ip;
}

/** istioctl asks for a decision. */
const NO_SIDECARS = { "istio-injection": "disabled" };

const byte = () => Math.floor(Math.random() * 256);

/**
 * The cluster that pilot names for a module's URL. Istio's agent fetches the module, and hands Envoy a file in its place;
 * here is no agent, and Envoy fetches it itself.
 */
const MODULES = "_";

function bootstrap(name: string, ip: string, xds: number, modules: number): object {
  return {
    node: {
      id: `router~${ip}~${name}.${name}~${name}.svc.cluster.local`,
      cluster: `${name}.${name}`,
      metadata: {
        NAME: name,
        NAMESPACE: name,
        CLUSTER_ID: "Kubernetes",
        LABELS: { istio: name },
        ISTIO_VERSION: "1.31.0",
      },
    },
    admin: { address: socket(0) },
    // What Istio's own bootstrap says of these two.
    layered_runtime: { layers: [{ name: "global config", static_layer: RUNTIME }] },
    stats_config: STATS,
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        set_node_on_first_message_only: true,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
      cds_config: BY_ADS,
      lds_config: BY_ADS,
    },
    static_resources: { clusters: [cluster("xds-grpc", xds, HTTP2), cluster(MODULES, modules)] },
  };
}

const RUNTIME = { "re2.max_program_size.error_level": 32768 };
/** Few statistics of Envoy's own are kept, and none has the tags that Envoy would find. */
const STATS = {
  use_all_default_tags: false,
  stats_tags: [{ tag_name: "cluster_name", regex: "^cluster(\\.(.+);)" }],
  stats_matcher: {
    inclusion_list: {
      patterns: [
        "cluster_manager",
        "listener_manager",
        "server",
        "cluster.xds-grpc",
        "wasm",
        "component",
      ].map((prefix) => ({ prefix })),
    },
  },
};
const BY_ADS = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
const HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const HTTP2 = {
  typed_extension_protocol_options: {
    [HTTP]: {
      "@type": `type.googleapis.com/${HTTP}`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function cluster(name: string, port: number, more: object = {}): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }];
  return { name, type: "STATIC", load_assignment: { cluster_name: name, endpoints }, ...more };
}

function socket(port_value: number): object {
  return { socket_address: { address: "127.0.0.1", port_value } };
}
