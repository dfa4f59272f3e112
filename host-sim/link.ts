/** A module's imports and exports against what its host offers and looks for, and the module's instance. */
import { instantiateSync } from "@assemblyscript/loader";
import type { AbiVersion } from "./abi.ts";
import { type HostCall, width } from "./call-rows.ts";
import { type Callback, callbackOf, callbacks } from "./callbacks.ts";
import { handlers } from "./handlers.ts";
import { hostCalls } from "./host-calls.ts";
import { bindImport } from "./imports.ts";
import { type CompiledModule, LoadError } from "./module.ts";
import type { Profile } from "./profiles/profile.ts";
import { trapMessage } from "./trap.ts";
import type { Vm } from "./vm.ts";
import { type Import, type Outline, showType } from "./wasm/outline.ts";

const byImport = new Map(hostCalls.map((row) => [`${row.module}.${row.name}`, row]));

/** The row of an import that the host offers; undefined for one that it has not. */
function offered(
  { module, name }: Import,
  profile: Profile,
  abi: AbiVersion,
  assemblyScript: boolean,
): HostCall | undefined {
  const row = byImport.get(`${module === "wasi_unstable" ? "wasi_snapshot_preview1" : module}.${name}`);
  if (row === undefined || !row.abi.includes(abi) || handlers[row.name] === undefined) return undefined;
  if (row.group === "assemblyscript") return assemblyScript ? row : undefined;
  return offers(profile, row) ? row : undefined;
}

export function offers(profile: Profile, { group, name }: HostCall): boolean {
  return group === "wasi" ? (profile.wasi?.has(name) ?? true) : !profile.missing.has(name);
}

/** The Wasm type of a host call. */
export function typeOfCall({ params, result }: HostCall): string {
  const types = params.flatMap(({ kind }) =>
    kind === "u64" || kind === "i64" ? ["i64"] : Array.from({ length: width(kind) }, () => "i32"),
  );
  return showType(types, result === "none" ? [] : [result === "float" ? "f64" : "i32"]);
}

const typeOfCallback = ({ params, result }: Callback): string =>
  showType(
    params.map(() => "i32"),
    result === "void" ? [] : ["i32"],
  );

/** Which exports the host looks for, of those that stand for one another. */
function isLookedFor(name: string, exported: ReadonlySet<string>, profile: Profile): boolean {
  if (name === "_start") return !exported.has("_initialize");
  if (name === "main") return exported.has("_initialize");
  if (name === "__main_void") return profile.mainVoid && exported.has("_initialize") && !exported.has("main");
  const { allocators } = profile;
  const isAllocator = (allocators as readonly string[]).includes(name);
  return !isAllocator || name === allocators.find((one) => exported.has(one));
}

/** An import or export of another type than the host's. */
export interface Misfit {
  readonly name: string;
  readonly wanted: string;
  readonly type: string;
}

export const showMisfit = ({ name, wanted, type }: Misfit): string =>
  `${name} is ${type}, and has to be ${wanted}`;

/** Exports of another type than the host calls them with. */
export function wrongExports({ exports }: Outline, profile: Profile, abi: AbiVersion): Misfit[] {
  const functions = new Map(exports.flatMap(({ name, type }) => (type === null ? [] : [[name, type]])));
  const exported: ReadonlySet<string> = new Set(functions.keys());
  return callbacks.flatMap(({ name }) => {
    const row = callbackOf(name, abi);
    const type = functions.get(name);
    if (row === undefined || type === undefined || !isLookedFor(name, exported, profile)) return [];
    const wanted = typeOfCallback(row);
    return type === wanted ? [] : [{ name, wanted, type }];
  });
}

/** What a module does not export and its host needs, and a sentence for each. */
export function missingExports(
  { imports, exports }: Outline,
  profile: Profile,
): { name: string; why: string }[] {
  const { allocators, needsMemory, importsMemory } = profile;
  const hasAllocator = exports.some(
    ({ name, kind }) => kind === "function" && (allocators as readonly string[]).includes(name),
  );
  const isMemory = ({ kind }: { kind: string }): boolean => kind === "memory";
  const hasMemory = exports.some(isMemory) || (importsMemory && imports.some(isMemory));
  return [
    ...(hasAllocator
      ? []
      : [{ name: allocators[0]!, why: `the module exports none of ${allocators.join(", ")}` }]),
    ...(hasMemory || !needsMemory ? [] : [{ name: "memory", why: "the module does not export its memory" }]),
  ];
}

