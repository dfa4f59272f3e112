/** What a store wants served, under its number there. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { entryOf, pushTo, rolloutOf, tableOf } from "../../test/support/store-suite.ts";
import { FolderStore } from "./folder-store.ts";
import { wantedTable } from "./wanted.ts";

it("is an older content under its new number, after a rollback and without the rollout object", async () => {
  const folder = join(folderOf({}), "store");
  const store = new FolderStore(folder);
  await pushTo(store, tableOf(1));
  await pushTo(store, tableOf(2));
  const back = tableOf(1, 9);
  const { revision } = await store.head();
  await store.swap(revision, rolloutOf(back), entryOf(back, { kind: "rollback", of: 2 }));
  const wanted = async () => {
    const { table } = await wantedTable(store);
    return [table.generation, table.digest];
  };
  expect(await wanted()).toEqual([9, tableOf(1).digest]);
  rmSync(join(folder, "rollout.json"));
  expect(await wanted()).toEqual([9, tableOf(1).digest]);
});

it("is nothing where nothing was pushed", async () => {
  const folder = join(folderOf({}), "store");
  await expect(wantedTable(new FolderStore(folder))).rejects.toThrow(`${folder}: nothing was pushed yet`);
});
