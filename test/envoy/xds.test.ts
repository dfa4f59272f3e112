/** The filter by a gRPC stream: what a proxy acknowledges is not what it serves, unless each push is another. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { startConfigured } from "../../scripts/envoy/process.ts";
import { bootstrap, pluginConfiguration } from "../../scripts/render/bootstrap.ts";
import { XdsServer } from "../support/xds-server.ts";
import { EMITTED, FALLBACK, tableOf, WASM } from "./farm.ts";

/** What `render` writes, with the filter from the server instead of a file. */
function discoveredBy(port: number): object {
  const made = bootstrap({
    listeners: [{ name: "edge", trust: "edge" }],
    clusters: [{ name: FALLBACK, port: 9 }],
    fallbackCluster: FALLBACK,
    clusterHeader: "x-mw-cluster",
    emittedHeaders: EMITTED,
    filterFile: () => ({ path: "/none", directory: "/none" }),
  });
  const text = JSON.stringify(made).replace(
    /"config_source":\{"path_config_source":\{.*?\}\}/,
    () => '"config_source":{"ads":{}',
  );
  const config = JSON.parse(text);
  const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: port } } };
  config.static_resources.clusters.push({
    ...{ name: "xds", type: "STATIC", connect_timeout: "1s" },
    load_assignment: { cluster_name: "xds", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  });
  const grpc_services = [{ envoy_grpc: { cluster_name: "xds" } }];
  config.dynamic_resources = {
    ads_config: { api_type: "GRPC", transport_api_version: "V3", grpc_services },
  };
  return config;
}

test("the same bad table sent three times is refused three times, where its attempt differs", async () => {
  const configured = (table: Uint8Array, attempt?: number) =>
    pluginConfiguration({ table, listener: "edge", ...(attempt !== undefined && { attempt }) });
  const bad = tableOf({}, 2);
  bad[bad.length >> 1]! ^= 1;
  const server = new XdsServer(WASM, "edge", configured(tableOf({}, 1), 1));
  await server.start();
  const folder = mkdtempSync(join(tmpdir(), "pointsman-xds-"));
  try {
    const file = join(folder, "envoy.json");
    writeFileSync(file, JSON.stringify(discoveredBy(server.port)));
    const envoy = await startConfigured(file, { envoy: await findEnvoy(), concurrency: 2 });
    try {
      const gauge = (name: string, value: number) =>
        envoy.waitForStat(`wasmcustom.pointsman.${name}.listener.edge`, (one) => one === value, 10_000);
      await gauge("generation", 1);
      for (const attempt of [2, 3, 4]) {
        expect(await server.push(configured(bad, attempt))).toBe("NACK");
        await gauge("tables_refused", attempt - 1);
      }
      // Without an attempt of its own the second time is taken as known.
      expect(await server.push(configured(bad))).toBe("NACK");
      expect(await server.push(configured(bad))).toBe("ACK");
      await gauge("tables_refused", 4);
      await gauge("generation", 1);
      expect(await server.push(configured(tableOf({}, 3), 5))).toBe("ACK");
      await gauge("generation", 3);
      await gauge("refused", 0);
    } finally {
      await envoy.stop();
    }
  } finally {
    server.stop();
    rmSync(folder, { recursive: true });
  }
});
