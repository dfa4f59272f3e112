/** What follows a store: it hears of each push, says when the store is away, and has the last good copy meanwhile. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Etcd } from "../../test/support/etcd.ts";
import { folderOf } from "../../test/support/folder.ts";
import { entryOf, pushTo, rolloutOf, tableOf } from "../../test/support/store-suite.ts";
import { SourceError } from "../sources/problem.ts";
import { parseEtcdPlace } from "./etcd-place.ts";
import { EtcdStore } from "./etcd-store.ts";
import { FolderStore } from "./folder-store.ts";
import { type FollowOptions, type FollowState, follow } from "./follow-store.ts";
import type { Store } from "./store.ts";

let etcd: Etcd;
let prefixes = 0;
beforeAll(async () => {
  etcd = await Etcd.start();
});
afterAll(() => etcd.stop());

const inEtcd = (prefix: number, timeoutMs = 1_000) =>
  new EtcdStore(parseEtcdPlace(`etcd://${etcd.address}/follow/${prefix}`, {}), timeoutMs);

/** A follower at work, and what it has said so far. */
class Following {
  readonly states: FollowState[] = [];
  ended = false;
  private readonly end = new AbortController();
  private readonly done: Promise<void>;

  constructor(store: Store, options: Omit<FollowOptions, "signal"> = {}) {
    this.done = this.run(follow(store, { ...options, signal: this.end.signal }));
    started.push(this);
  }

  private async run(states: AsyncIterable<FollowState>): Promise<void> {
    for await (const state of states) this.states.push(state);
    this.ended = true;
  }

  get last(): FollowState | undefined {
    return this.states.at(-1);
  }

  /** How long it took. */
  async until(is: (state: FollowState) => boolean, ms = 10_000): Promise<number> {
    const since = Date.now();
    while (this.last === undefined || !is(this.last)) {
      if (Date.now() - since > ms) expect.fail(`after ${ms} ms: ${JSON.stringify(summary(this.last))}`);
      await sleep(10);
    }
    return Date.now() - since;
  }

  async stop(): Promise<void> {
    this.end.abort();
    await this.done;
  }
}

