/** `pointsman render istio`: a gateway of Istio's that runs the filter, as manifests. */
import { createHash } from "node:crypto";
import { type Command, Option } from "commander";
import { filter } from "../../filter.ts";
import { FILTER_KINDS, type FilterKind, type Module } from "../../render/istio/filter.ts";
import { type GatewayOptions, type RenderedIstio, renderIstio } from "../../render/istio/istio.ts";
import { type Manifest, refuseTwins } from "../../render/istio/manifest.ts";
import { renderNativeIstio } from "../../render/istio/native.ts";
import { ISTIO_VERSIONS, type IstioVersion } from "../../render/istio/profile.ts";
import { ROUTE_KINDS, type RouteKind } from "../../render/istio/routes.ts";
import { toYaml } from "../../render/yaml.ts";
import { refuseUnheard } from "../heard.ts";
import {
  collectGatewayListener,
  collectHost,
  collectLabel,
  collectSecret,
  parseModule,
  parseNamespace,
  parseObjectName,
  parseSha256,
} from "./options.ts";
import { refusing } from "./refusing.ts";
import { addTableOptions, noteNoUpstreams, type TableOptions, tableAndUpstreams } from "./table-options.ts";
import {
  addressesOf,
  addUpstreamOptions,
  timeoutsOf,
  type UpstreamOptions,
  warnOfMissing,
} from "./upstream-options.ts";
import { writeFiles } from "./write-files.ts";

interface Options extends TableOptions, UpstreamOptions {
  istio: IstioVersion;
  as: FilterKind;
  routes: RouteKind;
  module?: string;
  native?: boolean;
  except: string[];
  sha256?: string;
  listener: Omit<GatewayOptions["listeners"][number], "secret" | "hosts">[];
  tlsSecret: Map<string, string>;
  host: string[];
  datacentre?: string;
  primary?: string;
  name: string;
  namespace: string;
  selector: Record<string, string>;
  out?: string;
  json?: boolean;
}

