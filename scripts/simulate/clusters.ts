/** clusters.yaml: where the simulated proxy finds its upstreams. */
import { z } from "zod";
import type { Clusters, Upstream } from "../../host-sim/http/clusters.ts";
import { SourceError } from "../sources/problem.ts";
import { validate } from "../sources/validate.ts";
import { loadYaml } from "../sources/yaml.ts";

/** `127.0.0.1:80`, `[::1]:80`, `name:80` */
export const ADDRESS = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/;

const schema = z.strictObject({
  header: z
    .string()
    .regex(/^[a-z0-9-]+$/, "must be a header's name in lower case")
    .default("x-mw-cluster"),
  fallback: z.string().optional(),
  clusters: z.record(z.string(), z.string().regex(ADDRESS, "must be `host:port`")),
});

/** Reads clusters.yaml. Throws SourceError. */
export function readClusters(file: string): Clusters {
  const yaml = loadYaml(file);
  const { header, fallback, clusters } = validate(schema, yaml);
  if (fallback !== undefined && !Object.hasOwn(clusters, fallback)) {
    throw new SourceError(yaml.placeOf(["fallback"]), `\`${fallback}\` is not one of the clusters`);
  }
  const byName = new Map(Object.entries(clusters).map(([name, address]) => [name, parseAddress(address)]));
  return { header, fallback: fallback ?? null, byName };
}

/** @param address one that fits ADDRESS */
export function parseAddress(address: string): Upstream {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
