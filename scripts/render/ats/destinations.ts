/** Where a request goes whose cluster the filter has named: rules of header_rewrite on the remap rule. */
import { rule } from "./rule.ts";

/** How a cluster is chosen: a rule each, or one rule for all and a strategy each in strategies.yaml. */
export type Choice = "set-destination" | "strategies";

/** A cluster's one address. */
export interface Origin {
  name: string;
  host: string;
  port: number;
  tls: boolean;
}

export interface Chosen {
  /** The header that names the cluster. */
  header: string;
  clusters: readonly Origin[];
  /** A request without a cluster goes to the remap rule's own target; else it gets a 503. */
  passes: boolean;
}

/** By name, as it stands in rules and in YAML without a quote. */
const NAME = /^[\w.:~-]+$/;

/** Throws RangeError. */
export function destinationRules(choice: Choice, { header, clusters, passes }: Chosen): string {
  const value = `%{CLIENT-HEADER:${header}}`;
  for (const { name } of clusters) {
    if (!NAME.test(name))
      throw new RangeError(
        `the cluster "${name}" cannot be written into a rule of ATS: use letters, digits and . _ : ~ -`,
      );
  }
  const known = clusters.map(({ name }) => name.replace(/[.]/g, "\\."));
  return [
    "# A cluster that is not here is none that we may guess.",
    rule(HOOK, [`${value} ="" [NOT]`, `${value} /^(?:${known.join("|")})$/ [NOT]`], REFUSED),
    ...(passes
      ? []
      : ["# There is nowhere to pass requests through to.", rule(HOOK, [`${value} =""`], REFUSED)]),
    ...(choice === "strategies"
      ? [rule(HOOK, [`${value} ="" [NOT]`], [`set-next-hop-strategy ${value}`])]
      : clusters.map((cluster) => rule(HOOK, [`${value} ="${cluster.name}"`], destination(cluster)))),
  ].join("\n");
}

const HOOK = "REMAP_PSEUDO_HOOK";
const REFUSED = ["set-status 503 [L]"];

function destination({ host, port, tls }: Origin): string[] {
  return [
    `set-destination SCHEME ${tls ? "https" : "http"}`,
    `set-destination HOST ${host}`,
    `set-destination PORT ${port} [L]`,
  ];
}
