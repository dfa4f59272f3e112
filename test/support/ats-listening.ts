/** The real ATS with the script in Lua, as `pointsman render ats-lua` writes it, and origins behind it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderAtsLua } from "../../scripts/render/ats-lua.ts";
import type { Table } from "../../scripts/table/table.ts";
import { Ats, findAts } from "./ats.ts";
import { type Origins, startOrigins } from "./ats-origins.ts";
import { freePort } from "./free-port.ts";

const found = findAts();
/** Whether these tests are left out here; in CI they run, and fail where there is no ATS. */
export const ATS_IS_ABSENT = "why" in found && !process.env.CI;
export const WHY_NO_ATS = "why" in found ? ` (skipped: ${found.why})` : "";

/** Where requests go that pass through. */
export const FALLBACK = "pass-through";

export interface Options {
  table: Table;
  /** Default: the table's first. */
  listeners?: string[];
  /** Each listener also as in a secondary data centre, on a port of its own. */
  withSecondary?: boolean;
  /** Default: 1. */
  states?: number;
  /** More lines of records.config. */
  records?: string[];
  /** Lines of every answer's head. */
  says?: string[];
  /** What else is written, or in place of what was rendered. */
  files?: Record<string, string | Uint8Array>;
}

export class Listening {
  private constructor(
    readonly ats: Ats,
    readonly origins: Origins,
    private readonly ports: ReadonlyMap<string, number>,
  ) {}

  static async start(options: Options): Promise<Listening> {
    if ("why" in found) throw new Error(found.why);
    const { table, withSecondary = false, states = 1, records = [] } = options;
    const clusters = clustersOf(table);
    const origins = await startOrigins([...clusters, FALLBACK], options.says);
    const names = options.listeners ?? [table.listeners[0]!.name ?? "any"];
    const places = names.flatMap((name) =>
      (withSecondary ? [false, true] : [false]).map((secondary) => ({ name, secondary })),
    );
    const ports = new Map<string, number>();
    for (const { name, secondary } of places) ports.set(`${name} ${secondary}`, await freePort());
    const address = (cluster: string) => ({
      host: "127.0.0.1",
      port: origins.ports.get(cluster)!,
      tls: false,
    });
    const rendered = (root: string, secondary: boolean) =>
      renderAtsLua(table, {
        listeners: names.map((name) => ({ name, port: ports.get(`${name} ${secondary}`)! })),
        datacentre: "here",
        primary: secondary ? "there" : "here",
        root,
        clusters: new Map(clusters.map((cluster) => [cluster, address(cluster)])),
        pattern: null,
        fallback: address(FALLBACK),
        states,
      }).files;
    try {
      const ats = await Ats.start(found.home, {
        files: (root) => ({
          ...Object.fromEntries(rendered(root, false)),
          ...(withSecondary && {
            "remap.config": [false, true].map((one) => rendered(root, one).get("remap.config")).join(""),
          }),
          ...options.files,
        }),
        records,
        ports: [...ports.values()],
      });
      return new Listening(ats, origins, ports);
    } catch (error) {
      await origins.stop();
      throw error;
    }
  }

  /** Of a listener; default: of the only one. */
  port(name?: string, secondary = false): number {
    return name === undefined ? [...this.ports.values()][0]! : this.ports.get(`${name} ${secondary}`)!;
  }

  /** Overwrites a file of its configuration. */
  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.ats.folder, "etc", name), content);
  }

  async stop(): Promise<void> {
    await this.ats.stop();
    await this.origins.stop();
  }
}

function clustersOf(table: Table): string[] {
  const names = new Set<string>();
  for (let d = 0; d < table.deploymentCount; d++)
    for (let r = 0; r < table.releaseCount; r++) names.add(table.cluster(d, r));
  return [...names];
}