export function renderIstioCommand(render: Command): void {
  addUpstreamOptions(addTableOptions(render.command("istio")))
    .description("a gateway of Istio's: the filter, guards, Gateway and routes, as manifests")
    .addOption(
      new Option("--istio <version>", "the version of Istio, which refuses what it lacks")
        .choices([...ISTIO_VERSIONS])
        .default("1.29"),
    )
    .addOption(
      new Option("--as <kind>", "the object that brings the filter; only an EnvoyFilter reads jobs' bodies")
        .choices([...FILTER_KINDS])
        .default("envoyfilter"),
    )
    .addOption(
      new Option(
        "--routes <kind>",
        "a VirtualService with a match for each cluster, or an EnvoyFilter with one route that goes by the header",
      )
        .choices([...ROUTE_KINDS])
        .default("virtualservice"),
    )
    .option(
      "--module <url>",
      "where the gateway has pointsman.wasm: file:///PATH, https://…, http://… or oci://… (needed without --native)",
      parseModule,
    )
    .option(
      "--sha256 <hex>",
      "of an oci:// module, the manifest's (default: of other modules, that of the filter in this program)",
      parseSha256,
    )
    .option(
      "--listener <name=[address:]port[:bound]>",
      "a listener of the farm, its port in the Gateway, and the port that the gateway's pods listen at, where the Service maps it (repeatable; default: the first, 80:8080)",
      collectGatewayListener,
      [],
    )
    .option(
      "--tls-secret <listener=name>",
      "the Secret with the certificate of a listener, which is then HTTPS (repeatable)",
      collectSecret,
      new Map(),
    )
    .option("--host <host>", "a host of the Gateway and its routes (repeatable; default: *)", collectHost, [])
    .option("--native", "without the filter, by Envoy's own routes; what these cannot say is refused by name")
    .option(
      "--except <name>",
      "leave this out of the routes of --native: its requests get a 501 (repeatable)",
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option("--datacentre <name>", "the data centre of the gateway (default: the listener's)")
    .option("--primary <name>", "the data centre that is now the primary one (default: the gateway's own)")
    .option("--name <name>", "what the objects' names begin with", parseObjectName, "pointsman")
    .option("--namespace <name>", "the gateway's namespace", parseNamespace, "istio-system")
    .option(
      "--selector <label=value>",
      "a label of the gateway's pods (repeatable; default: istio=ingressgateway)",
      collectLabel,
      {},
    )
    .option(
      "--out <dir>",
      "the folder to write to: routes.yaml, and filter-LISTENER.yaml with the table; - prints all",
    )
    .option("--json", "write JSON: a List of all objects, or .json files")
    .addHelpText(
      "after",
      `
Nothing is applied: hand what is written to kubectl, helm or your GitOps. A later table changes filter-LISTENER alone.
Objects with a table are too large for the annotation of a client-side apply: take --server-side.

Examples:
  $ pointsman render istio --farm examples/small/farm.yaml --module file:///etc/pointsman/pointsman.wasm \\
      --clusters '{cluster}.mw.svc.cluster.local:8080' --fallback static.mw.svc.cluster.local:8080
  $ pointsman render istio --table production.table --istio 1.31 --as trafficextension --listener edge=443:8443 \\
      --tls-secret edge=wikis-cert --module https://modules.example/pointsman.wasm \\
      --clusters 'https://{cluster}.example:4450' --fallback static.example:80 --out istio/
  $ kubectl apply --server-side -f istio/routes.yaml -f istio/filter-edge.yaml
  $ pointsman render istio --farm examples/small/farm.yaml --native --out istio/ \\
      --clusters '{cluster}.mw.svc.cluster.local:8080' --fallback static.mw.svc.cluster.local:8080`,
    )
    .action((options: Options, command: Command) => {
      checkNative(options, command);
      const source = tableAndUpstreams(options, command);
      const rendered = rendering(source, options, command);
      warnOfMissing(rendered.missing);
      noteNoUpstreams(source);
      for (const note of rendered.notes) process.stderr.write(`note: ${note}\n`);
      if (options.out === undefined || options.out === "-")
        process.stdout.write(show(manifestsOf(rendered), options));
      else writeFiles(options.out, filesOf(rendered, options));
    });
}

/** What is said of the filter goes unheard without it. */
function checkNative({ native, module, except }: Options, command: Command): void {
  if (native)
    refuseUnheard(command, ["module", "sha256", "as", "routes"], "of the filter, which --native is without");
  else if (module === undefined)
    command.error("error: give --module URL, or --native for routes without the filter", { exitCode: 2 });
  else if (except.length > 0)
    command.error("error: --except leaves something out of --native: give both", { exitCode: 2 });
}

/** Throws Refusal. */
function rendering(
  { table, upstreams }: ReturnType<typeof tableAndUpstreams>,
  options: Options,
  command: Command,
): RenderedIstio {
  const { listener, tlsSecret, host, selector, datacentre, primary } = options;
  const given =
    listener.length > 0 ? listener : [{ name: table.listeners[0]!.name ?? "main", port: 80, bound: 8080 }];
  for (const name of tlsSecret.keys()) {
    if (!given.some((one) => one.name === name))
      command.error(`error: --tls-secret ${name}: no --listener has this name`, { exitCode: 2 });
  }
  const said: GatewayOptions = {
    istio: options.istio,
    place: {
      name: options.name,
      namespace: options.namespace,
      selector: Object.keys(selector).length > 0 ? selector : { istio: "ingressgateway" },
    },
    listeners: given.map((one) => ({
      ...one,
      secret: tlsSecret.get(one.name) ?? null,
      hosts: host.length > 0 ? host : ["*"],
    })),
    ...(datacentre !== undefined && { datacentre }),
    ...(primary !== undefined && { primary }),
    ...addressesOf(options),
    fallback: options.fallback,
    timeouts: timeoutsOf(options, upstreams),
  };
  return refusing(() => {
    const { as, routes } = options;
    const rendered = options.native
      ? renderNativeIstio(table, { ...said, except: options.except })
      : renderIstio(table, { ...said, as, routes, module: moduleOf(options) });
    refuseTwins(manifestsOf(rendered));
    return rendered;
  });
}

/** What a proxy fetches from a stranger's network must be the filter that we tested. */
function moduleOf({ module: url = "", sha256: said }: Options): Module {
  if (said !== undefined) return { url, sha256: said };
  return /^https?:/.test(url) ? { url, sha256: createHash("sha256").update(filter).digest("hex") } : { url };
}

function manifestsOf({ routes, filters }: RenderedIstio): Manifest[] {
  return [...routes, ...filters.map(({ manifest }) => manifest)];
}

function filesOf({ routes, filters }: RenderedIstio, options: Options): Map<string, string> {
  const type = options.json ? "json" : "yaml";
  return new Map([
    [`routes.${type}`, show(routes, options)],
    ...filters.map(
      ({ listener, manifest }) => [`filter-${listener}.${type}`, show([manifest], options)] as const,
    ),
  ]);
}

function show(manifests: readonly Manifest[], { json }: Options): string {
  if (json) return `${JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests }, null, 2)}\n`;
  return manifests.map(toYaml).join("---\n");
}
