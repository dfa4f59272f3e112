/** What every kind of store must do: the tests of each run this suite over it. */
import { beforeEach, describe, expect, it } from "vitest";
import { withGeneration } from "../../scripts/encode/container.ts";
import { encode } from "../../scripts/encode/encode.ts";
import { WHOLE_FLEET } from "../../scripts/store/stages.ts";
import type { Entry, NodeRefusal, Report, Rollout, Store } from "../../scripts/store/store.ts";
import { Table } from "../../scripts/table/table.ts";
import { plainPlan } from "./plans.ts";

/** Tables of different content, by number. */
export function tableOf(number: number, generation = number + 1): Table {
  const wikis = [{ id: `wiki${number}`, release: 0, group: null, installed: true }];
  return new Table(encode(plainPlan({ wikis }), { generation, names: null }));
}

export function rolloutOf(table: Table, change: Partial<Rollout> = {}): Rollout {
  const { digest, generation } = table;
  const rest = {
    previous: null,
    at: 0,
    state: "going",
    who: "me",
    why: "for a test",
  } as const;
  return { digest, generation, ...rest, stages: [WHOLE_FLEET], ...change };
}

export function entryOf(table: Table, change: Partial<Entry> = {}): Entry {
  const { digest, generation } = table;
  const when = new Date(Date.UTC(2026, 0, 1, 0, 0, generation)).toISOString();
  const { who, why } = rolloutOf(table);
  return { generation, digest, when, who, why, kind: "push", sources: [], allowed: [], ...change };
}

/** Pushes as a command does. */
export async function pushTo(store: Store, table: Table): Promise<boolean> {
  const { revision } = await store.head();
  await store.putTable(table);
  return store.swap(revision, rolloutOf(table), entryOf(table));
}

export function reportOf(node: string, generation = 1): Report {
  const listener = { listener: "main", generation, digest: "0123456789ab", verdict: "served", what: "" };
  return { node, when: new Date(Date.UTC(2026, 0, 1)).toISOString(), listeners: [listener] };
}

const refusalOf = (node: string, number: number, why = "it is none"): NodeRefusal => {
  const { node: name, when } = reportOf(node);
  const { digest, generation } = tableOf(number);
  return { node: name, digest, generation, when, why };
};

/** Names that proxies may have, and those of who means ill. */
const NODES = [
  "sidecar~10.0.0.1~mw-web-main-5d8f.mw~mw.svc.cluster.local",
  "../../rollout.json",
  "a/b",
  "A/b",
  "..",
  "__proto__",
  "z\u0000\u202e\n",
  "Zo\u00eb",
  "Zoe\u0308",
  "\ud83d\ude82".repeat(250),
];

/**
 * @param make a new, empty store; `again`: another one over the same data, as another process has it; `small`: the same
 * with place for so many records of nodes
 */
