/** The YAML of the wasm plugin: the filter, its table, and what becomes of a request while the VM is dead. */
import { dump } from "js-yaml";
import type { Table } from "../../table/table.ts";
import { parseAtsFile } from "../ats-file.ts";
import { FILTER_NAME, type FilterOptions } from "../plugin.ts";

export type AtsFilter = Omit<FilterOptions, "table" | "failurePolicy" | "allowOnHeadersStopIteration">;

export function atsPlugin(table: Table, filter: AtsFilter): string {
  const { wasm, listener, datacentre, primary, clusterHeader, shadow } = filter;
  const settings = { listener, datacentre, primary, "cluster-header": clusterHeader, shadow };
  const config = {
    name: FILTER_NAME,
    root_id: listener,
    // Text alone: a YAML scalar holds no bytes.
    configuration: JSON.stringify({ ...settings, table: "" }),
    // ATS's default lets everything through while the VM is dead.
    fail_open: false,
    vm_config: {
      vm_id: FILTER_NAME,
      runtime: "ats.wasm.runtime.wamr",
      code: { local: { filename: wasm } },
    },
  };
  return parseAtsFile(dump({ config })).with(table);
}
