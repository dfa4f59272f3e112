/** What `pointsman render istio` writes for a gateway of the tests, and a farm's upstreams behind it. */

import { startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import type { Plan } from "../../scripts/plan.ts";
import { run } from "../support/cli.ts";
import type { Gateway } from "./gateway.ts";
import type { Kubernetes, Manifest } from "./kubernetes.ts";

export const FALLBACK = "pass-through";

export function startUpstreamsOf(plan: Plan): Promise<Upstreams> {
  return startUpstreams([...new Set(plan.clusters.flat()), FALLBACK]);
}

/** The options that say which gateway, and where the upstreams are. */
export function optionsOf(
  name: string,
  listener: string,
  { port }: Gateway,
  { clusters }: Upstreams,
): string[] {
  return [
    ...["--istio", "1.31", "--namespace", name, "--selector", `istio=${name}`],
    ...["--listener", `${listener}=127.0.0.1:${port}`],
    ...clusters.flatMap((one) =>
      one.name === FALLBACK
        ? ["--fallback", `127.0.0.1:${one.port}`]
        : ["--cluster", `${one.name}=127.0.0.1:${one.port}`],
    ),
  ];
}

/** All of its objects, by the CLI. */
export function render(...args: string[]): Manifest[] {
  const { code, out, err } = run(["render", "istio", "--json", ...args]);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out).items;
}

/** One after the other, in their order. */
export async function applyAll(kubernetes: Kubernetes, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) await kubernetes.apply(manifest);
}
