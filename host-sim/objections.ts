/** Everything for which a host would refuse a module, where loading it stops at the first. */
import type { AbiVersion } from "./abi.ts";
import { misfits, missingExports, showMisfit, wrongExports } from "./link.ts";
import { abiVersionOf, compileModule, LoadError, whyNot } from "./module.ts";
import type { Profile } from "./profiles/profile.ts";
import type { RootOptions } from "./root.ts";
import { type LoadOptions, Vm } from "./vm.ts";
import { lackingFeature, usedFeatures } from "./wasm/features.ts";
import { type Outline, outlineOf } from "./wasm/outline.ts";

/**
 * `module`: it is none. `engine`: the V8 of this Node lacks a feature, so that nothing more is known. `dies`: the module
 * loads, but a call that it imports ends the host's process.
 */
export type ObjectionKind =
  | "module"
  | "engine"
  | "feature"
  | "abi"
  | "import"
  | "import-type"
  | "export-type"
  | "export"
  | "start"
  | "configuration"
  | "dies";

export interface Objection {
  readonly kind: ObjectionKind;
  /** The import, export, feature or marker; empty for the whole module. */
  readonly name: string;
  readonly why: string;
}

export interface Opinion {
  /** By the module's marker; null where the host knows none of them. */
  readonly abi: AbiVersion | null;
  /** Those of the kind `dies` are no refusals. */
  readonly objections: readonly Objection[];
}

/** @param configured what the module is told, where it shall be configured too */
export async function opinionOf(
  bytes: Uint8Array,
  profile: Profile,
  configured: (LoadOptions & RootOptions) | null = null,
): Promise<Opinion> {
  try {
    await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    const { message } = error as Error;
    const feature = lackingFeature(message);
    const kind = feature === null ? "module" : "engine";
    return { abi: null, objections: [{ kind, name: feature ?? "", why: whyNot(message) }] };
  }
  const outline = outlineOf(bytes);
  const { abi, objection } = abiOf(outline, profile);
  const refusals = [
    ...usedFeatures(bytes)
      .filter((feature) => profile.refusedFeatures.has(feature))
      .map((name): Objection => ({ kind: "feature", name, why: `${profile.name} refuses ${name}` })),
    ...(objection === null ? [] : [objection]),
    ...ofOutline(outline, profile, abi ?? newest(profile)),
  ];
  const late = refusals.length > 0 ? [] : await ofStart(bytes, profile, configured);
  return { abi, objections: [...refusals, ...late, ...deadly(outline, profile)] };
}

const newest = ({ abiVersions }: Profile): AbiVersion => [...abiVersions].at(-1)!;

function abiOf(outline: Outline, profile: Profile): { abi: AbiVersion | null; objection: Objection | null } {
  try {
    return { abi: abiVersionOf(outline, profile), objection: null };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const marker = outline.exports.find(({ name }) => name.startsWith("proxy_abi_version_"));
    return { abi: null, objection: { kind: "abi", name: marker?.name ?? "", why: error.message } };
  }
}

function ofOutline(outline: Outline, profile: Profile, abi: AbiVersion): Objection[] {
  const { missing, wrong } = misfits(outline, profile, abi);
  return [
    ...missing.map(
      (name): Objection => ({ kind: "import", name, why: `${profile.name} does not offer ${name}` }),
    ),
    ...wrong.map(
      (one): Objection => ({ kind: "import-type", name: one.name, why: `import ${showMisfit(one)}` }),
    ),
    ...wrongExports(outline, profile, abi).map(
      (one): Objection => ({ kind: "export-type", name: one.name, why: `export ${showMisfit(one)}` }),
    ),
    ...missingExports(outline, profile).map((one): Objection => ({ kind: "export", ...one })),
  ];
}

async function ofStart(
  bytes: Uint8Array,
  profile: Profile,
  configured: (LoadOptions & RootOptions) | null,
): Promise<Objection[]> {
  let vm: Vm;
  try {
    vm = new Vm(await compileModule(bytes, profile), { ...configured, profile });
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return [{ kind: "start", name: "", why: error.message }];
  }
  if (configured === null) return [];
  const { refused } = vm.createRoot(configured);
  if (refused === null) return [];
  const said = vm.logs.at(-1)?.text;
  return [{ kind: "configuration", name: "", why: said === undefined ? refused : `${refused}: ${said}` }];
}

function deadly({ imports }: Outline, { name: host, aborting }: Profile): Objection[] {
  return imports.flatMap(({ module, name, kind }): Objection[] =>
    kind === "function" && aborting.has(name)
      ? [
          {
            kind: "dies",
            name: `${module}.${name}`,
            why: `a call of ${module}.${name} ends the process of ${host}`,
          },
        ]
      : [],
  );
}
