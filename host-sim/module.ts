/** What a module must be for a host to load it. */
import type { AbiVersion } from "./abi.ts";
import { envoy140 } from "./profiles/envoy.ts";
import type { Profile } from "./profiles/profile.ts";
import { lackingFeature, usedFeatures } from "./wasm/features.ts";
import { type Outline, outlineOf } from "./wasm/outline.ts";
import { limitStack } from "./wasm/stack-limit.ts";

/** The module cannot run under the profile; the message says what is missing. */
export class LoadError extends Error {
  override name = "LoadError";
}

/** What `compileModule` made, for many VMs of one profile. */
export class CompiledModule {
  constructor(
    readonly wasm: WebAssembly.Module,
    /** Of the module as it was given. */
    readonly outline: Outline,
  ) {}
}

/**
 * Compiles a module once for many VMs of one profile: refused for the Wasm features that its host refuses, and
 * with its host's bound on the stack. Throws a LoadError.
 */
export async function compileModule(bytes: Uint8Array, profile: Profile = envoy140): Promise<CompiledModule> {
  const wasm = await WebAssembly.compile(bytes).catch((error: Error) => {
    throw new LoadError(whyNot(error.message));
  });
  const refused = usedFeatures(bytes).filter((feature) => profile.refusedFeatures.has(feature));
  if (refused.length > 0) throw new LoadError(`${profile.name} refuses ${refused.join(", ")}`);
  const { stackBytes } = profile;
  const bounded = stackBytes === null ? wasm : await WebAssembly.compile(limitStack(bytes, stackBytes));
  return new CompiledModule(bounded, outlineOf(bytes));
}

function whyNot(message: string): string {
  const feature = lackingFeature(message);
  if (feature === null) return `not a Wasm module: ${message}`;
  const { node, v8 } = process.versions;
  return `the module uses ${feature}, which the V8 of this Node has not (Node ${node}, V8 ${v8}); a newer Node may`;
}

const versionMarkers: Readonly<Record<string, AbiVersion>> = {
  proxy_abi_version_0_1_0: "0.1.0",
  proxy_abi_version_0_2_0: "0.2.0",
  proxy_abi_version_0_2_1: "0.2.1",
};

/** The first marker that the host knows is the one that counts (BytecodeUtil::getAbiVersion). */
export function abiVersionOf({ exports }: Outline, profile: Profile): AbiVersion {
  const known = Object.keys(versionMarkers).filter((name) => profile.abiVersions.has(versionMarkers[name]!));
  for (const { name, kind } of exports)
    if (kind === "function" && known.includes(name)) return versionMarkers[name]!;
  const others = exports.flatMap(({ name }) => (name.startsWith("proxy_abi_version_") ? [name] : []));
  const found = others.length > 0 ? `, but ${others.join(", ")}` : "";
  throw new LoadError(
    `Missing or unknown Proxy-Wasm ABI version: the module exports none of ${known.join(", ")}${found}`,
  );
}
