/** The route configurations of a table's listeners, for an Envoy that runs without the filter. */
import { type DataCentres, isSecondary } from "../../table/secondary.ts";
import type { Table, TableListener } from "../../table/table.ts";
import { type BootstrapOptions, routeConfiguration } from "../bootstrap.ts";
import { clusterTimeouts, type SaidTimeouts } from "../listeners.ts";
import { nativeConfiguration } from "./envoy.ts";
import { knownHosts } from "./hosts.ts";
import { refuseUnsaid } from "./refuse.ts";
import type { Unsaid } from "./unsaid.ts";
import { nativeHosts } from "./virtual-hosts.ts";

export interface NativeOptions
  extends DataCentres,
    Pick<BootstrapOptions, "fallbackCluster" | "clusterHeader" | "emittedHeaders" | "websockets"> {
  timeouts: SaidTimeouts;
  /** What may be left out, by name; null: whatever cannot be said. */
  except: readonly string[] | null;
}

/** By the names under which Envoy has the listeners. Throws RangeError with all that cannot be said. */
export function nativeConfigurations(
  table: Table,
  listeners: ReadonlyMap<string, TableListener>,
  options: NativeOptions,
): Map<string, object> {
  const known = knownHosts(table);
  const unsaid = new Map<string, readonly Unsaid[]>();
  const made = new Map<string, object>();
  for (const [name, listener] of listeners) {
    const native = nativeHosts(table, known, listener, isSecondary(listener, options));
    unsaid.set(name, native.unsaid);
    const own = nativeConfiguration(native.hosts, {
      fallbackCluster: options.fallbackCluster,
      timeouts: timeoutsOf(table, listener, options.timeouts),
    });
    made.set(name, routeConfiguration({ name, trust: listener.trust }, options, own));
  }
  if (options.except) refuseUnsaid(unsaid, options.except);
  return made;
}

function timeoutsOf(table: Table, listener: TableListener, timeouts: SaidTimeouts) {
  const own = new Map(clusterTimeouts(table, listener, timeouts).map((one) => [one.name, one.timeouts]));
  const { idle: _, ...ofAll } = timeouts.get(null) ?? {};
  return (deployment: number | null) => ({
    ...ofAll,
    ...(deployment !== null && own.get(table.deployment(deployment).name)),
  });
}
