/** HTTP servers on free ports of 127.0.0.1, one a cluster: what upstreams have in common, whatever they answer. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { ClusterOptions } from "../render/bootstrap.ts";

export interface Servers {
  clusters: ClusterOptions[];
  stop(): Promise<void>;
}

/** Starts all of them, or none. */
export async function startServers(
  names: readonly string[],
  serve: (cluster: string, request: http.IncomingMessage, response: http.ServerResponse) => void,
  options: http.ServerOptions = {},
): Promise<Servers> {
  const servers: http.Server[] = [];
  const clusters: ClusterOptions[] = [];
  const stop = async () => {
    await Promise.all(servers.map(close));
  };
  try {
    for (const name of names) {
      const server = http.createServer(options, (request, response) => serve(name, request, response));
      servers.push(server);
      clusters.push({ name, port: await listen(server) });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { clusters, stop };
}

function listen(server: http.Server): Promise<number> {
  // Envoy keeps idle connections to the upstream; a server that closes them first makes rare 503s.
  server.keepAliveTimeout = 0;
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