/** What a module imports and its host has not, or has with another type. */
export function misfits(
  { imports }: Outline,
  profile: Profile,
  abi: AbiVersion,
  assemblyScript = false,
): { missing: string[]; wrong: Misfit[] } {
  const missing: string[] = [];
  const wrong: Misfit[] = [];
  for (const one of imports) {
    const { kind, limits } = one;
    const name = `${one.module}.${one.name}`;
    if (limits !== null && profile.importsMemory) continue;
    const row = kind === "function" ? offered(one, profile, abi, assemblyScript) : undefined;
    if (row === undefined) missing.push(name);
    else if (one.type !== typeOfCall(row)) wrong.push({ name, wanted: typeOfCall(row), type: one.type! });
  }
  return { missing, wrong };
}

/** Throws a LoadError that names everything that the module wants and the host has not, or has otherwise. */
function imports(vm: Vm, outline: Outline, assemblyScript: boolean): Linked {
  const { profile, abiVersion } = vm;
  const { missing, wrong } = misfits(outline, profile, abiVersion, assemblyScript);
  if (missing.length > 0)
    throw new LoadError(`${profile.name} does not offer what the module imports: ${missing.join(", ")}`);
  if (wrong.length > 0) {
    const all = wrong.map(({ name, wanted, type }) => `${name}, want: ${type}, but host exports: ${wanted}`);
    throw new LoadError(`Failed to load Wasm module due to an import type mismatch: ${all.join("; ")}`);
  }
  const linked: Linked = { imports: {}, memory: null };
  for (const one of outline.imports) {
    const { module, name, kind, limits } = one;
    const group = linked.imports[module] ?? {};
    linked.imports[module] = group;
    if (limits !== null) {
      const size = { initial: limits.minimum, ...(limits.maximum !== null && { maximum: limits.maximum }) };
      if (kind === "table") group[name] = new WebAssembly.Table({ ...size, element: "anyfunc" });
      else group[name] = linked.memory = new WebAssembly.Memory(size);
    } else {
      const row = offered(one, profile, abiVersion, assemblyScript)!;
      group[name] = bindImport(vm, row, handlers[row.name]!);
    }
  }
  return linked;
}

interface Linked {
  readonly imports: Record<string, Record<string, WebAssembly.ImportValue>>;
  /** The memory that the host has made for the module. */
  memory: WebAssembly.Memory | null;
}

export interface Instance {
  readonly exports: WebAssembly.Exports;
  /** null for a module without any. */
  readonly memory: WebAssembly.Memory | null;
  readonly readString: ((address: number) => string) | null;
}

/** Links a module to its host. AssemblyScript's own loader reads its strings, whether it exports its runtime or not. */
export function link(vm: Vm, { wasm, outline }: CompiledModule, assemblyScript: boolean): Instance {
  const { profile } = vm;
  const linked = imports(vm, outline, assemblyScript);
  const wrong = wrongExports(outline, profile, vm.abiVersion).map(
    ({ name, wanted, type }) =>
      `Bad function signature for: ${name}, want: ${wanted}, but the module exports: ${type}`,
  );
  if (wrong.length > 0) throw new LoadError(wrong.join("; "));
  const isAssemblyScript =
    outline.exports.some(({ name }) => name === "__new") ||
    outline.imports.some(({ module, name }) => module === "env" && name === "abort");
  try {
    if (!isAssemblyScript) {
      const { exports } = new WebAssembly.Instance(wasm, linked.imports);
      return { exports, memory: memoryOf(outline, exports) ?? linked.memory, readString: null };
    }
    const { instance, exports } = instantiateSync(wasm, linked.imports);
    const memory = memoryOf(outline, instance.exports) ?? linked.memory;
    return { exports: instance.exports, memory, readString: (address) => exports.__getString(address) };
  } catch (error) {
    const message = trapMessage(error);
    if (message === null) throw error;
    throw new LoadError(`the module did not start: ${message}`);
  }
}

/** Whatever its name. */
function memoryOf(outline: Outline, exports: WebAssembly.Exports): WebAssembly.Memory | null {
  const found = outline.exports.find(({ kind }) => kind === "memory");
  return found === undefined ? null : (exports[found.name] as WebAssembly.Memory);
}
