/** The real Envoy, asked of many modules at once whether it takes them: each is a filter that it discovers in a file. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startConfigured } from "../../scripts/envoy/process.ts";
import { WASM_TYPE } from "../../scripts/render/plugin.ts";
import { realEnvoy } from "./which-envoy.ts";

const TYPE = "type.googleapis.com/";
const HCM = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${TYPE}envoy.extensions.filters.http.router.v3.Router`;

export interface Loaded {
  /** By module, what Envoy says of its refusal in words of its own; none where the module runs. */
  readonly refusals: ReadonlyMap<string, readonly string[]>;
  /** What modules logged while they started and were configured, which Envoy does in several VMs. */
  readonly logs: readonly string[];
}

/** Said of every refusal. */
const generalities = /^(Wasm VM failed )?Failed to (load|initialize) Wasm code$/;

export async function loadInEnvoy(modules: ReadonlyMap<string, Uint8Array>): Promise<Loaded> {
  const folder = await mkdtemp(join(tmpdir(), "loading-"));
  try {
    const names = [...modules.keys()];
    const filters = await Promise.all(
      names.map((name, i) => discovered(folder, name, `${i}`, modules.get(name)!)),
    );
    const config = join(folder, "bootstrap.json");
    await writeFile(config, JSON.stringify(bootstrap(filters)));
    const envoy = await startConfigured(config, { envoy: await realEnvoy() });
    const loaded = readLog(names, envoy.logs);
    await envoy.stop();
    return loaded;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function discovered(folder: string, name: string, id: string, wasm: Uint8Array): Promise<object> {
  const own = join(folder, id);
  await mkdir(own);
  const module = join(own, "module.wasm");
  await writeFile(module, wasm);
  const config = {
    name: `<${id}>`,
    vm_config: { vm_id: name, runtime: "envoy.wasm.runtime.v8", code: { local: { filename: module } } },
    configuration: { "@type": `${TYPE}google.protobuf.StringValue`, value: "configuration" },
  };
  const resource = {
    "@type": `${TYPE}envoy.config.core.v3.TypedExtensionConfig`,
    name: id,
    typed_config: { "@type": WASM_TYPE, config },
  };
  const path = join(own, "filter.json");
  await writeFile(path, JSON.stringify({ version_info: "1", resources: [resource] }));
  const source = { path_config_source: { path }, resource_api_version: "V3" };
  return { name: id, config_discovery: { config_source: source, type_urls: [WASM_TYPE] } };
}

function bootstrap(filters: readonly object[]): object {
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  const manager = {
    "@type": HCM,
    stat_prefix: "loading",
    http_filters: [...filters, { name: "router", typed_config: { "@type": ROUTER } }],
    route_config: { virtual_hosts: [] },
  };
  const chain = { filters: [{ name: "http", typed_config: manager }] };
  const listeners = [{ name: "main", address, filter_chains: [chain] }];
  return { admin: { address }, node: { id: "loading", cluster: "loading" }, static_resources: { listeners } };
}

/** Envoy takes one module after the other, and names the plugin after it has said what is wrong. */
function readLog(names: readonly string[], lines: readonly string[]): Loaded {
  const refusals = new Map<string, string[]>(names.map((name) => [name, []]));
  const logs: string[] = [];
  let said: string[] = [];
  for (const line of lines) {
    const log = /\]\[info\]\[wasm\] \[[^\]]*\] wasm log[^:]*: (.*)$/s.exec(line)?.[1];
    if (log !== undefined) logs.push(log);
    const failed = /\]\[critical\]\[wasm\] \[[^\]]*\] Plugin <(\d+)> failed to load/.exec(line);
    if (failed !== null) {
      refusals.set(names[Number(failed[1])]!, said);
      said = [];
    }
    const error = /\]\[error\]\[wasm\] \[[^\]]*\] (.*)$/.exec(line)?.[1];
    if (error !== undefined && !generalities.test(error)) said.push(error.replace(/^Wasm VM failed /, ""));
  }
  return { refusals, logs };
}
