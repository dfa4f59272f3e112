import { readFileSync } from "node:fs";
import { byteString, envoy140, type Pair, type Profile, type RootContext, Vm } from "../host-sim/index.ts";
import { withAllHeaders } from "../scripts/explain/all-headers.ts";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { filter } from "../scripts/filter.ts";
import type { Decision, Request } from "../scripts/table/decide.ts";
import { Table } from "../scripts/table/decode.ts";
import { encode } from "../scripts/table/encode.ts";
import { EMIT_KIND_NAMES, type EmitKind, type Plan } from "../scripts/table/plan.ts";
import { DATA, projectPath } from "./data.ts";

/** Before every pin's expiry. */
export const TODAY = "2026-01-01";

export type FarmName = "small" | "production" | "labs";
const FILES: Record<FarmName, string> = {
  small: "examples/small/farm.yaml",
  production: "examples/wikimedia/farm.yaml",
  labs: "examples/wikimedia/farm-labs.yaml",
};

/** @param source folder of mediawiki-config, for the Wikimedia farms */
export function loadFarm(name: FarmName, source = `${DATA}/mediawiki-config`): { farm: Farm; plan: Plan } {
  const farm = new Farm(projectPath(FILES[name]), name === "small" ? {} : { "mediawiki-config": source });
  return { farm, plan: compile(farm, TODAY).plan };
}

export function tableOf(plan: Plan): Table {
  return new Table(encode(plan, { generation: 1, names: null }));
}

export function readTsv(file: string): Record<string, string>[] {
  const [header, ...rows] = readFileSync(file, "utf8").split("\n").filter(Boolean);
  const columns = header!.split("\t");
  return rows.map((row) => Object.fromEntries(row.split("\t").map((cell, i) => [columns[i]!, cell])));
}

/** The filter on a table, asked through the simulator with every optional header switched on. */
export class FilterReader {
  private constructor(
    readonly vm: Vm,
    readonly root: RootContext,
    private readonly headers: Record<EmitKind, string>,
  ) {}

  static async on(table: Table, profile: Profile = envoy140): Promise<FilterReader> {
    const vm = await Vm.load(filter, { profile });
    const { bytes, headers } = withAllHeaders(table);
    // As base64: ATS takes no bytes.
    const root = vm.createRoot({ rootId: "test", configuration: Buffer.from(bytes).toString("base64") });
    if (root.refused !== null) throw new Error(`refused: ${vm.logs.at(-1)?.text}`);
    return new FilterReader(vm, root, headers);
  }

  /** null where the request passed through. */
  decide({ authority, target }: Request): Decision | null {
    const pairs: Pair[] = [
      [":method", "GET"],
      [":path", target],
    ];
    if (authority !== null) pairs.unshift([":authority", authority]);
    const { headers, trapped, localReply } = this.root.request({ headers: pairs });
    if (trapped !== null || localReply !== null)
      throw new Error(`trapped: ${trapped}, reply: ${localReply?.status}`);
    const of = (kind: EmitKind) => headers.find(([name]) => name === this.headers[kind])?.[1] ?? null;
    if (EMIT_KIND_NAMES.every((kind) => of(kind) === null)) return null;
    return {
      wiki: of("wiki"),
      group: of("group"),
      release: of("release")!,
      version: of("version")!,
      deployment: of("deployment")!,
      cluster: of("cluster")!,
    };
  }
}

/** Unicode text as the bytes that go over the wire. */
export const wire = (text: string): string => byteString(text);
