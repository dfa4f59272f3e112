/** Istio's control plane for all tests of the folder, once (vitest's globalSetup): kube-apiserver with the CRDs, and pilot. */
import { readFileSync } from "node:fs";
import { loadAll } from "js-yaml";
import type { TestProject } from "vitest/node";
import { Kubernetes, startApiserver } from "./kubernetes.ts";
import { ISTIO_NAMESPACE, Pilot } from "./pilot.ts";
import { buildPrograms, builtPrograms, type Programs } from "./programs.ts";

/** What tests take by vitest's `inject`. */
export interface ControlPlane {
  programs: Programs;
  apiserver: number;
  kubeconfig: string;
  /** Pilot's xDS. */
  xds: number;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** null: there is none here. */
    istio: ControlPlane | null;
  }
}

export default async function startControlPlane({ provide }: TestProject): Promise<() => Promise<void>> {
  const why = await buildPrograms((line) => console.log(line));
  if (why !== null) {
    if (process.env.CI) throw new Error(why);
    console.log(`skipped: ${why}`);
    provide("istio", null);
    return async () => {};
  }
  const programs = builtPrograms()!;
  const { port, kubeconfig, stop } = await startApiserver(programs.apiserver);
  try {
    const kubernetes = new Kubernetes(port);
    const crds = loadAll(readFileSync(programs.crds, "utf8")).filter(Boolean) as object[];
    await kubernetes.apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: ISTIO_NAMESPACE } },
      ...crds,
    );
    const pilot = await Pilot.start(programs.pilot, kubeconfig);
    provide("istio", { programs, apiserver: port, kubeconfig, xds: pilot.xdsPort });
    return async () => {
      await pilot.stop();
      await stop();
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
