/** Where a proxy's upstreams are, and how long they may take. */
import type { Command } from "commander";
import { ALL, type UpstreamsSays } from "../../farm/upstreams-says.ts";
import type { Address, Addresses } from "../../render/addresses.ts";
import type { Timeouts } from "../../render/bootstrap.ts";
import type { SaidTimeouts } from "../../render/listeners.ts";
import { secondsOf } from "../../seconds.ts";
import {
  collectCluster,
  collectRetries,
  collectTimeout,
  parseAddress,
  parsePattern,
  parseServerName,
  type RetriesOption,
  type TimeoutOption,
} from "./options.ts";

/** Where clusters are. */
export interface ClusterOptions {
  cluster?: Map<string, Address>;
  clusters?: Address;
}

export interface UpstreamOptions extends ClusterOptions {
  fallback: Address;
  ca: string;
  serverName?: string;
  idleTimeout?: TimeoutOption;
  timeout?: TimeoutOption;
  retries?: RetriesOption;
}

export function addClusterOptions(command: Command): Command {
  return command
    .option(
      "--cluster <name=[https://]host:port>",
      "the address of a cluster (repeatable); https:// means TLS",
      collectCluster,
    )
    .option(
      "--clusters <[https://]host:port>",
      "the address of every other cluster, made of {cluster}, {deployment} and {release}",
      parsePattern,
    );
}

export function addUpstreamOptions(command: Command): Command {
  return addClusterOptions(command)
    .requiredOption(
      "--fallback <[https://]host:port>",
      "the address for requests that get no cluster and pass through",
      parseAddress,
    )
    .option(
      "--ca <path>",
      "a file on the proxy's machine with the authorities that sign the certificates of TLS upstreams",
      "/etc/ssl/certs/ca-certificates.crt",
    )
    .option(
      "--server-name <name>",
      "the name of TLS upstreams (SNI), with the placeholders of --clusters (default: the address's host)",
      parseServerName,
    )
    .option(
      "--idle-timeout <[deployment=]time>",
      "how long a request to a deployment, or to any, may be silent (repeatable; default: 5m, and 24h for the jobs of internal listeners)",
      collectTimeout,
    )
    .option(
      "--timeout <[deployment=]time>",
      "how long a whole response may take (repeatable; default: 0, no limit)",
      collectTimeout,
    )
    .option(
      "--retries <[deployment=]n>",
      "how often a request is sent again that upstream has not got (repeatable; default: 0)",
      collectRetries,
    );
}

export function addressesOf({ cluster, clusters, ca, serverName }: UpstreamOptions): Addresses {
  return {
    clusters: cluster ?? new Map(),
    pattern: clusters ?? null,
    ca,
    serverName: serverName ?? null,
  };
}

/** What the options say, and else what the farm says of the same deployment. */
export function timeoutsOf(options: UpstreamOptions, farm: UpstreamsSays | null): SaidTimeouts {
  const { idleTimeout: idle = new Map(), timeout: total = new Map(), retries = new Map() } = options;
  const said = new Map(
    Object.entries(farm ?? {}).map(([name, says]) => [name === ALL ? null : name, timesOf(says)]),
  );
  const names = new Set([...said.keys(), ...idle.keys(), ...total.keys(), ...retries.keys()]);
  const of = (name: string | null) => ({
    ...said.get(name),
    ...(idle.has(name) && { idle: idle.get(name)! }),
    ...(total.has(name) && { total: total.get(name)! }),
    ...(retries.has(name) && { retries: retries.get(name)! }),
  });
  return new Map([...names].map((name) => [name, of(name)]));
}

/** As Envoy writes them. */
function timesOf({ timeout, "idle-timeout": idle, retries }: UpstreamsSays[string]): Timeouts {
  const seconds = (text: string) => `${secondsOf(text, "smhd")}s`;
  return {
    ...(timeout !== undefined && { total: seconds(timeout) }),
    ...(idle !== undefined && { idle: seconds(idle) }),
    ...(retries !== undefined && { retries }),
  };
}

/** What has no address would otherwise be noticed by its requests. */
export function warnOfMissing(missing: readonly string[]): void {
  for (const name of missing) {
    process.stderr.write(
      `warning: no address for ${name}, so its requests get a 503: give one by --cluster or --clusters\n`,
    );
  }
}
