/** The options of every command that has to do with a store. */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { Refusal } from "../refusal.ts";
import { FolderStore } from "../store/folder-store.ts";
import type { Store } from "../store/store.ts";

export interface StoreOptions {
  store: string;
}

export function addStoreOption(command: Command): Command {
  return command.addOption(
    new Option("--store <folder>", "the store").env("POINTSMAN_STORE").makeOptionMandatory(),
  );
}

/** A store that is there. Throws Refusal. */
export function openStore({ store: place }: StoreOptions): Store {
  if (!existsSync(place))
    throw new Refusal(`${place}: there is no such store: the first \`pointsman push\` makes it`);
  return storeAt(place);
}

/** The store, whether it is there or not. Throws Refusal. */
export function storeAt(place: string): Store {
  if (/^\w+:\/\//.test(place)) throw new Refusal(`${place}: there is no such kind of store: name a folder`);
  return new FolderStore(place);
}