export function storeSuite(
  kind: string,
  make: () => { store: Store; again: (recordsAtMost?: number) => Store },
): void {
  describe(`a store of kind ${kind}`, () => {
    let store: Store;
    let again: (recordsAtMost?: number) => Store;
    beforeEach(() => {
      ({ store, again } = make());
    });

    it("is empty at first", async () => {
      expect((await store.head()).rollout).toBeNull();
      expect(await store.history()).toEqual({ entries: [], warnings: [] });
      expect(await store.freeze()).toBeNull();
    });

    it("gives a table by its digest, byte for byte, and refuses one that it does not have", async () => {
      const table = tableOf(1);
      await store.putTable(table);
      await store.putTable(new Table(withGeneration(table.bytes, 99)));
      expect(Buffer.from((await again().table(table.digest)).bytes)).toEqual(Buffer.from(table.bytes));
      await expect(store.table(tableOf(2).digest)).rejects.toThrow(tableOf(2).digest);
    });

    it("tells everybody the rollout and the history after a swap", async () => {
      expect(await pushTo(store, tableOf(1))).toBe(true);
      expect(await pushTo(store, tableOf(2))).toBe(true);
      expect((await again().head()).rollout).toEqual(rolloutOf(tableOf(2)));
      expect(await again().history()).toEqual({
        entries: [entryOf(tableOf(1)), entryOf(tableOf(2))],
        warnings: [],
      });
    });

    it("changes the rollout's state without a new entry", async () => {
      await pushTo(store, tableOf(1));
      const { revision } = await store.head();
      expect(await store.swap(revision, rolloutOf(tableOf(1), { state: "done" }))).toBe(true);
      expect((await again().head()).rollout).toEqual(rolloutOf(tableOf(1), { state: "done" }));
      expect((await store.history()).entries).toEqual([entryOf(tableOf(1))]);
    });

    it("swaps for one of two that have seen the same, and nothing is left of the other", async () => {
      for (const first of [1, 3]) {
        const { revision } = await store.head();
        const other = again();
        expect((await other.head()).revision).toBe(revision);
        const [mine, theirs] = [tableOf(first), tableOf(first + 1, first + 1)];
        const swaps = [
          store.swap(revision, rolloutOf(mine), entryOf(mine)),
          other.swap(revision, rolloutOf(theirs), entryOf(theirs)),
        ];
        expect((await Promise.all(swaps)).sort()).toEqual([false, true]);
        const { rollout } = await store.head();
        expect((await store.history()).entries.at(-1)!.digest).toBe(rollout!.digest);
        expect((await again().history()).entries.length).toBe((await store.history()).entries.length);
      }
      expect((await store.history()).entries.length).toBe(2);
    });

    it("refuses a swap from what was there before the last one, also where it looks the same", async () => {
      await pushTo(store, tableOf(1));
      const { revision } = await store.head();
      const same = rolloutOf(tableOf(1));
      await store.swap(revision, { ...same, state: "paused" });
      await store.swap((await store.head()).revision, same);
      expect(await store.swap(revision, { ...same, state: "aborted" })).toBe(false);
      expect((await store.head()).rollout).toEqual(same);
    });

    it("keeps what people say as it is", async () => {
      const why = 'Ünïcode, "quotes", \u0085 and a\nnewline \u2028 \ud83d\ude82';
      const table = tableOf(1);
      const { revision } = await store.head();
      const said = { who: "Zoë <z@example>", why };
      const allowed = [{ guard: "frozen", what: "frozen until …", why }];
      const sources = [{ name: "farm", path: "/a b/farm.yaml", commit: "0123abc+" }];
      await store.swap(revision, rolloutOf(table, said), entryOf(table, { ...said, allowed, sources }));
      expect((await again().head()).rollout).toMatchObject(said);
      expect((await again().history()).entries).toEqual([entryOf(table, { ...said, allowed, sources })]);
    });

    it("keeps the last report of each node, whatever its name is", async () => {
      expect(await store.reports()).toEqual({ records: [], warnings: [] });
      for (const node of NODES) await store.putReport(reportOf(node, 1), 60);
      for (const node of NODES) await again().putReport(reportOf(node, 2), 60);
      const { records, warnings } = await again().reports();
      expect(warnings).toEqual([]);
      expect(records.length).toBe(NODES.length);
      expect(records).toEqual(expect.arrayContaining(NODES.map((node) => reportOf(node, 2))));
      expect((await store.head()).rollout).toBeNull();
    });

    it("forgets a report that nobody says again", async () => {
      const nodes = async () => (await again().reports()).records.map(({ node }) => node).sort();
      // etcd's leases have 2 seconds at least.
      await store.putReport(reportOf("once"), 2);
      const renewed = setInterval(() => store.putReport(reportOf("again"), 2), 300);
      try {
        await expect.poll(nodes, { timeout: 5_000 }).toEqual(["again", "once"]);
        await expect.poll(nodes, { timeout: 15_000 }).toEqual(["again"]);
        expect((await again().reports()).records).toEqual([reportOf("again")]);
      } finally {
        clearInterval(renewed);
      }
      await expect.poll(nodes, { timeout: 15_000 }).toEqual([]);
      await store.putReport(reportOf("once"), 60);
      expect(await nodes()).toEqual(["once"]);
    });

    it("keeps why a node refused a table", async () => {
      const [one, two] = [refusalOf("a", 1).digest, refusalOf("a", 2).digest];
      expect(await store.refusals([one, two])).toEqual({ records: [], warnings: [] });
      await store.refuse(refusalOf("a", 1));
      await store.refuse(refusalOf("a", 2));
      await store.refuse(refusalOf("b", 1));
      await again().refuse(refusalOf("b", 1, "cut short"));
      const { records } = await again().refusals([one, two]);
      const expected = [refusalOf("a", 1), refusalOf("a", 2), refusalOf("b", 1, "cut short")];
      expect(records.length).toBe(expected.length);
      expect(records).toEqual(expect.arrayContaining(expected));
      expect((await store.refusals([two])).records).toEqual([refusalOf("a", 2)]);
      expect((await store.refusals([])).records).toEqual([]);
    });

    it("keeps no more records of nodes than a bound, and none that is too large", async () => {
      const small = again(3);
      for (const node of ["a", "b", "c"]) await small.putReport(reportOf(node), 60);
      const refused = "there are 3 records in reports already, and no more are kept";
      await expect(small.putReport(reportOf("d"), 60)).rejects.toThrow(refused);
      await small.putReport(reportOf("c", 9), 60);
      await again(3).putReport(reportOf("b", 9), 60);
      expect((await store.reports()).records.length).toBe(3);
      const { records, warnings } = await again(2).reports();
      expect(records.length).toBe(2);
      expect(warnings).toEqual([expect.stringContaining("there are 2 records in reports already")]);
      const [listener] = reportOf("a").listeners;
      const large = { ...reportOf("a"), listeners: Array(100).fill({ ...listener, what: "x".repeat(2000) }) };
      await expect(store.putReport(large, 60)).rejects.toThrow("it has more than 64 KiB");
      await expect(store.putReport(reportOf("x".repeat(501)), 60)).rejects.toThrow("`node`: ");
      await expect(store.refuse(refusalOf("", 1))).rejects.toThrow("`node`: ");
    });

    it("keeps which nodes were seen, until they are retired", async () => {
      const seenAt = (node: string, cluster: string) => ({
        ...{ node, cluster, locality: "eu/esams" },
        when: reportOf(node).when,
      });
      expect(await store.nodes()).toEqual({ records: [], warnings: [] });
      for (const node of NODES) await store.putNode(seenAt(node, "old"));
      for (const node of NODES) await again().putNode(seenAt(node, "edge"));
      const { records, warnings } = await again().nodes();
      expect([records.length, warnings]).toEqual([NODES.length, []]);
      expect(records).toEqual(expect.arrayContaining(NODES.map((node) => seenAt(node, "edge"))));
      await again().retire(NODES[0]!);
      await store.retire("never seen");
      expect((await store.nodes()).records.map(({ node }) => node).sort()).toEqual(NODES.slice(1).sort());
      await store.putNode(seenAt(NODES[0]!, "edge"));
      expect((await again().nodes()).records.length).toBe(NODES.length);
      const small = again(NODES.length);
      await small.putNode(seenAt(NODES[1]!, "mesh"));
      await expect(small.putNode(seenAt("one more", "edge"))).rejects.toThrow("records in nodes already");
      await expect(store.putNode(seenAt("x".repeat(501), ""))).rejects.toThrow("`node`: ");
    });

    it("is frozen until it is not", async () => {
      const freeze = {
        until: "2026-12-31T00:00:00.000Z",
        who: "me",
        why: "holidays",
        when: "2026-12-01T00:00:00.000Z",
      };
      await store.setFreeze(freeze);
      expect(await again().freeze()).toEqual(freeze);
      await store.setFreeze(null);
      await store.setFreeze(null);
      expect(await again().freeze()).toBeNull();
    });
  });
}
