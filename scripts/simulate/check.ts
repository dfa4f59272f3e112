/** What each proxy would say of a module, and the way out of what it refuses. */
import {
  type LoadOptions,
  type Objection,
  type Opinion,
  opinionOf,
  type Profile,
  type RootOptions,
} from "../../host-sim/index.ts";

export interface Checked extends Pick<Opinion, "abi"> {
  profile: string;
  takes: boolean;
  objections: (Objection & { wayOut: string })[];
}

/** @param configured what the module is told, where it shall be configured too */
export async function checkModule(
  wasm: Uint8Array,
  profiles: readonly Profile[],
  configured: (LoadOptions & RootOptions) | null,
): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const profile of profiles) {
    const { abi, objections } = await opinionOf(wasm, profile, configured);
    checked.push({
      profile: profile.name,
      takes: objections.every(({ kind }) => kind === "dies"),
      abi,
      objections: objections.map((one) => ({ ...one, wayOut: wayOut(one, profile) })),
    });
  }
  return checked;
}

function wayOut({ kind, name, why }: Objection, { abiVersions, allocators }: Profile): string {
  switch (kind) {
    case "module":
      return "build for a Wasm target, as wasm32-wasip1, and name the .wasm file";
    case "engine":
      return "ask with a newer Node: the proxy may have the feature";
    case "feature":
      return name === "simd"
        ? "build without SIMD: -C target-feature=-simd128 in Rust, -mno-simd128 in C++"
        : "build without reference types: -C target-cpu=mvp in Rust, -mno-reference-types in C++";
    case "abi":
      return `use a version of the SDK that is for ABI ${[...abiVersions].join(", ")}`;
    case "import":
      return ofImport(name);
    case "import-type":
    case "export-type":
      return "use an SDK of the same ABI as the module's marker: this one has it with other parameters";
    case "export":
      return name === "memory"
        ? "let the linker export the memory: without --import-memory"
        : `export ${allocators.join(" or ")}, as SDKs do: -Wl,--export=malloc in C++`;
    case "start":
      return why.includes("while the module starts")
        ? "make this call in proxy_on_vm_start or later, not in main, _initialize or a constructor"
        : "see what runs in main, _initialize and constructors";
    case "configuration":
      return "give it what it needs by --config, --vm-config and --root-id";
    case "dies":
      return "never call it in this proxy";
  }
}

const IMPORTS: readonly (readonly [RegExp, string])[] = [
  [/^env\.(abort|seed|trace|console)/, "build AssemblyScript with --use abort=, and without seed and trace"],
  [/wbindgen|wasm-bindgen/, "build for wasm32-wasip1, without wasm-bindgen: it is for browsers"],
  [/^(gojs|go)\./, "build with GOOS=wasip1, not GOOS=js"],
  [
    /^env\.(memory|__indirect_function_table|table)$/,
    "let the module have its own: without --import-memory and --import-table",
  ],
  [/^env\.(emscripten|__|invoke_|_emscripten)/, "build standalone: emcc -sSTANDALONE_WASM -sPURE_WASI"],
  [/^wasi_snapshot_preview2|^wasi:/, "build a module for wasm32-wasip1, not a component"],
  [
    /^wasi_(snapshot_preview1|unstable)\./,
    "build without what calls it: files, sleeping, threads. Go's own compiler always imports some of it, TinyGo less",
  ],
  [/^env\.proxy_/, "this call belongs to another version of the ABI: use an SDK of the marker's version"],
];

function ofImport(name: string): string {
  const known = IMPORTS.find(([pattern]) => pattern.test(name));
  return known?.[1] ?? "nobody offers it: link what defines it into the module";
}

/** A line for each proxy, and two for each thing that it objects to; those with one way out stand together. */
export function showChecked(checked: readonly Checked[]): string {
  const width = Math.max(...checked.map(({ profile }) => profile.length));
  return checked.map((one) => showOne(one, width)).join("");
}

function showOne({ profile, takes, abi, objections }: Checked, width: number): string {
  const isUnknown = objections.some(({ kind }) => kind === "engine");
  const says = takes ? `takes it, as ABI ${abi}` : isUnknown ? "cannot be told" : "refuses it";
  const groups = new Map<string, (Objection & { wayOut: string })[]>();
  for (const one of objections) {
    const key = `${one.kind}\n${one.wayOut}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const lines = [...groups.values()].flatMap((group) => [
    `  ${whyOf(group)}`,
    `    way out: ${group[0]!.wayOut}`,
  ]);
  return [`${profile.padEnd(width)}  ${says}`, ...lines, ""].join("\n");
}

function whyOf(group: readonly Objection[]): string {
  const [first] = group as [Objection];
  const names = group.map(({ name }) => name).join(", ");
  if (first.kind === "import") return `it does not offer these imports: ${names}`;
  if (first.kind === "dies") return `what it offers of these ends its process when it is called: ${names}`;
  return group.map(({ why }) => why).join("; ");
}
