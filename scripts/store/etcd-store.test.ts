/** The store in etcd, over the real one: what every store does, TLS, users, and what becomes of it when etcd is away. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { certificates } from "../../test/support/certificates.ts";
import { Etcd, findDebianEtcd } from "../../test/support/etcd.ts";
import { folderOf } from "../../test/support/folder.ts";
import { entryOf, pushTo, reportOf, rolloutOf, storeSuite, tableOf } from "../../test/support/store-suite.ts";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import { parseEtcdPlace } from "./etcd-place.ts";
import { EtcdStore } from "./etcd-store.ts";
import { StoreAway } from "./store.ts";

let etcd: Etcd;
let prefixes = 0;
beforeAll(async () => {
  etcd = await Etcd.start();
});
afterAll(() => etcd.stop());

const storeAt = (url: string, env: NodeJS.ProcessEnv = {}, timeoutMs?: number, recordsAtMost?: number) =>
  new EtcdStore(parseEtcdPlace(url, env), timeoutMs, recordsAtMost);
const fresh = () => `etcd://${etcd.address}/test/${++prefixes}`;

storeSuite("etcd", () => {
  const url = fresh();
  return { store: storeAt(url), again: (recordsAtMost) => storeAt(url, {}, undefined, recordsAtMost) };
});

const debian = findDebianEtcd();
if ("why" in debian) {
  it("the store over Debian's etcd", ({ skip }) => {
    if (process.env.CI) expect.fail(debian.why);
    skip(debian.why);
  });
} else {
  describe("Debian's etcd", () => {
    let old: Etcd;
    beforeAll(async () => {
      old = await Etcd.start({ binary: debian.etcd });
    });
    afterAll(() => old.stop());
    storeSuite("etcd 3.4", () => {
      const url = `etcd://${old.address}/test/${++prefixes}`;
      return { store: storeAt(url), again: (recordsAtMost) => storeAt(url, {}, undefined, recordsAtMost) };
    });
  });
}

describe("a store in etcd", () => {
  it("has the keys that the documents name, and no other", async () => {
    const url = fresh();
    const store = storeAt(url);
    await pushTo(store, tableOf(1));
    await store.setFreeze({
      until: "2026-12-31T00:00:00.000Z",
      who: "a",
      why: "b",
      when: "2026-12-01T00:00:00.000Z",
    });
    const prefix = `/test/${prefixes}/`;
    const keys = (await etcd.keys()).filter((key) => key.startsWith(prefix));
    expect(keys.map((key) => key.slice(prefix.length))).toEqual([
      "freeze",
      "history/0000000002",
      "rollout",
      `tables/${tableOf(1).digest}`,
    ]);
    expect(store.name).toBe(url);
  });

  it("keeps apart what only begins alike", async () => {
    const [one, other] = [fresh(), fresh()];
    await pushTo(storeAt(`${one}/x`), tableOf(1));
    await pushTo(storeAt(`${one}/x-y`), tableOf(2));
    expect((await storeAt(`${one}/x`).history()).entries).toEqual([entryOf(tableOf(1))]);
    expect((await storeAt(one).history()).entries).toEqual([]);
    expect((await storeAt(other).head()).rollout).toBeNull();
  });

  it("tells a history of several pages", async () => {
    const store = storeAt(fresh());
    await pushTo(store, tableOf(1));
    const { value } = { value: (await etcd.get(`/test/${prefixes}/history/0000000002`))! };
    const of = (generation: number) => value.replace('"generation":2', `"generation":${generation}`);
    for (let generation = 3; generation <= 450; generation++) {
      await etcd.put(`/test/${prefixes}/history/${String(generation).padStart(10, "0")}`, of(generation));
    }
    const { entries, warnings } = await store.history();
    expect(warnings).toEqual([]);
    expect(entries.map(({ generation }) => generation)).toEqual(Array.from({ length: 449 }, (_, i) => i + 2));
  });

  it("is compacted and goes on", async () => {
    const store = storeAt(fresh());
    await pushTo(store, tableOf(1));
    await pushTo(store, tableOf(2));
    const { revision } = await store.head();
    await etcd.ask("kv/compaction", { revision, physical: true });
    expect((await store.head()).revision).toBe(revision);
    expect(await pushTo(store, tableOf(3))).toBe(true);
    expect((await store.history()).entries.length).toBe(3);
  });

  it.each([
    ["", "not JSON"],
    ["[]", "expected object"],
    ['{"__proto__": {}}', "`swap`"],
    [(text: string) => text.slice(0, -20), "not JSON"],
    [(text: string) => text.replace('"going"', '"gone"'), "`rollout.state`: "],
    [(text: string) => text.replace(/"digest":"./, '"digest":"/'), "must be a table's digest"],
    ["x".repeat(1_100_000), "too large for a record"],
  ])("with a damaged rollout says so, and still has its tables", async (damage, why) => {
    const store = storeAt(fresh());
    await pushTo(store, tableOf(1));
    const key = `/test/${prefixes}/rollout`;
    await etcd.put(key, typeof damage === "string" ? damage : damage((await etcd.get(key))!));
    const error = await store.head().catch((error) => error);
    expect(error).toBeInstanceOf(SourceError);
    expect(error.message).toContain(`${store.name}/rollout: `);
    expect(error.message).toContain(why);
    expect((await store.table(tableOf(1).digest)).digest).toBe(tableOf(1).digest);
  });

  it("leaves out what is no entry of the history, with its key", async () => {
    const store = storeAt(fresh());
    await pushTo(store, tableOf(1));
    await pushTo(store, tableOf(2));
    const at = (key: string) => `/test/${prefixes}/history/${key}`;
    await etcd.put(at("0000000002"), "{}");
    await etcd.put(at("0000000009"), (await etcd.get(at("0000000003")))!);
    const { entries, warnings } = await store.history();
    expect(entries).toEqual([entryOf(tableOf(2))]);
    expect(warnings).toEqual([
      expect.stringContaining(`${store.name}/history/0000000002: left out: `),
      `${store.name}/history/0000000009: left out: it holds generation 3`,
    ]);
  });

  it("refuses a table that is not what its key says, and a push of it mends it", async () => {
    const store = storeAt(fresh());
    const [one, two] = [tableOf(1), tableOf(2)];
    const flipped = Buffer.from(one.bytes);
    flipped[flipped.length - 1]! ^= 1;
    for (const bytes of [two.bytes, one.bytes.subarray(0, 100), flipped, Buffer.alloc(0)]) {
      await etcd.put(`/test/${prefixes}/tables/${one.digest}`, bytes);
      const error = await store.table(one.digest).catch((error) => error);
      expect(error).toBeInstanceOf(SourceError);
      expect(error.message).toContain(`${store.name}/tables/${one.digest}: `);
      await store.putTable(one);
      expect(Buffer.from((await store.table(one.digest)).bytes)).toEqual(Buffer.from(one.bytes));
    }
  });

  it("leaves out records of nodes that are damaged or another's", async () => {
    const store = storeAt(fresh());
    for (const node of ["a", "b", "c"]) await store.putReport(reportOf(node), 60);
    const start = `/test/${prefixes}/reports/`;
    const [first, second] = (await etcd.keys()).filter((key) => key.startsWith(start));
    const whole = (await etcd.get(first!))!;
    await etcd.put(second!, whole);
    await etcd.put(first!, whole.slice(0, -9));
    const { records, warnings } = await store.reports();
    expect(records.length).toBe(1);
    const shown = (key: string) => `${store.name}/reports/${key.slice(start.length)}`;
    expect(warnings).toEqual([
      expect.stringContaining(`${shown(first!)}: left out: not JSON`),
      `${shown(second!)}: left out: it is of another node`,
    ]);
  });

  it("puts reports of many nodes some at a time, so that they hold up no question", async () => {
    const { createServer, request } = await import("node:http");
    let [now, most] = [0, 0];
    const proxy = createServer((from, answer) => {
      most = Math.max(most, ++now);
      answer.on("close", () => now--);
      const to = { host: "127.0.0.1", port: etcd.port, path: from.url, method: "POST" };
      from.pipe(request(to, (response) => response.pipe(answer)));
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = proxy.address() as { port: number };
      const store = storeAt(`etcd://127.0.0.1:${port}/test/${++prefixes}`);
      const nodes = Array.from({ length: 100 }, (_, i) => reportOf(`node ${i}`));
      await Promise.all(nodes.map((report) => store.putReport(report, 60)));
      expect(most).toBeGreaterThan(4);
      expect(most).toBeLessThanOrEqual(16);
      expect((await store.reports()).records.length).toBe(100);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it("never writes over a generation of its history, though the rollout object was restored", async () => {
    const store = storeAt(fresh());
    await pushTo(store, tableOf(1));
    const key = `/test/${prefixes}/rollout`;
    const before = (await etcd.get(key))!;
    await pushTo(store, tableOf(2));
    await etcd.put(key, before);
    await expect(pushTo(store, tableOf(4, 3))).rejects.toThrow("the history has this generation already");
    expect((await store.history()).entries.at(-1)).toEqual(entryOf(tableOf(2)));
    expect(await etcd.get(key)).toBe(before);
  });

  it("knows its own swap again where the first answer did not come", async () => {
    // Two endpoints: of the first one, the answer is cut off after etcd has done it.
    const { createServer, request } = await import("node:http");
    let cut = 0;
    const proxy = createServer((from, answer) => {
      const on = request(
        { host: "127.0.0.1", port: etcd.port, path: from.url, method: "POST" },
        (response) => {
          response.on("data", (chunk) => {
            if (!from.url!.endsWith("txn")) return answer.write(chunk);
            cut++;
            from.socket.destroy();
          });
          response.on("end", () => answer.end());
        },
      );
      from.pipe(on);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = proxy.address() as { port: number };
      const store = storeAt(`etcd://127.0.0.1:${port},${etcd.address}/test/${++prefixes}`);
      const { revision } = await store.head();
      const [table] = [tableOf(1)];
      expect(await store.swap(revision, rolloutOf(table), entryOf(table))).toBe(true);
      expect(cut).toBeGreaterThan(0);
      expect(await store.swap(revision, rolloutOf(table), entryOf(table))).toBe(false);
      expect((await store.history()).entries).toEqual([entryOf(table)]);
      const alone = storeAt(`etcd://127.0.0.1:${port}/test/${++prefixes}`);
      const unclear = await alone.swap("0", rolloutOf(table), entryOf(table)).catch((error) => error);
      expect(unclear).toBeInstanceOf(StoreAway);
      expect(unclear.message).toContain("it may have been written: `pointsman history` says so");
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it("swaps for one of many at once", async () => {
    const url = fresh();
    const { revision } = await storeAt(url).head();
    const swaps = Array.from({ length: 12 }, (_, i) => {
      const table = tableOf(i, 5);
      return storeAt(url).swap(revision, rolloutOf(table), entryOf(table));
    });
    expect((await Promise.all(swaps)).filter(Boolean)).toEqual([true]);
    expect((await storeAt(url).history()).entries.length).toBe(1);
  });

  it("goes to the next endpoint where one is gone, and stays there", async () => {
    const url = fresh().replace("etcd://", "etcd://127.0.0.1:1,");
    const store = storeAt(url);
    expect(await pushTo(store, tableOf(1))).toBe(true);
    expect((await store.history()).entries.length).toBe(1);
  });

  it.each([
    ["etcd://127.0.0.1:1/x", "127.0.0.1:1: it does not answer: nothing listens there"],
    ["etcds://127.0.0.1:ETCD/x", "it does not answer: "],
  ])("says of each endpoint why it does not answer: %s", async (url, why) => {
    const store = storeAt(url.replace("ETCD", String(etcd.port)));
    const error = await store.head().catch((error) => error);
    expect(error).toBeInstanceOf(StoreAway);
    expect(error.message).toContain(`${store.name}/rollout: etcd does not answer: `);
    expect(error.message).toContain(why);
  });

  it("says that something else than an etcd is there", async () => {
    const { createServer } = await import("node:http");
    const answers = ["<html>", "{}", '{"kvs": [{"key": "?"}]}', '{"kvs": 1}', "null"];
    let next = 0;
    const server = createServer((_, answer) => answer.end(answers[next++]));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const store = storeAt(`etcd://127.0.0.1:${(server.address() as { port: number }).port}/x`);
      for (const answer of answers) {
        const found = await store.head().catch((error) => error);
        if (answer === "{}") expect(found.rollout).toBeNull();
        else expect(found.message).toContain("this is no answer of etcd's v3 API");
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("refuses a table above etcd's limit with the way out", async () => {
    const small = await Etcd.start({ flags: ["--max-request-bytes", "200"] });
    try {
      const store = storeAt(`etcd://${small.address}/x`);
      const error = await store.putTable(tableOf(1)).catch((error) => error);
      expect(error).toBeInstanceOf(Refusal);
      expect(error.message).toContain("--max-request-bytes");
    } finally {
      await small.stop();
    }
  });
});

describe("an etcd of one's own", () => {
  let own: Etcd;
  afterEach(() => own.stop());

  it("that was killed has what was pushed, and takes the next push as soon as it is back", async () => {
    own = await Etcd.start();
    const store = storeAt(`etcd://${own.address}/x`);
    await pushTo(store, tableOf(1));
    await own.kill();
    await expect(store.head()).rejects.toThrow(StoreAway);
    await own.start();
    expect((await store.head()).rollout).toEqual(rolloutOf(tableOf(1)));
    expect(await pushTo(store, tableOf(2))).toBe(true);
  });

  it("that hangs is told in time, and taken again when it goes on", async () => {
    own = await Etcd.start();
    const store = storeAt(`etcd://${own.address}/x`, {}, 500);
    await pushTo(store, tableOf(1));
    await own.pause();
    const since = Date.now();
    await expect(store.head()).rejects.toThrow(`${own.address}: no answer within 0.5 s`);
    expect(Date.now() - since).toBeLessThan(1500);
    own.continue();
    expect((await store.head()).rollout).toEqual(rolloutOf(tableOf(1)));
  });

  it("by TLS, with a client's certificate", async () => {
    const folder = folderOf({});
    const { ca, cert, key, clientCert, clientKey } = certificates(folder);
    own = await Etcd.start({ tls: { cert, key, clientCa: ca } });
    const url = `etcds://${own.address}/x`;
    const env = { ETCDCTL_CACERT: ca, ETCDCTL_CERT: clientCert, ETCDCTL_KEY: clientKey };
    expect(await pushTo(storeAt(url, env), tableOf(1))).toBe(true);
    expect((await storeAt(url, env).head()).rollout).toEqual(rolloutOf(tableOf(1)));
    await expect(storeAt(url, { ETCDCTL_CACERT: ca }).head()).rejects.toThrow(StoreAway);
    await expect(storeAt(url).head()).rejects.toThrow(/certificate/);
    expect(() => storeAt(url, { ETCDCTL_CERT: clientCert })).toThrow("ETCDCTL_CERT and ETCDCTL_KEY");
    expect(() => storeAt(url, { ETCDCTL_CACERT: "/gone" })).toThrow("ETCDCTL_CACERT: cannot read `/gone`");
  });

  it("with users, whose tokens expire", async () => {
    own = await Etcd.start({ flags: ["--auth-token-ttl", "1"] });
    await own.ask("auth/role/add", { name: "root" });
    await own.ask("auth/role/add", { name: "pusher" });
    const perm = { permType: "READWRITE", key: btoa("/x/"), range_end: btoa("/x0") };
    await own.ask("auth/role/grant", { name: "pusher", perm });
    for (const [name, password, role] of [
      ["root", "r00t", "root"],
      ["zoe", "p@ss:/w", "pusher"],
    ]) {
      await own.ask("auth/user/add", { name, password });
      await own.ask("auth/user/grant", { user: name, role });
    }
    await own.ask("auth/enable");
    const url = `etcd://zoe:p%40ss%3A%2Fw@${own.address}/x`;
    const store = storeAt(url);
    expect(store.name).toBe(`etcd://${own.address}/x`);
    expect(await pushTo(store, tableOf(1))).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 3500));
    expect((await store.head()).rollout).toEqual(rolloutOf(tableOf(1)));
    await own.kill();
    await own.start(); // which forgets all tokens
    expect(await pushTo(store, tableOf(2))).toBe(true);

    const bare = `etcd://${own.address}/x`;
    for (const env of [{ ETCDCTL_USER: "zoe:p@ss:/w" }, { ETCDCTL_USER: "zoe", ETCDCTL_PASSWORD: "p@ss:/w" }])
      expect((await storeAt(bare, env).head()).rollout).toEqual(rolloutOf(tableOf(2)));
    const refused = async (url: string, env: NodeJS.ProcessEnv, why: string | RegExp) => {
      const error = await storeAt(url, env)
        .head()
        .catch((error) => error);
      expect(error).toBeInstanceOf(Refusal);
      expect(error.message).toMatch(why);
      expect(error.message).not.toContain("s3cret");
    };
    await refused(bare, { ETCDCTL_USER: "zoe:s3cret" }, /etcd does not take user zoe: /);
    await refused(bare, {}, "by ETCDCTL_USER and ETCDCTL_PASSWORD");
    await refused(url.replace("/x", "/y"), {}, "it needs readwrite on what begins with /y/");
  });
});

describe("a store's URL", () => {
  it.each([
    ["etcd://", "a store in etcd looks like etcd://host:port"],
    ["etcd://h", "needs a prefix"],
    ["etcd://h/", "needs a prefix"],
    ["etcd://h/a b", "needs a prefix"],
    ["etcd://h//x", "needs a prefix"],
    ["etcd://h:x/p", "`h:x` is no host:port"],
    ["etcd://a,/p", "`` is no host:port"],
    ["etcd://zoe@h/p", "say it in ETCDCTL_PASSWORD"],
    ["etcd://zoe:s3cret%@h/p", "must be percent-encoded"],
    ["etcd://zoe:s3cret/@h/p", "a store in etcd looks like"],
    ["etcd://zoe:s3cret@x@h/p", "a store in etcd looks like"],
    ["etcd://zoe:s3cret@h/p/?", "needs a prefix"],
  ])("%s is refused, and no password told", (url, why) => {
    expect(() => parseEtcdPlace(url, {})).toThrow(why);
    expect(() => parseEtcdPlace(url, {})).not.toThrow("s3cret");
  });

  it("has etcd's port where it names none, and may name several", () => {
    const { endpoints, name, prefix } = parseEtcdPlace("etcds://u:p@a,b:80,[::1]:443/x/y/", {});
    expect(endpoints.map(String)).toEqual(["https://a:2379/", "https://b:80/", "https://[::1]/"]);
    expect([name, prefix]).toEqual(["etcds://a,b:80,[::1]:443/x/y", "/x/y"]);
  });
});
