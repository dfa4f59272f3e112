/** The options of every command that has to do with a store. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { Refusal } from "../refusal.ts";
import { ETCD_SCHEME, hasPassword, parseEtcdPlace } from "../store/etcd-place.ts";
import { EtcdStore } from "../store/etcd-store.ts";
import { FolderStore } from "../store/folder-store.ts";
import type { Store } from "../store/store.ts";

export interface StoreOptions {
  store: string;
}

/** Of `--store`, in --help. */
export const STORE_PLACES = "a folder, or etcd://host:port[,host:port...]/prefix (etcds:// is TLS)";

export function addStoreOption(command: Command): Command {
  return command.addOption(
    new Option("--store <place>", `the store: ${STORE_PLACES}`).env("POINTSMAN_STORE").makeOptionMandatory(),
  );
}

/** A store that is there. Throws Refusal. */
export function openStore({ store: place }: StoreOptions): Store {
  if (!ETCD_SCHEME.test(place) && !existsSync(place))
    throw new Refusal(`${place}: there is no such store: the first \`pointsman push\` makes it`);
  return storeAt(place);
}

/** The store, whether it is there or not. Throws Refusal. */
export function storeAt(place: string): Store {
  if (ETCD_SCHEME.test(place)) {
    // Who looks at the list of processes sees no password from here on.
    if (hasPassword(place)) process.title = "pointsman";
    return new EtcdStore(parseEtcdPlace(place, process.env));
  }
  if (/^\w+:\/\//.test(place))
    throw new Refusal(`${place}: there is no such kind of store: it is ${STORE_PLACES}`);
  return new FolderStore(place);
}

/** A file that a store's folder may have for who asks; null: the store is no folder. */
export function fileInStore({ store: place }: StoreOptions, name: string): string | null {
  return ETCD_SCHEME.test(place) ? null : join(place, name);
}
