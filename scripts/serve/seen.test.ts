/** Nodes that have come, and come again. */
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { FolderStore } from "../store/folder-store.ts";
import { Seen } from "./seen.ts";

afterEach(() => void vi.useRealTimers());

it("who was retired and connects a minute later is expected again", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const store = new FolderStore(join(folderOf({}), "store"));
  const seen = new Seen(store, (why) => expect.fail(why));
  const node = { id: "a", cluster: "edge", locality: "" };
  const names = async () => (await store.nodes()).records.map((one) => one.node);
  seen.add(node);
  await vi.waitFor(async () => expect(await names()).toEqual(["a"]));
  await store.retire("a");
  vi.setSystemTime(Date.now() + 61_000);
  seen.add(node);
  await vi.waitFor(async () => expect(await names()).toEqual(["a"]));
  seen.stop();
});