const started: Following[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

const summary = (state: FollowState | undefined) =>
  state && {
    generation: state.followed?.rollout.generation,
    table: state.followed?.table.digest,
    in: state.followed?.table.generation,
    previous: state.followed?.previous?.digest ?? null,
    from: state.from,
    trouble: state.trouble?.kind ?? null,
    cacheTrouble: state.cacheTrouble,
  };
const has =
  (generation: number) =>
  ({ followed, trouble }: FollowState): boolean =>
    followed?.rollout.generation === generation && trouble === null;
const isAway = ({ trouble }: FollowState): boolean => trouble?.kind === "away";

/** With the table before it. */
async function pushAfter(store: Store, number: number): Promise<void> {
  const { revision, rollout } = await store.head();
  const table = tableOf(number);
  await store.putTable(table);
  const previous = rollout && { digest: rollout.digest, generation: rollout.generation };
  expect(await store.swap(revision, rolloutOf(table, { previous }), entryOf(table))).toBe(true);
}

describe.each([
  ["a folder", () => new FolderStore(join(folderOf({}), "store"))],
  ["etcd", () => inEtcd(++prefixes)],
] as const)("who follows %s", (_, make) => {
  it("hears of each push, of its state, and has both tables in their generations", async () => {
    const store = make();
    const following = new Following(store);
    await following.until(({ trouble }) => trouble?.kind === "empty");
    expect(following.last!.followed).toBeNull();
    await pushAfter(store, 1);
    await following.until(has(2));
    await pushAfter(store, 2);
    await following.until(has(3));
    expect(summary(following.last)).toEqual({
      generation: 3,
      table: tableOf(2).digest,
      in: 3,
      previous: tableOf(1).digest,
      from: "store",
      trouble: null,
      cacheTrouble: null,
    });
    expect(following.last!.followed!.previous!.generation).toBe(2);
    const { revision, rollout } = await store.head();
    await store.swap(revision, { ...rollout!, state: "paused" });
    await following.until(({ followed }) => followed?.rollout.state === "paused");
    await following.stop();
    expect(following.ended).toBe(true);
  });

  it("hears of each refusal", async () => {
    const store = make();
    await pushAfter(store, 1);
    const following = new Following(store);
    await following.until(has(2));
    expect(following.last!.refusals).toEqual([]);
    const { followed } = following.last!;
    const { digest } = tableOf(1);
    const when = "2026-12-01T00:00:00.000Z";
    const refusal = { node: "a~b", digest, generation: 2, when, why: "cut short" };
    await store.refuse(refusal);
    await following.until(({ refusals }) => refusals.length === 1);
    expect(following.last!.refusals).toEqual([refusal]);
    expect(following.last!.followed).toBe(followed);
    const { length } = following.states;
    await sleep(2_500);
    expect(following.states.length).toBe(length);
  });

  it("hears of a push where refusals cannot be read, or take too long, and says so", async () => {
    const store = make();
    let answer = () => Promise.reject<never>(new SourceError({ file: "refusals" }, "odd"));
    store.refusals = () => answer();
    await pushAfter(store, 1);
    const following = new Following(store, { timeoutMs: 500 });
    await following.until(({ followed, trouble }) => followed !== null && trouble?.kind === "damaged");
    answer = () => new Promise<never>(() => {});
    await following.until(({ trouble }) => trouble?.kind === "away");
    await pushAfter(store, 2);
    await following.until(({ followed }) => followed?.rollout.generation === 3);
    expect(following.last!.trouble).toMatchObject({
      kind: "away",
      why: expect.stringContaining("no answer"),
    });
  });

  it("gets an older content in its new generation", async () => {
    const store = make();
    await pushAfter(store, 1);
    const [old, table] = [tableOf(1), tableOf(1, 7)];
    const { revision } = await store.head();
    await store.swap(revision, rolloutOf(table), entryOf(table, { kind: "rollback", of: old.generation }));
    const following = new Following(store);
    await following.until(has(7));
    expect(following.last!.followed!.table.generation).toBe(7);
    expect(following.last!.followed!.table.digest).toBe(old.digest);
  });

  it("keeps what it has where the store went back, until a push goes on", async () => {
    const store = make();
    await pushTo(store, tableOf(5));
    const following = new Following(store);
    await following.until(has(6));
    const older = async (number: number, generation: number) => {
      const table = tableOf(number, generation);
      await store.putTable(table);
      await store.swap((await store.head()).revision, rolloutOf(table), entryOf(table));
    };
    // A store takes whatever a swap says; a command never says so.
    await older(1, 2);
    await following.until(({ trouble }) => trouble?.kind === "older");
    expect(following.last!.trouble!.why).toContain("Push with a --generation above 6");
    expect(following.last!.followed!.table.digest).toBe(tableOf(5).digest);
    await older(8, 7);
    await following.until(has(7));
  });

  it("keeps what it has where the next table is not there, until it is", async () => {
    const store = make();
    await pushTo(store, tableOf(1));
    const following = new Following(store);
    await following.until(has(2));
    const table = tableOf(2);
    await store.swap((await store.head()).revision, rolloutOf(table), entryOf(table));
    await following.until(({ trouble }) => trouble?.kind === "damaged");
    expect(following.last!.followed!.table.digest).toBe(tableOf(1).digest);
    await store.putTable(table);
    await following.until(has(3));
  });
});

describe("who follows etcd", () => {
  it("hears of a push at once, by its watch, after a compaction too", async () => {
    const store = inEtcd(++prefixes);
    await pushAfter(store, 1);
    const following = new Following(store, { pollMs: 20_000 });
    await following.until(has(2));
    await sleep(300); // the watch stands
    await etcd.ask("kv/compaction", { revision: (await store.head()).revision, physical: true });
    await pushAfter(store, 2);
    expect(await following.until(has(3))).toBeLessThan(5_000);
  });

  it("says that it was killed, since when, and that it is back, and its watch stands again", async () => {
    const store = inEtcd(++prefixes);
    await pushAfter(store, 1);
    const following = new Following(store);
    await following.until(has(2));
    const before = Date.now();
    await etcd.kill();
    await following.until(isAway);
    const { since } = following.last!.trouble!;
    expect(since.getTime()).toBeGreaterThanOrEqual(before);
    expect(following.last!.followed!.table.digest).toBe(tableOf(1).digest);
    await sleep(2_500);
    expect(following.last!.trouble!.since).toBe(since);
    await etcd.start();
    await following.until(has(2));
    await pushAfter(store, 2);
    await following.until(has(3));
  });

  it.each([
    ["each call has its own short time", 1_000],
    ["calls wait for a minute", 60_000],
  ])("notices that it hangs within 4 seconds, and that it goes on: %s", async (_, timeoutMs) => {
    const store = inEtcd(++prefixes, timeoutMs);
    await pushAfter(store, 1);
    const following = new Following(store);
    await following.until(has(2));
    await etcd.pause();
    try {
      expect(await following.until(isAway)).toBeLessThan(4_000);
      expect(following.last!.trouble!.why).toContain("no answer within");
    } finally {
      etcd.continue();
    }
    await following.until(has(2));
  });

  it("keeps what it has where somebody emptied it", async () => {
    const store = inEtcd(++prefixes);
    await pushAfter(store, 1);
    const following = new Following(store);
    await following.until(has(2));
    const [key, range_end] = [btoa(`/follow/${prefixes}/`), btoa(`/follow/${prefixes}0`)];
    await etcd.ask("kv/deleterange", { key, range_end });
    await following.until(({ trouble }) => trouble?.kind === "empty");
    expect(following.last!.followed!.table.digest).toBe(tableOf(1).digest);
  });
});

describe("the last good copy on the disk", () => {
  async function kept(): Promise<{ cache: string; store: FolderStore }> {
    const folder = folderOf({});
    const cache = join(folder, "deep/cache");
    const store = new FolderStore(join(folder, "store"));
    for (const number of [1, 2, 3]) {
      await pushAfter(store, number);
      const following = new Following(store, { cache });
      await following.until(has(number + 1));
      await following.stop();
    }
    return { cache, store };
  }
  /** Nobody listens there. */
  const away = () => new EtcdStore(parseEtcdPlace("etcd://127.0.0.1:1/x", {}));

  it("is what is followed from the start on, with the store away, and has no table that nobody needs", async () => {
    const { cache } = await kept();
    expect(readdirSync(cache).sort()).toEqual(
      [...[2, 3].map((number) => `${tableOf(number).digest}.table`), "rollout.json"].sort(),
    );
    const following = new Following(away(), { cache });
    await following.until(isAway);
    expect(following.states.map(summary)).toEqual(
      [null, "away"].map((trouble) => ({
        generation: 4,
        table: tableOf(3).digest,
        in: 4,
        previous: tableOf(2).digest,
        from: "cache",
        trouble,
        cacheTrouble: null,
      })),
    );
  });

  it.each([
    ["an older generation", tableOf(1), "it has generation 2, and 4 was to be served already"],
    ["another content of it", tableOf(9, 4), "generation 4 has another content than before"],
  ])("is not taken back by a store of %s", async (_, table, why) => {
    const { cache } = await kept();
    const other = new FolderStore(join(folderOf({}), "store"));
    await pushTo(other, table);
    const following = new Following(other, { cache });
    await following.until(({ trouble }) => trouble?.kind === "older");
    expect(following.last!.trouble!.why).toContain(why);
    expect(following.last!.followed!.table.digest).toBe(tableOf(3).digest);
    await pushTo(other, tableOf(4));
    await following.until(has(5));
  });

  it.each([
    ["rollout.json", "cut"],
    [`${tableOf(3).digest}.table`, "cut"],
    [`${tableOf(3).digest}.table`, "gone"],
    [`${tableOf(2).digest}.table`, "cut"],
  ])("that is damaged is told and not followed, and made anew by the store: %s %s", async (name, how) => {
    const { cache, store } = await kept();
    const file = join(cache, name);
    const whole = readFileSync(file);
    if (how === "gone") rmSync(file);
    else writeFileSync(file, whole.subarray(0, -9));
    const following = new Following(away(), { cache });
    await following.until(isAway);
    if (name.startsWith(tableOf(2).digest)) expect(following.last!.followed!.previous).toBeNull();
    else expect(following.last!.followed).toBeNull();
    expect(following.last!.cacheTrouble).toContain(name);
    await following.stop();
    const again = new Following(store, { cache });
    await again.until(has(4));
    expect(again.last!.cacheTrouble).toBeNull();
    expect(readFileSync(file)).toEqual(whole);
  });

  it("that has a folder by the name of a table is told of it, and the store followed all the same", async () => {
    const store = inEtcd(++prefixes);
    await pushAfter(store, 1);
    const cache = folderOf({});
    mkdirSync(join(cache, `${"0".repeat(32)}.table`));
    const following = new Following(store, { cache });
    await following.until(has(2));
    expect(following.last!.cacheTrouble).toContain("old tables cannot be removed");
  });

  it("that cannot be written is told, and the store followed all the same", async () => {
    const { store } = await kept();
    const cache = join(folderOf({ file: "" }), "file");
    const following = new Following(store, { cache });
    await following.until(has(4));
    expect(following.last!.cacheTrouble).toContain("file: cannot be made: ");
    const folder = folderOf({});
    mkdirSync(join(folder, "rollout.json"));
    const other = new Following(store, { cache: folder });
    await other.until(has(4));
    expect(other.last!.cacheTrouble).toContain("rollout.json: cannot be written: ");
  });
});
