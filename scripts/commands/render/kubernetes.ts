/** `pointsman render kubernetes`: the ConfigMaps of an Envoy with the filter, for pods. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { inGeneration } from "../../encode/container.ts";
import { filter } from "../../filter.ts";
import { Refusal } from "../../refusal.ts";
import {
  bytesOf,
  CONFIGMAP_BYTES_AT_MOST,
  type ConfigMap,
  manifestText,
  TABLE_KEY,
  withTable,
} from "../../render/configmap.ts";
import { kubernetesMaps, PLACES, type RenderedKubernetes } from "../../render/kubernetes.ts";
import { Table } from "../../table/table.ts";
import { readTableMap, tooLarge } from "../../targets/configmap.ts";
import { addEnvoyOptions, type EnvoyOptions, envoyOf } from "./envoy-options.ts";
import { parseNamespace, parseObjectName } from "./options.ts";
import { noteNoUpstreams, tableAndUpstreams } from "./table-options.ts";
import { warnOfMissing } from "./upstream-options.ts";
import { writeFiles } from "./write-files.ts";

interface Options extends EnvoyOptions {
  name: string;
  namespace?: string;
  out?: string;
}

/** Above this share of what Kubernetes takes it is time to think of another way. */
const MUCH = 0.8;

export function renderKubernetesCommand(render: Command): void {
  addEnvoyOptions(render.command("kubernetes"))
    .description("ConfigMaps with the table, the filter and Envoy's configuration, for pods")
    .option("--name <name>", "what the ConfigMaps' names begin with", parseObjectName, "pointsman")
    .option("--namespace <name>", "their namespace (default: the one they are applied to)", parseNamespace)
    .option(
      "--out <dir>",
      "the folder to write to: table.json, envoy.json and filter.json; - prints a List of them",
    )
    .addHelpText(
      "after",
      `
Nothing is applied. A pod mounts each map as a folder below /etc/pointsman, without subPath: NAME-table at table,
NAME-envoy at envoy and NAME-filter-HASH at filter. examples/helm is a chart that does so.

If --out has been rendered before, its table stays: \`push\` brings another. A later table changes NAME-table alone, and Envoy takes it up while it runs: \`push --target configmap=DIR/table.json\`
writes it. Pods need a restart when the annotation pointsman-configuration of NAME-envoy changes, and for no table.

Examples:
  $ pointsman render kubernetes --farm examples/small/farm.yaml --listener main=0.0.0.0:8080 \\
      --clusters '{cluster}.mw.svc.cluster.local:8080' --fallback 127.0.0.1:8085 --out manifests
  $ kubectl apply --server-side -f manifests
  $ pointsman push --target configmap=manifests/table.json --reason T4711
  $ kubectl apply --server-side -f manifests/table.json`,
    )
    .action((options: Options, command: Command) => {
      const out = options.out === undefined || options.out === "-" ? null : options.out;
      const there = out === null ? null : tableThere(join(out, "table.json"));
      const source = tableAndUpstreams(options, command);
      const packed = source.table;
      const table = there?.digest === packed.digest ? inGeneration(packed, there.generation) : packed;
      const rendered = envoyOf({ ...source, table }, options, {
        attempt: table.generation,
        native: null,
        ...PLACES,
      });
      warnOfMissing(rendered.missing);
      noteNoUpstreams(source);
      const maps = kubernetesMaps(table, rendered, filter, options);
      if (there !== null && there.digest !== table.digest && there.generation >= table.generation) {
        maps.table = withTable(maps.table, there);
        process.stderr.write(
          `${join(out!, "table.json")}: goes on having its table, of generation ${there.generation}: \`push\` brings another\n`,
        );
      }
      const all = [maps.table, maps.envoy, maps.filter];
      for (const map of all) checkSize(map);
      if (out === null) process.stdout.write(listOf(all));
      else writeFiles(out, filesOf(maps));
    });
}

/** What pushes have brought; null: nothing has been rendered there. Throws Refusal. */
function tableThere(file: string): Table | null {
  const written = existsSync(file) ? readTableMap(file) : null;
  return written && new Table(Buffer.from(written.map.binaryData![TABLE_KEY]!, "base64"));
}

/** The map that names the filter comes after it. */
function filesOf({ filter, table, envoy }: RenderedKubernetes): Map<string, string> {
  return new Map([
    ["filter.json", manifestText(filter)],
    ["table.json", manifestText(table)],
    ["envoy.json", manifestText(envoy)],
  ]);
}

function listOf(items: ConfigMap[]): string {
  return `${JSON.stringify({ apiVersion: "v1", kind: "List", items }, null, 2)}\n`;
}

/** Says what is left. Throws Refusal where it is too much. */
function checkSize(map: ConfigMap): void {
  const { name } = map.metadata;
  const bytes = bytesOf(map);
  if (bytes > CONFIGMAP_BYTES_AT_MOST) throw new Refusal(`${name}: ${tooLarge(bytes)}`);
  const left = CONFIGMAP_BYTES_AT_MOST - bytes;
  const said = `${name}: ${bytes} of the ${CONFIGMAP_BYTES_AT_MOST} bytes of a ConfigMap, ${left} are left`;
  process.stderr.write(`${bytes > MUCH * CONFIGMAP_BYTES_AT_MOST ? "warning: " : ""}${said}\n`);
}
