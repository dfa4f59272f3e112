/** A table's Apache Traffic Server 10.2: the filter in its wasm plugin, and the guards that ATS needs around it. */
import { isIPv6 } from "node:net";
import type { Predicate } from "../../plan.ts";
import type { Table, TableListener } from "../../table/table.ts";
import { type Address, type Addresses, clustersOf, upstream } from "../addresses.ts";
import { type ClusterOptions, LOCALHOST } from "../cluster.ts";
import { listenerOf, listenersOf } from "../listeners.ts";
import { toYaml } from "../yaml.ts";
import { type Choice, destinationRules, type Origin } from "./destinations.ts";
import { type Asked, guardRules } from "./guard.ts";
import { atsPlugin } from "./plugin.ts";
import { records } from "./records.ts";
import { strategies } from "./strategies.ts";

export interface AtsRenderOptions extends Omit<Addresses, "serverName"> {
  /** The listener of the table that this ATS is, and where it listens; null: the table's first, at 127.0.0.1:8080. */
  listener: { name: string; address?: string; port: number } | null;
  datacentre?: string;
  primary?: string;
  /** Where a request goes that gets no cluster; null: it gets a 503. */
  fallback: Address | null;
  choice: Choice;
  /** On the proxy's machine: the folder of its configuration, and the .wasm. */
  root: string;
  wasm: string;
}

export interface RenderedAts {
  /** By their names. */
  files: Map<string, string>;
  /** Clusters of the table that have no address. */
  missing: string[];
}

/** The strategy of a request without a cluster. */
const PASSED = "pass-through";
/** A host that is none: where a rule has not found a cluster, there is no upstream. */
const NOWHERE = "http://pointsman.invalid/";

/** Throws RangeError where the options do not fit the table. */
export function renderAts(table: Table, options: AtsRenderOptions): RenderedAts {
  const { datacentre, primary, fallback, choice, root, wasm, ca } = options;
  const known = listenersOf(table);
  const {
    name,
    address = null,
    port,
  } = options.listener ?? {
    name: [...known.keys()][0]!,
    address: "127.0.0.1",
    port: 8080,
  };
  const listener = listenerOf(name, known);
  const addresses = { ...options, serverName: null };
  const { found, missing } = clustersOf(table, addresses);
  const clusters = found.map(originOf);
  const passed =
    fallback && originOf({ name: PASSED, ...upstream(fallback, { cluster: PASSED }, addresses) });
  const origins = passed ? [...clusters, passed] : clusters;
  if (passed && clusters.some((one) => one.name === PASSED))
    throw new RangeError(`the table has a cluster "${PASSED}", which is the name of --fallback here`);
  const isByStrategy = choice === "strategies";
  const header = table.emit.find(({ kind }) => kind === "cluster")!.name;
  const tls = origins.some((one) => one.tls);
  const filter = {
    wasm,
    listener: name,
    clusterHeader: header,
    ...(datacentre !== undefined && { datacentre }),
    ...(primary !== undefined && { primary }),
  };
  return {
    missing,
    files: new Map([
      ["records.yaml", toYaml(records({ address, port, ca: tls ? ca : null }))],
      ["plugin.config", plugins(root)],
      [
        GUARD,
        guardRules({
          emitted: table.emit.map((one) => one.name),
          asked: askedFor(table, listener),
          isEdge: listener.trust === "edge",
        }),
      ],
      ["remap.config", remap(passed, isByStrategy)],
      [CLUSTERS, destinationRules(choice, { header, clusters, passes: passed !== null })],
      ...(isByStrategy ? [["strategies.yaml", toYaml(strategies(origins))] as const] : []),
      [STATS, "path=_stats\nallow_ip=127.0.0.1\nallow_ip6=::1\n"],
      [PLUGIN, atsPlugin(table, filter)],
    ]),
  };
}

const GUARD = "pointsman-guard.config";
const CLUSTERS = "pointsman-clusters.config";
const STATS = "pointsman-stats.config";
export const PLUGIN = "pointsman.yaml";

/** In this order a request meets them. */
function plugins(root: string): string {
  return [
    `header_rewrite.so ${GUARD}`,
    `wasm.so ${PLUGIN}`,
    // It looks for no file in ATS's folder by itself.
    `stats_over_http.so "${root}/${STATS}"`,
    "",
  ].join("\n");
}

function remap(passed: Origin | null, isByStrategy: boolean): string {
  const rules = `@plugin=header_rewrite.so @pparam=${CLUSTERS}`;
  if (passed === null) return `map / ${NOWHERE} ${rules}\n`;
  // Where the target is this machine, ATS asks no strategy: so the target is nowhere.
  if (isByStrategy) return `map / ${NOWHERE} @strategy=${PASSED} ${rules}\n`;
  const { host, port, tls } = passed;
  return `map / ${tls ? "https" : "http"}://${host}:${port}/ ${rules}\n`;
}

/** Throws RangeError. */
function originOf({ name, host = LOCALHOST, port, tls }: ClusterOptions): Origin {
  if (!isIPv6(host)) return { name, host, port, tls: tls !== undefined };
  throw new RangeError(`${name}: ATS's rules take a name or an IPv4 address, not ${host}`);
}

/**
 * What is in a request whose answer is for who asked alone, be it a debugging backend's or another release's than the
 * wiki's: a cache that goes by the URL would hand it to everybody. Throws RangeError where a rule goes by something else.
 */
function askedFor(table: Table, listener: TableListener): Asked[] {
  const debugging = table.rules(listener.routes).filter(({ debug }) => debug);
  const previews = table.rules(listener.assets).filter(({ when }) => when.some(isOfClient));
  const asked = [...debugging, ...previews].map(({ when, debug }) => {
    const by = when.find(isInRequest);
    if (by) return { subject: by.subject, name: by.name };
    throw new RangeError(
      `${debug ? "a rule for debugging" : "a preview"} goes by neither a header nor a cookie, so ATS cannot be told what not to cache`,
    );
  });
  return [...new Map(asked.map((one) => [JSON.stringify(one), one])).values()];
}

type InRequest = Extract<Predicate, { subject: "header" | "cookie" }>;

/** A header or cookie that is there whenever the rule's test holds. */
function isInRequest(predicate: Predicate): predicate is InRequest {
  const { subject, test, not } = predicate;
  return (subject === "header" || subject === "cookie") && test !== "share" && !not;
}

/** It is not the same for all who ask for a URL. */
const isOfClient = ({ subject }: Predicate) =>
  subject === "header" || subject === "cookie" || subject === "client";
