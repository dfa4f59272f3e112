/** Which targets a machine has: as options name them, or as targets.yaml does. */
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { validate } from "../sources/validate.ts";
import { loadYaml } from "../sources/yaml.ts";
import { ATS_RELOAD, ats } from "./ats.ts";
import { configMap } from "./configmap.ts";
import { envoyFiles } from "./envoy-files.ts";
import { istioManifests } from "./istio.ts";
import type { Target } from "./target.ts";

const path = z.string().min(1);

const envoyFilesSays = z.strictObject({ kind: z.literal("envoy-files"), folder: path });
const configMapSays = z.strictObject({ kind: z.literal("configmap"), file: path });
const atsSays = z.strictObject({
  kind: z.literal("ats"),
  file: path,
  reload: z.array(z.string().min(1)).min(1).default(ATS_RELOAD),
});
const istioSays = z.strictObject({ kind: z.literal("istio"), folder: path });
const saysSchema = z.union([envoyFilesSays, configMapSays, atsSays, istioSays]);
type Says = z.infer<typeof saysSchema>;

/** targets.yaml. docs/push.md explains every key. */
export const targetsSchema = z.strictObject({ targets: z.array(saysSchema).min(1) });

export const TARGET_KINDS = saysSchema.options.map(({ shape }) => shape.kind.value);

/** What a `--target KIND=PLACE` says; null where it is no such thing. */
export function targetOption(text: string): Says | null {
  const [, kind, place] = /^([a-z-]+)=(.+)$/.exec(text) ?? [];
  const isFolder = kind === "envoy-files" || kind === "istio";
  const says = isFolder ? { kind, folder: place } : { kind, file: place };
  return saysSchema.safeParse(says).data ?? null;
}

/** Paths are from the file's folder on. Throws SourceError. */
export function readTargets(file: string): Says[] {
  const here = (name: string) => (isAbsolute(name) ? name : join(dirname(file), name));
  return validate(targetsSchema, loadYaml(file)).targets.map((says) => {
    if (says.kind === "envoy-files" || says.kind === "istio") return { ...says, folder: here(says.folder) };
    return { ...says, file: here(says.file) };
  });
}

/** @param reloads whether proxies are told to reload, or people how */
export function targetOf(says: Says, reloads: boolean): Target {
  switch (says.kind) {
    case "envoy-files":
      return envoyFiles(says.folder);
    case "configmap":
      return configMap(says.file);
    case "istio":
      return istioManifests(says.folder);
    case "ats":
      return ats({ ...says, runs: reloads });
  }
}
