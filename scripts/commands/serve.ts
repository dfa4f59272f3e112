/** `pointsman serve`: an xDS management server over a store, one of any number. */
import type { Server } from "node:http";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Command } from "commander";
import { stopPages } from "../pages.ts";
import { Refusal } from "../refusal.ts";
import { credentialsOf as certificatesOf } from "../serve/certificates.ts";
import { Fleet } from "../serve/fleet.ts";
import { startHttp } from "../serve/http.ts";
import { Seen } from "../serve/seen.ts";
import { XdsServer } from "../serve/xds-server.ts";
import { follow } from "../store/follow-store.ts";
import { Refusals } from "../store/refusals.ts";
import type { Store } from "../store/store.ts";
import type { StoreState } from "../store/store-state.ts";
import { bound, log, type Place, placeOption, told, untilTold } from "./staying.ts";
import { addStoreOption, type StoreOptions, storeAt } from "./store-options.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options extends StoreOptions {
  listen: Place;
  http: Place;
  cache?: string;
  wasm: string;
  primary?: string;
  tlsCert?: string;
  tlsKey?: string;
  clientCa?: string;
  client: string[];
  maxStreams: number;
}

export function serveCommand(program: Command): void {
  addStoreOption(program.command("serve"))
    .description("an xDS server that gives each Envoy that asks the table that the store wants it to serve")
    .addOption(placeOption("--listen <[address:]port>", "where Envoys ask, by gRPC", "127.0.0.1:18000"))
    .addOption(
      placeOption("--http <[address:]port>", "where /healthz, /status and /metrics are", "127.0.0.1:18001"),
    )
    .option("--cache <folder>", "keep the last good copy here, for a start while the store is away")
    .option(
      "--wasm <path>",
      "the filter on machines whose Envoy does not say where it is",
      "/etc/envoy/pointsman.wasm",
    )
    .option("--primary <name>", "the data centre that is now the primary one, whatever Envoys say")
    .option("--tls-cert <file>", "the server's certificate and those between it and its authority, PEM")
    .option("--tls-key <file>", "its key, PEM")
    .option("--client-ca <file>", "who signs the certificates of clients: only those may ask, PEM")
    .option(
      "--client <name>",
      "a name in a client's certificate (CN, DNS or URI; *.example.org) that may ask (repeatable; default: any)",
      (text: string, names: string[]) => [...names, text],
      [],
    )
    .option(
      "--max-streams <n>",
      "the most streams at once",
      wholeNumber(1, 1_000_000, "So many are a whole number from 1."),
      10_000,
    )
    .addHelpText(
      "after",
      `
Envoys that \`pointsman render envoy --xds\` wrote ask here, at any of several servers: what one gets follows from the
store and its own name alone. Where the store is away, the server goes on with what it has. Without --tls-cert the
stream is in the clear; say --client-ca too, so that only your own proxies get the table.

Examples:
  $ pointsman serve --store /srv/pointsman --cache /var/cache/pointsman
  $ pointsman serve --store etcd://10.0.0.1:2379,10.0.0.2:2379/pointsman --listen 0.0.0.0:18000 \\
      --tls-cert server.pem --tls-key server.key --client-ca fleet-ca.pem --client '*.proxies.example.org'
  $ curl -s http://127.0.0.1:18001/status | jq '.proxies[] | select(.state != "acknowledged")'`,
    )
    .action(serve);
}

async function serve(options: Options): Promise<void> {
  const store = storeAt(options.store);
  const credentials = credentialsOf(options);
  const refusals = new Refusals(store, (why) => log(`a refusal is not in the store yet: ${why}`));
  const seen = new Seen(store, (why) => log(`a proxy that has come is not in the store yet: ${why}`));
  const fleet = fleetOf(options, store, refusals, seen);
  const { host, port } = options.listen;
  const clients = options.client.length > 0 ? options.client : null;
  const xds = new XdsServer(fleet, { host, port, credentials, clients, streams: options.maxStreams });
  const state: StoreState = { name: store.name, trouble: null };
  const { signal } = untilTold();
  let http: Server | null = null;
  try {
    await bound(options.listen, xds.start());
    http = await bound(
      options.http,
      startHttp(options.http.host, options.http.port, { fleet, xds, store: () => state }),
    );
    const { port } = http.address() as { port: number };
    log(`${store.name} for Envoys at ${host}:${xds.port}; http://${options.http.host}:${port}/status`);
    for await (const now of told(store, follow(store, { signal, cache: options.cache }))) {
      state.trouble = now.trouble;
      refusals.heard(now.refusals);
      if (now.followed !== null) fleet.update(now.followed);
    }
  } finally {
    refusals.stop();
    seen.stop();
    xds.stop();
    stopPages(http);
  }
}

function fleetOf(options: Options, store: Store, refusals: Refusals, seen: Seen): Fleet {
  return new Fleet({
    wasm: options.wasm,
    primary: options.primary ?? null,
    isRefused: (id, version) => refusals.why(id, version) !== null,
    onRefused(id, version, why) {
      log(`${id}: refused generation ${version.generation}: ${why}`);
      refusals.add(id, version, why);
    },
    onSeen: (proxy) => seen.add(proxy),
    onBehind: (id, generation) =>
      log(
        `${id}: has generation ${generation}, which ${store.name} does not have: is this server behind, or the store another one?`,
      ),
  });
}

/** Throws Refusal, SourceError. */
function credentialsOf({ tlsCert, tlsKey, clientCa, client }: Options): ServerCredentials {
  if (tlsCert === undefined && tlsKey === undefined) {
    if (clientCa !== undefined || client.length > 0)
      throw new Refusal("--client-ca and --client need TLS: say --tls-cert and --tls-key");
    return ServerCredentials.createInsecure();
  }
  if (tlsCert === undefined || tlsKey === undefined)
    throw new Refusal("--tls-cert and --tls-key belong together");
  if (client.length > 0 && clientCa === undefined)
    throw new Refusal("--client needs --client-ca: without it nobody shows a certificate");
  const files = { cert: tlsCert, key: tlsKey, clientCa: clientCa ?? null };
  return certificatesOf(files, (why) => log(`the certificates stay as they were: ${why}`));
}
