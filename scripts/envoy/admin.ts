/** Envoy's admin interface, as far as the tests and the demo read it. */
import { send } from "./request.ts";

export type Stats = Record<string, number | string>;

/** Counters, gauges and text readouts whose names match the regular expression; all of them without one. */
export async function readStats(adminPort: number, filter = ""): Promise<Stats> {
  const text = await get(adminPort, `/stats?format=json&filter=${encodeURIComponent(filter)}`);
  const { stats } = JSON.parse(text) as { stats: { name?: string; value?: number | string }[] };
  const result: Stats = {};
  // Histograms have no name of their own and stay out.
  for (const { name, value } of stats) if (name !== undefined && value !== undefined) result[name] = value;
  return result;
}

/** The port of each listener, by its name. */
export async function readListenerPorts(adminPort: number): Promise<Record<string, number>> {
  const text = await get(adminPort, "/listeners?format=json");
  const { listener_statuses = [] } = JSON.parse(text) as {
    listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return Object.fromEntries(
    listener_statuses.map((one) => [one.name, one.local_address.socket_address.port_value]),
  );
}

/** Whether Envoy has started its workers and takes requests. */
export async function isLive(adminPort: number): Promise<boolean> {
  return send({ port: adminPort, path: "/ready" }).then(
    (response) => response.status === 200,
    () => false,
  );
}

async function get(port: number, path: string): Promise<string> {
  const response = await send({ port, path });
  if (response.status !== 200) throw new Error(`Envoy's admin answers ${response.status} to ${path}`);
  return response.body;
}
