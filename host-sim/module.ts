/** What a module must be for a host to load it. */
import type { AbiVersion } from "./abi.ts";
import type { Code } from "./backtrace.ts";
import { envoy140 } from "./profiles/envoy.ts";
import type { Profile } from "./profiles/profile.ts";
import { type Positions, positionsOf } from "./source-map.ts";
import { dwarfPositions } from "./wasm/dwarf-lines.ts";
import { lackingFeature, usedFeatures } from "./wasm/features.ts";
import { functionNames } from "./wasm/names.ts";
import { type Outline, outlineOf } from "./wasm/outline.ts";
import { limitStack } from "./wasm/stack-limit.ts";
import { type Counted, limitTurns } from "./wasm/turn-limit.ts";

/** The module cannot run under the profile; the message says what is missing. */
export class LoadError extends Error {
  override name = "LoadError";
}

/** What `compileModule` made, for many VMs of one profile. */
export class CompiledModule implements Code {
  /** @internal */
  readonly wasm: WebAssembly.Module;
  /** Of the module as it was given. */
  readonly outline: Outline;
  readonly #bytes: Uint8Array;
  readonly #counted: Counted;
  /** The stack is bounded: the functions stand behind others. */
  readonly #isBounded: boolean;
  #positions: Positions | null;
  #names: ReadonlyMap<number, string> | null = null;

  /** @internal */
  constructor(
    bytes: Uint8Array,
    wasm: WebAssembly.Module,
    counted: Counted,
    isBounded: boolean,
    positions: Positions | null,
  ) {
    this.wasm = wasm;
    this.outline = outlineOf(bytes);
    this.#bytes = bytes;
    this.#counted = counted;
    this.#isBounded = isBounded;
    this.#positions = positions;
  }

  /** As its author has named a function, or as the module exports it. */
  nameOf(index: number): string | null {
    this.#names ??= functionNames(this.#bytes);
    const exported = this.outline.exports.find((one) => one.kind === "function" && one.index === index);
    return this.#names.get(index) ?? exported?.name ?? null;
  }

  positionOf(offset: number): string | null {
    this.#positions ??= dwarfPositions(this.#bytes);
    return this.#positions(offset);
  }

  original(index: number, offset: number): { index: number; offset: number | null } | null {
    if (!this.#isBounded) return { index, offset: this.#counted.originalOffset(offset) };
    const { functions, imported } = this.outline;
    return index < functions ? null : { index: index - (functions - imported), offset: null };
  }
}

/**
 * Compiles a module once for many VMs of one profile: refused for the Wasm features that its host refuses, and
 * with bounds on its turns and, as its host has it, on its stack. Throws a LoadError.
 * @param sourceMap its map's JSON, for the backtraces of traps; null: they have what lines the module has as DWARF
 */
export async function compileModule(
  bytes: Uint8Array,
  profile: Profile = envoy140,
  sourceMap: string | null = null,
): Promise<CompiledModule> {
  await WebAssembly.compile(bytes).catch((error: Error) => {
    throw new LoadError(whyNot(error.message));
  });
  const refused = usedFeatures(bytes).filter((feature) => profile.refusedFeatures.has(feature));
  if (refused.length > 0) throw new LoadError(`${profile.name} refuses ${refused.join(", ")}`);
  const { stackBytes } = profile;
  const counted = limitTurns(bytes);
  const changed = stackBytes === null ? counted.wasm : limitStack(counted.wasm, stackBytes);
  const positions = sourceMap === null ? null : readMap(sourceMap);
  return new CompiledModule(
    bytes,
    await WebAssembly.compile(changed),
    counted,
    stackBytes !== null,
    positions,
  );
}

function readMap(text: string): Positions {
  try {
    return positionsOf(text);
  } catch (error) {
    throw new LoadError(`not a source map: ${(error as Error).message}`);
  }
}

/** @param message of V8 */
export function whyNot(message: string): string {
  const feature = lackingFeature(message);
  if (feature === null) return `not a Wasm module: ${message}`;
  if (typeof process === "undefined") return `the module uses ${feature}, which this browser has not`;
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
