/** A real Envoy that decides by its own routes, without the filter; what these cannot say is left out. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startEnvoy } from "../../scripts/envoy/process.ts";
import type { ClusterOptions } from "../../scripts/render/bootstrap.ts";
import { listenersOf } from "../../scripts/render/listeners.ts";
import { nativeConfigurations } from "../../scripts/render/native/configurations.ts";
import { routesResource } from "../../scripts/render/native/envoy.ts";
import type { DataCentres } from "../../scripts/table/secondary.ts";
import type { Table } from "../../scripts/table/table.ts";
import { folderOf } from "./folder.ts";

export interface NativeEnvoy extends DataCentres {
  clusters: ClusterOptions[];
  fallbackCluster: string;
}

/** Every listener of the table. */
export async function startNative(
  table: Table,
  { clusters, fallbackCluster, ...at }: NativeEnvoy,
): Promise<EnvoyProcess> {
  const listeners = listenersOf(table);
  const options = {
    fallbackCluster,
    clusterHeader: table.emit.find(({ kind }) => kind === "cluster")!.name,
    emittedHeaders: table.emit.map(({ name }) => name),
  };
  const folder = folderOf({});
  const directory = (name: string) => join(folder, name);
  const path = (name: string) => join(directory(name), "routes.json");
  for (const [name, configuration] of nativeConfigurations(table, listeners, {
    ...options,
    ...at,
    timeouts: new Map(),
    except: null,
  })) {
    mkdirSync(directory(name));
    writeFileSync(path(name), JSON.stringify(routesResource(configuration, "1")));
  }
  return startEnvoy({
    envoy: await findEnvoy(),
    listeners: [...listeners].map(([name, { trust, trustedHops }]) => ({ name, trust, trustedHops })),
    clusters,
    ...options,
    native: (name) => ({ path: path(name), directory: directory(name) }),
  });
}
