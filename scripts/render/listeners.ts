/** Listeners of a table, as a proxy that is rendered needs them. */
import type { Route } from "../plan.ts";
import type { Table, TableListener } from "../table/table.ts";
import type { ListenerOptions, Timeouts } from "./bootstrap.ts";

/** Of a deployment by its name, of all others by null. */
export type SaidTimeouts = ReadonlyMap<string | null, Timeouts>;

/** What the only listener of a table is called where the farm gives it no name. */
const ONLY = "main";

/** Where our own services send jobs: nobody knows how long one is silent. */
const JOB_TIMEOUTS: Timeouts = { idle: "86400s" };

/** By their names. */
export function listenersOf(table: Table): Map<string, TableListener> {
  return new Map(table.listeners.map((one) => [one.name ?? ONLY, one]));
}

/** Throws RangeError. */
export function listenerOf(name: string, known: ReadonlyMap<string, TableListener>): TableListener {
  const listener = known.get(name) ?? (known.size === 1 ? known.get(ONLY) : undefined);
  if (listener) return listener;
  throw new RangeError(`the table has no listener "${name}": it has ${[...known.keys()].join(", ")}`);
}

function deployments(table: Table): string[] {
  return Array.from({ length: table.deploymentCount }, (_, i) => table.deployment(i).name);
}

/** Throws RangeError where one is said of a deployment that is none. */
export function checkTimeouts(table: Table, timeouts: SaidTimeouts): void {
  for (const name of timeouts.keys()) {
    if (name !== null && !deployments(table).includes(name))
      throw new RangeError(`the table has no deployment "${name}": it has ${deployments(table).join(", ")}`);
  }
}

/** Deployments with timeouts of their own: as the options say, and those to which our own services send jobs. */
export function clusterTimeouts(
  table: Table,
  listener: TableListener,
  timeouts: SaidTimeouts,
): NonNullable<ListenerOptions["clusterTimeouts"]> {
  const jobs = listener.trust === "internal" ? jobDeployments(table, listener) : new Set();
  return deployments(table).flatMap((name, d) => {
    const said = timeouts.get(name);
    if (!said && !jobs.has(d)) return [];
    const clusters = Array.from({ length: table.releaseCount }, (_, r) => table.cluster(d, r));
    // What somebody says of all holds for jobs as well.
    const idle = jobs.has(d) && timeouts.get(null)?.idle === undefined ? JOB_TIMEOUTS : {};
    return [{ name, clusters: [...new Set(clusters)], timeouts: { ...idle, ...said } }];
  });
}

/** Deployments to which a job's body leads. */
export function jobDeployments(table: Table, listener: TableListener): Set<number> {
  return new Set(
    table
      .rules<Route>(listener.routes)
      .flatMap(({ wiki, outcome }) =>
        wiki === "body" && outcome !== "pass" && "deployment" in outcome ? [outcome.deployment] : [],
      ),
  );
}
