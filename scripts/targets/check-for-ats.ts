/** Whether ATS 10.2 would take a table, or its plugin's YAML: what it refuses at its start, it goes on without. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { FAILSAFE_SCHEMA, load } from "js-yaml";
import { z } from "zod";
import { ats102, Vm } from "../../host-sim/index.ts";
import { Refusal } from "../refusal.ts";
import { firstIssue } from "../render/filter-file.ts";
import { reason } from "../sources/reason.ts";
import { TableError } from "../table/check.ts";
import { Table } from "../table/table.ts";
import { refusalOf } from "./ask-filter.ts";

const vmConfig = z.looseObject({
  runtime: z.literal("ats.wasm.runtime.wamr", "must be `ats.wasm.runtime.wamr`"),
  code: z.looseObject({ local: z.looseObject({ filename: z.string().min(1) }) }),
});
/** As the plugin reads it: a scalar is its text, and `fail_open` is closed by one text alone. */
const schema = z.strictObject({
  config: z
    .looseObject({
      root_id: z.string().optional(),
      rootId: z.string().optional(),
      configuration: z.string(),
      fail_open: z.literal(
        "false",
        "must be `false`: else everything passes unfiltered while the VM is dead",
      ),
      vm_config: vmConfig.optional(),
      vmConfig: vmConfig.optional(),
      capability_restriction_config: z
        .never("must not be there: it takes callbacks from the filter")
        .optional(),
    })
    .refine((config) => config.vm_config || config.vmConfig, "must have `vm_config`"),
});

interface Asked {
  wasm: Uint8Array;
  /** What the filter's name is in a sentence. */
  where: string;
  rootIds: readonly string[];
  configuration: Uint8Array;
}

/**
 * By the filter that the YAML names, or for a table by ours, as each of its listeners.
 *
 * @param file its name: a relative path of the filter begins in its folder, which is ATS's
 * Throws Refusal.
 */
export async function checkForAts(bytes: Uint8Array, file: string, ours: Uint8Array): Promise<void> {
  // No YAML that is read as text has such a byte, and every table has.
  const asked = bytes.includes(0) ? ofTable(bytes, file, ours) : ofYaml(bytes, file);
  const vm = await started(asked);
  for (const rootId of asked.rootIds) {
    const why = refusalOf(vm, rootId, asked.configuration);
    if (why !== null) throw new Refusal(`${file}: the filter refuses it: ${why}`);
  }
}

/** Throws Refusal. */
function ofTable(bytes: Uint8Array, file: string, ours: Uint8Array): Asked {
  try {
    const rootIds = new Table(bytes).listeners.map(({ name }) => name ?? "");
    return { wasm: ours, where: "pointsman.wasm", rootIds, configuration: base64(bytes) };
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new Refusal(`${file}: ${error.message}`);
  }
}

const base64 = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString("base64"));

/** Throws Refusal. */
function ofYaml(bytes: Uint8Array, file: string): Asked {
  let document: unknown;
  try {
    document = load(new TextDecoder("utf-8", { fatal: true }).decode(bytes), { schema: FAILSAFE_SCHEMA });
  } catch (error) {
    throw new Refusal(`${file}: no YAML that ATS reads: ${(error as Error).message.split("\n")[0]}`);
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success)
    throw new Refusal(
      `${file}: ATS would start without the filter, or with one that fails open: ${firstIssue(parsed.error)}`,
    );
  const { config } = parsed.data;
  const { filename } = (config.vm_config ?? config.vmConfig)!.code.local;
  const where = resolve(dirname(file), filename);
  const rootIds = [config.root_id ?? config.rootId ?? ""];
  try {
    return { wasm: readFileSync(where), where, rootIds, configuration: Buffer.from(config.configuration) };
  } catch (error) {
    throw new Refusal(`${file}: the filter that it names, ${where}, cannot be read: ${reason(error)}`);
  }
}

/** Throws Refusal. */
async function started({ wasm, where }: Asked): Promise<Vm> {
  try {
    return await Vm.load(wasm, { profile: ats102 });
  } catch (error) {
    throw new Refusal(`${where}: no filter that ATS runs: ${reason(error)}`);
  }
}
