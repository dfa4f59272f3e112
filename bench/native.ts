/**
 * The decision in Envoy's own routes, as `render envoy --native` writes them. What these cannot say goes to the
 * fallback, where others get a 501, so that all variants answer every request from upstream.
 */
import { routeConfiguration } from "../scripts/render/bootstrap.ts";
import { nativeConfiguration } from "../scripts/render/native/envoy.ts";
import { knownHosts } from "../scripts/render/native/hosts.ts";
import { Unsaid } from "../scripts/render/native/unsaid.ts";
import { nativeHosts } from "../scripts/render/native/virtual-hosts.ts";
import { decide } from "../scripts/table/decide.ts";
import type { Where } from "../scripts/table/request.ts";
import type { Table, TableListener } from "../scripts/table/table.ts";
import type { RouteConfig } from "./envoy-config.ts";
import type { BenchRequest } from "./requests.ts";

export function nativeRoutes(
  table: Table,
  listener: TableListener,
  { fallbackCluster, secondary }: { fallbackCluster: string; secondary: boolean },
): RouteConfig {
  const { hosts } = nativeHosts(table, knownHosts(table), listener, secondary);
  const all = hosts.map(({ routes, ...host }) => ({
    ...host,
    routes: routes.map((one) => (one.action instanceof Unsaid ? { ...one, action: "pass" as const } : one)),
  }));
  const own = nativeConfiguration(all, { fallbackCluster, timeouts: () => ({}) });
  const emitted = table.emit.map(({ name }) => name);
  const headers = { clusterHeader: emitted[0]!, emittedHeaders: emitted };
  return routeConfiguration({ name: "main", trust: listener.trust }, headers, own) as RouteConfig;
}

/** Where the request goes, routes can say. */
export function isSaid(table: Table, request: BenchRequest, where: Where): boolean {
  const { trail } = decide(table, { ...request, client: "127.0.0.1" }, where);
  return trail.path === null && trail.pathRewrite === null && trail.wikiFrom !== "body";
}
