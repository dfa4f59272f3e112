/** What a server says of itself over HTTP: whether it is well, what each proxy has, and metrics of Prometheus. */
import { createServer, type Server, type ServerResponse } from "node:http";
import { EVENTS, type Fleet } from "./fleet.ts";
import { STATES, type State } from "./subscriber.ts";
import { ENDS, type XdsServer } from "./xds-server.ts";

/** How it stands with the store. */
export interface StoreState {
  name: string;
  /** Why what is served is not what it says now, and since when; null: it is. */
  trouble: { kind: string; why: string; since: Date } | null;
}

export interface Served {
  fleet: Fleet;
  xds: XdsServer;
  store: () => StoreState;
}

const TEXT = "text/plain; charset=utf-8";
/** Prometheus' text format. */
const METRICS = "text/plain; version=0.0.4; charset=utf-8";
const REQUEST_MS = 10_000;
const CONNECTIONS = 100;

/** @param port 0: the kernel chooses. Rejects where the address cannot be had. */
export function startHttp(host: string, port: number, served: Served): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") answer(response, 405, TEXT, "GET alone\n");
    else if (path === "/healthz") health(response, served);
    else if (path === "/status")
      answer(response, 200, "application/json", `${JSON.stringify(statusOf(served))}\n`);
    else if (path === "/metrics") answer(response, 200, METRICS, metricsOf(served));
    else answer(response, 404, TEXT, "/healthz, /status, /metrics\n");
  });
  server.requestTimeout = REQUEST_MS;
  server.maxConnections = CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server.off("error", reject)));
  });
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** A server without its store goes on with what it has: to start it anew would not help. */
function health(response: ServerResponse, { fleet, store }: Served): void {
  const { trouble } = store();
  const how = trouble === null ? "" : `; since ${trouble.since.toISOString()} ${trouble.why}`;
  if (fleet.generation === null) answer(response, 503, TEXT, `nothing to serve${how}\n`);
  else answer(response, 200, TEXT, `generation ${fleet.generation}${how}\n`);
}

/** What /status answers. */
export interface ServeStatus {
  store: { name: string; trouble: { kind: string; why: string; since: string } | null };
  /** Null: nothing was read yet. */
  generation: number | null;
  proxies: {
    id: string;
    cluster: string;
    locality: string;
    peer: string;
    since: string;
    listeners: string[];
    state: State;
    why: string | null;
    /** By the rollout object. */
    wanted: { generation: number; digest: string } | null;
    /** By the proxy's own word, which is no proof. */
    reported: { generation: number; digest: string } | null;
  }[];
}

export function statusOf({ fleet, store }: Served): ServeStatus {
  const { name, trouble } = store();
  return {
    store: { name, trouble: trouble && { ...trouble, since: trouble.since.toISOString() } },
    generation: fleet.generation,
    proxies: fleet.connected().map(({ proxy, stream, since, listeners, state, why, reported }) => ({
      ...{ id: proxy.id, cluster: proxy.cluster, locality: proxy.locality },
      ...{ peer: stream.peer, since: since.toISOString(), listeners, state, why },
      ...{ wanted: fleet.dueTo(proxy)?.version ?? null, reported },
    })),
  };
}

function metricsOf({ fleet, xds, store }: Served): string {
  const { trouble } = store();
  const connected = fleet.connected();
  const ids = new Set(connected.map(({ proxy }) => proxy.id));
  const inState = (state: State) => connected.filter((one) => one.state === state).length;
  return [
    ...metric("store_up", "gauge", "Whether what is served is what the store says now.", [
      ["", trouble === null ? 1 : 0],
    ]),
    ...metric("store_trouble_seconds", "gauge", "For how long it is not.", [
      ["", trouble === null ? 0 : (Date.now() - trouble.since.getTime()) / 1000],
    ]),
    ...metric("generation", "gauge", "What the store wants served, as it was last read.", [
      ["", fleet.generation ?? 0],
    ]),
    ...metric("streams", "gauge", "Streams that are open.", [["", xds.streams]]),
    ...metric(
      "proxies",
      "gauge",
      "Streams of proxies, by how it stands with them.",
      STATES.map((state) => [`{state="${state}"}`, inState(state)]),
    ),
    ...metric(
      "proxies_of_one_name",
      "gauge",
      "Streams of proxies that say an id which another one says too.",
      [["", connected.length - ids.size]],
    ),
    ...metric(
      "events_total",
      "counter",
      "Tables that were sent, acknowledged or refused; proxies that had a newer one.",
      EVENTS.map((name) => [`{event="${name}"}`, fleet.events[name]]),
    ),
    ...metric(
      "streams_ended_total",
      "counter",
      "Streams that the server ended, by why.",
      ENDS.map((end) => [`{why="${end}"}`, xds.ended[end]]),
    ),
    "",
  ].join("\n");
}

function metric(
  name: string,
  type: "gauge" | "counter",
  help: string,
  samples: [labels: string, value: number][],
): string[] {
  const full = `pointsman_serve_${name}`;
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} ${type}`,
    ...samples.map(([labels, value]) => `${full}${labels} ${value}`),
  ];
}
