/** Asks the filter that a proxy runs, before a table is brought to it: it may be of another day than we are. */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { envoy140, Vm } from "../../host-sim/index.ts";
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import type { NamedEnvoyFile } from "./filter-files.ts";
import { DoesNotFit } from "./target.ts";

/**
 * Throws Refusal where a filter that is on this machine would refuse the table: an Envoy that is to start with it would
 * not start at all.
 */
export async function refuseWhatFiltersWould(files: readonly NamedEnvoyFile[], table: Table): Promise<void> {
  const vms = new Map<string, Vm>();
  for (const { path, plugins } of files) {
    for (const { wasm, rootId, with: withTable } of plugins) {
      // Where a relative path is, only the proxy knows.
      if (wasm === null || !isAbsolute(wasm) || !existsSync(wasm)) continue;
      const vm = vms.get(wasm) ?? (await load(wasm));
      vms.set(wasm, vm);
      const { bytes } = withTable(table);
      const why = refusalOf(vm, rootId, bytes);
      if (why === null) continue;
      throw new DoesNotFit(
        `${path}: the filter that is there, ${wasm}, refuses the table: ${why}; \`pointsman render envoy --out\` writes the filter that goes with this pointsman`,
      );
    }
  }
}

/** What the filter of a VM says against a configuration; null: it takes it. */
export function refusalOf(vm: Vm, rootId: string, configuration: Uint8Array): string | null {
  const root = vm.createRoot({ rootId, configuration, allowOnHeadersStopIteration: true });
  return root.refused === null ? null : (vm.logs.at(-1)?.text ?? root.refused);
}

async function load(wasm: string): Promise<Vm> {
  try {
    return await Vm.load(readFileSync(wasm), { profile: envoy140 });
  } catch (error) {
    throw new Refusal(`${wasm}: no filter that runs: ${reason(error)}`);
  }
}
