/** What a program that goes on running says of itself over HTTP: /healthz, /status as JSON, and /metrics of Prometheus. */
import { createServer, type Server, type ServerResponse } from "node:http";

export interface Pages {
  health: () => { status: number; text: string };
  status: () => object;
  metrics: () => string;
}

const TEXT = "text/plain; charset=utf-8";
/** Prometheus' text format. */
const METRICS = "text/plain; version=0.0.4; charset=utf-8";
const REQUEST_MS = 10_000;
const CONNECTIONS = 100;

/** @param port 0: the kernel chooses. Rejects where the address cannot be had. */
export function startPages(host: string, port: number, { health, status, metrics }: Pages): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") answer(response, 405, TEXT, "GET alone\n");
    else if (path === "/healthz") answerHealth(response, health());
    else if (path === "/status") answer(response, 200, "application/json", `${JSON.stringify(status())}\n`);
    else if (path === "/metrics") answer(response, 200, METRICS, metrics());
    else answer(response, 404, TEXT, "/healthz, /status, /metrics\n");
  });
  server.requestTimeout = REQUEST_MS;
  server.maxConnections = CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server.off("error", reject)));
  });
}

function answerHealth(response: ServerResponse, { status, text }: ReturnType<Pages["health"]>): void {
  answer(response, status, TEXT, `${text}\n`);
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

export function stopPages(server: Server | null): void {
  server?.close();
  server?.closeAllConnections();
}

export interface Metric {
  /** Below the program's own beginning. */
  name: string;
  type: "gauge" | "counter";
  help: string;
  samples: readonly (readonly [labels: string, value: number])[];
}

/** One without labels. */
export function gauge(name: string, help: string, value: number): Metric {
  return { name, type: "gauge", help, samples: [["", value]] };
}

/** @param beginning of all names, as `pointsman_serve_` */
export function showMetrics(beginning: string, metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, type, help, samples }) => [
    `# HELP ${beginning}${name} ${help}`,
    `# TYPE ${beginning}${name} ${type}`,
    ...samples.map(([labels, value]) => `${beginning}${name}${labels} ${value}`),
  ]);
  return `${lines.join("\n")}\n`;
}
