/** `pointsman render envoy`: an Envoy that runs the filter: its configuration and the files that it discovers. */
import { join, posix, resolve } from "node:path";
import type { Command } from "commander";
import { filter } from "../../filter.ts";
import type { Rendered } from "../../render/envoy.ts";
import { type Piece, piecesOf } from "../../render/pieces.ts";
import { FILTER_NAME } from "../../render/plugin.ts";
import { toYaml } from "../../render/yaml.ts";
import { filterFilesIn, readFilterFile } from "../../targets/filter-files.ts";
import { addEnvoyOptions, type EnvoyOptions, envoyOf } from "./envoy-options.ts";
import { noteNoUpstreams, tableAndUpstreams } from "./table-options.ts";
import { warnOfMissing } from "./upstream-options.ts";
import { writeFiles } from "./write-files.ts";

interface Options extends EnvoyOptions {
  native?: boolean;
  except: string[];
  wasm?: string;
  root?: string;
  out?: string;
  json?: boolean;
  pieces?: boolean;
}

export function renderEnvoyCommand(render: Command): void {
  addEnvoyOptions(render.command("envoy"))
    .description("listeners with the filter, guards against abuse, and clusters, for Envoy")
    .option("--native", "without the filter, by Envoy's own routes; what these cannot say is refused by name")
    .option(
      "--except <name>",
      "leave this out of the routes of --native: its requests get a 501 (repeatable)",
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option("--wasm <path>", "the filter on the proxy's machine (default: pointsman.wasm in --root)")
    .option(
      "--root <dir>",
      "the configuration's folder on the proxy's machine (default: --out, else /etc/envoy)",
    )
    .option(
      "--out <dir>",
      "the folder to write to: envoy.yaml, the filter, and the files that Envoy discovers; - prints the configuration",
    )
    .option("--json", "write the configuration as JSON, to envoy.json")
    .option("--pieces", "in place of a whole envoy.yaml, what to paste into one of your own, and where")
    .addHelpText(
      "after",
      `
Without --out, render prints the configuration. If you render into the same --out again, a running Envoy takes up all
files by itself except envoy.yaml, which it reads only when it starts. Generations must grow from table to table: for
an Envoy that serves, render a packed table (--table) rather than the farm, and give it each later table by \`pointsman
put\`.

Examples:
  $ pointsman render envoy --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 \\
      --clusters '{cluster}.svc.example:8080'
  $ pointsman render envoy --table production.table --listener edge=0.0.0.0:443 --datacentre codfw --primary eqiad \\
      --cluster mw-web-group2=10.2.0.1:4450 --fallback 10.2.0.9:80 --out /etc/envoy
  $ pointsman render envoy --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 --native --out native \\
      --clusters '{cluster}.svc.example:8080'
  $ envoy -c /etc/envoy/envoy.yaml
  $ pointsman render envoy --farm farm.yaml --role sidecar --fallback 127.0.0.1:8085 --pieces \\
      --clusters 'https://{cluster}.example:4450' --retries 1`,
    )
    .action((options: Options, command: Command) => {
      checkNative(options, command);
      const source = tableAndUpstreams(options, command);
      const rendered = rendering(source, options);
      warnOfMissing(rendered.missing);
      noteNoUpstreams(source);
      const out = folderOf(options);
      if (out === null) process.stdout.write(show(rendered, options));
      else writeFiles(out, filesOf(rendered, options));
    });
}

/** What is about the filter has nothing to say without it. */
function checkNative({ native, xds, shadow, wasm, bufferLimit, except }: Options, command: Command): void {
  const others = { "--xds": xds, "--shadow": shadow, "--wasm": wasm, "--buffer-limit": bufferLimit };
  const [other] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
  if (native && other !== undefined)
    command.error(`error: --native is without the filter, and ${other} is about it`, { exitCode: 2 });
  if (!native && except.length > 0)
    command.error("error: --except leaves something out of --native: give both", { exitCode: 2 });
}

/** Where it is written; null: it is printed. */
function folderOf({ out }: Options): string | null {
  return out === undefined || out === "-" ? null : out;
}

/** Throws Refusal. */
function rendering(source: ReturnType<typeof tableAndUpstreams>, options: Options): Rendered {
  const out = folderOf(options);
  const root = options.root ?? (out === null ? "/etc/envoy" : resolve(out));
  return envoyOf(source, options, {
    attempt: out === null ? 1 : nextAttempt(out),
    fileOf: (listener, what) => {
      const directory = posix.join(root, FILTER_NAME, listener);
      return { directory, path: posix.join(directory, `${what}.json`) };
    },
    wasm: options.wasm ?? join(root, "pointsman.wasm"),
    native: options.native ? { except: options.except } : null,
  });
}

/** One above those of the files that are there: a table that Envoy has refused is then judged anew. */
function nextAttempt(out: string): number {
  let last = 0;
  for (const { path } of filterFilesIn(out)) {
    try {
      last = Math.max(last, readFilterFile(path).attempt);
    } catch {
      // None of ours, or damaged: it is written anew.
    }
  }
  return last + 1;
}

function show({ bootstrap, filters, routes }: Rendered, { json, pieces }: Options): string {
  const byPath = (files: Rendered["routes"]) =>
    Object.fromEntries(files.map(({ path, resource }) => [path, resource]));
  if (json) {
    const made = {
      ...(pieces
        ? { pieces: Object.fromEntries(piecesOf(bootstrap).map(({ name, content }) => [name, content])) }
        : { bootstrap }),
      filters: byPath(filters),
      ...(routes.length > 0 && { routes: byPath(routes) }),
    };
    return `${JSON.stringify(made, null, 2)}\n`;
  }
  const parts = [...filters, ...routes].map(({ path, resource }) => `# ${path}\n${toYaml(resource)}`);
  const whole = pieces
    ? piecesOf(bootstrap).map((one) => textOf(one))
    : [`# envoy.yaml\n${toYaml(bootstrap)}`];
  return [...whole, ...parts].join("---\n");
}

/** What Envoy watches comes last, when the filter is there that it names. */
function filesOf(
  { bootstrap, filters, routes }: Rendered,
  { json, wasm, native, pieces }: Options,
): Map<string, Uint8Array | string> {
  const isWasmHere = wasm === undefined && !native;
  return new Map<string, Uint8Array | string>([
    ...(pieces ? piecesOf(bootstrap) : [{ name: "envoy", content: bootstrap }]).map(
      (one) =>
        [`${pieces ? "pieces/" : ""}${one.name}.${json ? "json" : "yaml"}`, textOf(one, json)] as const,
    ),
    ...(isWasmHere ? [["pointsman.wasm", filter] as const] : []),
    ...[...filters, ...routes].map(
      ({ path, resource }) =>
        [join(...path.split("/").slice(-3)), JSON.stringify(resource, null, 2)] as const,
    ),
  ]);
}

function textOf({ place, content }: Pick<Piece, "content"> & Partial<Piece>, json = false): string {
  if (json) return JSON.stringify(content, null, 2);
  return place === undefined ? toYaml(content) : `# ${place}\n${toYaml(content)}`;
}
