/** What a proxy's filter will make of its configuration, by asking ours: the same code, and so the same sentence. */
import { type CompiledModule, envoy140, Vm } from "../../host-sim/index.ts";
import { filter } from "../filter.ts";
import { type FilterOptions, pluginConfiguration } from "../render/plugin.ts";
import { refusalOf } from "../targets/ask-filter.ts";

let compiled: Promise<CompiledModule> | null = null;

/** A VM of its own each time: one keeps what it was given. @returns null where it is taken */
export async function whyRefused(options: FilterOptions): Promise<string | null> {
  compiled ??= Vm.compile(filter, envoy140);
  const vm = await Vm.load(await compiled, { profile: envoy140 });
  return refusalOf(vm, options.listener, pluginConfiguration(options));
}
