/** What a module must be for a host to load it, and its instance. */
import { instantiateSync } from "@assemblyscript/loader";
import type { AbiVersion } from "./abi.ts";
import { envoy140 } from "./profiles/envoy.ts";
import type { Profile } from "./profiles/profile.ts";
import { trapMessage } from "./trap.ts";
import { usedFeatures } from "./wasm/features.ts";
import { limitStack } from "./wasm/stack-limit.ts";

/** The module cannot run under the profile; the message says what is missing. */
export class LoadError extends Error {
  override name = "LoadError";
}

/**
 * Compiles a module once for many VMs of one profile: refused for the Wasm features that its host refuses, and
 * with its host's bound on the stack. Throws a LoadError.
 */
export async function compileModule(
  wasm: Uint8Array,
  profile: Profile = envoy140,
): Promise<WebAssembly.Module> {
  const module = await WebAssembly.compile(wasm).catch((error: Error) => {
    throw new LoadError(`not a Wasm module: ${error.message}`);
  });
  const refused = usedFeatures(wasm).filter((feature) => profile.refusedFeatures.has(feature));
  if (refused.length > 0) throw new LoadError(`${profile.name} refuses ${refused.join(", ")}`);
  const { stackBytes } = profile;
  return stackBytes === null ? module : WebAssembly.compile(limitStack(wasm, stackBytes));
}

const versionMarkers: readonly (readonly [string, AbiVersion])[] = [
  ["proxy_abi_version_0_2_1", "0.2.1"],
  ["proxy_abi_version_0_2_0", "0.2.0"],
];

export function abiVersionOf(exported: ReadonlySet<string>): AbiVersion {
  for (const [marker, version] of versionMarkers) if (exported.has(marker)) return version;
  if (exported.has("proxy_abi_version_0_1_0")) throw new LoadError("ABI 0.1.0 is not supported");
  throw new LoadError("the module exports no proxy_abi_version_0_2_0 or proxy_abi_version_0_2_1");
}

interface Instance {
  readonly exports: WebAssembly.Exports;
  readonly readString: ((address: number) => string) | null;
}

/** AssemblyScript's own loader reads its strings, whether the module exports its runtime or only imports abort. */
export function instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): Instance {
  const isAssemblyScript =
    WebAssembly.Module.exports(module).some(({ name }) => name === "__new") ||
    WebAssembly.Module.imports(module).some(({ module: from, name }) => from === "env" && name === "abort");
  try {
    if (!isAssemblyScript) {
      return { exports: new WebAssembly.Instance(module, imports).exports, readString: null };
    }
    const { instance, exports } = instantiateSync(module, imports);
    return { exports: instance.exports, readString: (address) => exports.__getString(address) };
  } catch (error) {
    const message = trapMessage(error);
    if (message === null) throw error;
    throw new LoadError(`the module did not start: ${message}`);
  }
}
