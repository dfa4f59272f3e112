/** What a server says of itself over HTTP: whether it is well, what each proxy has, and metrics of Prometheus. */
import type { Server } from "node:http";
import { gauge, type Metric, showMetrics, startPages } from "../pages.ts";
import {
  type StoreState,
  type StoreStatus,
  statusOfStore,
  storeMetrics,
  troubleText,
} from "../store/store-state.ts";
import { EVENTS, type Fleet } from "./fleet.ts";
import { STATES, type State } from "./subscriber.ts";
import { ENDS, type XdsServer } from "./xds-server.ts";

export interface Served {
  fleet: Fleet;
  xds: XdsServer;
  store: () => StoreState;
}

/** @param port 0: the kernel chooses. Rejects where the address cannot be had. */
export function startHttp(host: string, port: number, served: Served): Promise<Server> {
  return startPages(host, port, {
    health: () => healthOf(served),
    status: () => statusOf(served),
    metrics: () => metricsOf(served),
  });
}

/** A server without its store goes on with what it has: to start it anew would not help. */
function healthOf({ fleet, store }: Served): { status: number; text: string } {
  const how = troubleText(store());
  if (fleet.generation === null) return { status: 503, text: `nothing to serve${how}` };
  return { status: 200, text: `generation ${fleet.generation}${how}` };
}

/** What /status answers. */
export interface ServeStatus {
  store: StoreStatus;
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
  return {
    store: statusOfStore(store()),
    generation: fleet.generation,
    proxies: fleet.connected().map(({ proxy, stream, since, listeners, state, why, reported }) => ({
      ...{ id: proxy.id, cluster: proxy.cluster, locality: proxy.locality },
      ...{ peer: stream.peer, since: since.toISOString(), listeners, state, why },
      ...{ wanted: fleet.dueTo(proxy)?.version ?? null, reported },
    })),
  };
}

function metricsOf({ fleet, xds, store }: Served): string {
  const connected = fleet.connected();
  const ids = new Set(connected.map(({ proxy }) => proxy.id));
  const inState = (state: State) => connected.filter((one) => one.state === state).length;
  const metrics: Metric[] = [
    ...storeMetrics(store()),
    gauge("generation", "What the store wants served, as it was last read.", fleet.generation ?? 0),
    gauge("oldest_generation", "The oldest one that an Envoy is to serve.", fleet.oldestGeneration ?? 0),
    gauge("streams", "Streams that are open.", xds.streams),
    {
      name: "proxies",
      type: "gauge",
      help: "Streams of proxies, by how it stands with them.",
      samples: STATES.map((state) => [`{state="${state}"}`, inState(state)]),
    },
    gauge(
      "proxies_of_one_name",
      "Streams of proxies that say an id which another one says too.",
      connected.length - ids.size,
    ),
    {
      name: "events_total",
      type: "counter",
      help: "Tables that were sent, acknowledged or refused; proxies that had a newer one.",
      samples: EVENTS.map((name) => [`{event="${name}"}`, fleet.events[name]]),
    },
    {
      name: "streams_ended_total",
      type: "counter",
      help: "Streams that the server ended, by why.",
      samples: ENDS.map((end) => [`{why="${end}"}`, xds.ended[end]]),
    },
  ];
  return showMetrics("pointsman_serve_", metrics);
}
