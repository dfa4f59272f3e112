/** The farms that tests pack. */
import { readFileSync } from "node:fs";
import { byteString, envoy140, type Pair, type Profile, type RootContext, Vm } from "../../host-sim/index.ts";
import { encode } from "../../scripts/encode/encode.ts";
import { withAllHeaders } from "../../scripts/explain/all-headers.ts";
import { compile } from "../../scripts/farm/compile.ts";
import { Farm } from "../../scripts/farm/farm.ts";
import { filter } from "../../scripts/filter.ts";
import { EMIT_KIND_NAMES, type EmitKind, type Plan } from "../../scripts/plan.ts";
import type { Answer, Request, Where } from "../../scripts/table/request.ts";
import { Table } from "../../scripts/table/table.ts";
import { DATA, projectPath } from "./data.ts";
import { folderOf } from "./folder.ts";
import { sourcesOfState } from "./values-files.ts";

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
  const farm = new Farm(projectPath(FILES[name]), sourcesOf(name, source));
  return { farm, plan: compile(farm, TODAY).plan };
}

function sourcesOf(name: FarmName, source: string): Record<string, string> {
  if (name === "small") return {};
  // The samples beside the example are of the data's own state.
  if (name === "labs" || source === `${DATA}/mediawiki-config`) return { "mediawiki-config": source };
  return sourcesOfState(source, folderOf({}));
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
  private readonly roots = new Map<string, RootContext>();

  private constructor(
    readonly vm: Vm,
    private readonly table: Uint8Array,
    readonly headers: Record<EmitKind, string>,
  ) {}

  static async on(table: Table, profile: Profile = envoy140): Promise<FilterReader> {
    const vm = await Vm.load(filter, { profile });
    const { bytes, headers } = withAllHeaders(table);
    return new FilterReader(vm, bytes, headers);
  }

  /** The plugin of a listener; a VM has one for each that was asked about. */
  root({ listener, secondary }: Where = ANYWHERE): RootContext {
    const known = this.roots.get(`${listener} ${secondary}`);
    if (known) return known;
    // As base64: ATS takes no bytes.
    const table = Buffer.from(this.table).toString("base64");
    const configuration = JSON.stringify({
      listener: listener ?? "",
      datacentre: "here",
      primary: secondary ? "there" : "here",
      table,
    });
    const root = this.vm.createRoot({ rootId: "", configuration, allowOnHeadersStopIteration: true });
    if (root.refused !== null) throw new Error(`refused: ${this.vm.logs.at(-1)?.text}`);
    this.roots.set(`${listener} ${secondary}`, root);
    return root;
  }

  decide(request: Request, where: Where = ANYWHERE): Answer {
    const { authority, target, method = "GET", headers: own = [], body = null, client } = request;
    const pairs: Pair[] = [
      [":method", method],
      [":path", target],
      ...own.map(([name, value]): Pair => [name.toLowerCase(), value]),
    ];
    if (authority !== null) pairs.unshift([":authority", authority]);
    const { headers, downstream, trapped, localReply } = this.root(where).request({
      headers: pairs,
      response: { headers: [[":status", "200"]] },
      ...(body !== null && { body: Buffer.from(body, "latin1") }),
      // Where nobody is said to ask, nobody does: the simulator's own client would be in shares of its own.
      properties: {
        "source.address": client ? (client.includes(":") ? `[${client}]:1234` : `${client}:1234`) : "",
      },
    });
    if (trapped !== null) throw new Error(`trapped: ${trapped}`);
    if (localReply !== null) return { kind: "reply", status: localReply.status, body: localReply.body };
    const of = (kind: EmitKind) => headers.find(([name]) => name === this.headers[kind])?.[1] ?? null;
    if (EMIT_KIND_NAMES.every((kind) => of(kind) === null)) return { kind: "pass" };
    const host = headers.find(([name]) => name === ":authority" || name === "Host")?.[1] ?? null;
    return {
      kind: "route",
      wiki: of("wiki"),
      group: of("group"),
      release: of("release")!,
      version: of("version")!,
      deployment: of("deployment")!,
      cluster: of("cluster")!,
      host: host === authority ? null : host,
      debug: (downstream?.headers ?? []).some(([name]) => name === "x-pointsman-cluster"),
    };
  }
}

const ANYWHERE: Where = { listener: null, secondary: false };

/** Unicode text as the bytes that go over the wire. */
export const wire = (text: string): string => byteString(text);
