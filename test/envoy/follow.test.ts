/**
 * `pointsman follow` beside real Envoys with two workers each, over a folder and over the real etcd: what is pushed
 * reaches them, is proven by their own gauges, and goes on being served while the store is killed or hangs.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import type { FollowStatus } from "../../scripts/follow/pages.ts";
import { parseEtcdPlace } from "../../scripts/store/etcd-place.ts";
import { EtcdStore } from "../../scripts/store/etcd-store.ts";
import { FolderStore } from "../../scripts/store/folder-store.ts";
import type { Store } from "../../scripts/store/store.ts";
import { projectPath } from "../support/data.ts";
import { Etcd, findEtcd } from "../support/etcd.ts";
import { olderFilter } from "../support/older-filter.ts";
import { Staying } from "../support/staying.ts";

const FIRST = "1.47.0-wmf.3";
const SECOND = "1.47.0-wmf.2";
const THIRD = "1.47.0-wmf.1";
const VERSIONS = ["1.46.0", THIRD, SECOND, FIRST];
const INSTANCES = 3;
const slug = (version: string) => version.replaceAll(".", "-");

/** A machine with its Envoy and what follows the store for it. */
interface Machine {
  name: string;
  envoy: EnvoyProcess;
  follow: Staying;
}

class Machines {
  readonly all: Machine[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "pointsman-follow-"));

  private constructor(
    readonly place: string,
    private readonly upstreams: Upstreams,
  ) {
    cpSync(projectPath("examples/small"), join(this.folder, "farm"), { recursive: true });
  }

  /** Each starts with generation 1, which is in the store too. @param place null: a folder */
  static async start(
    names: string[],
    place: string | null = null,
    wasm: Uint8Array | null = null,
  ): Promise<Machines> {
    const upstreams = await startUpstreams(VERSIONS.map((version) => `mw-web-${slug(version)}`));
    const machines = new Machines(place ?? "store", upstreams);
    try {
      await machines.well("pack", "--farm", "farm/farm.yaml", "--strip", "--out", "first.table");
      await machines.push();
      for (const name of names) await machines.add(name, wasm);
      return machines;
    } catch (error) {
      await machines.stop();
      throw error;
    }
  }

  private async add(name: string, wasm: Uint8Array | null): Promise<void> {
    const clusters = this.upstreams.clusters.flatMap((one) => [
      "--cluster",
      `${one.name}=127.0.0.1:${one.port}`,
    ]);
    const where = ["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"];
    await this.well("render", "envoy", "--table", "first.table", "--out", name, ...where, ...clusters);
    const config = join(this.folder, name, "envoy.yaml");
    if (wasm !== null) this.hideFilter(name);
    const envoy = await startConfigured(config, { envoy: await findEnvoy(), concurrency: 2 });
    if (wasm !== null) writeFileSync(join(this.folder, name, "pointsman.wasm"), wasm);
    const follow = await this.follow(name, envoy);
    this.all.push({ name, envoy, follow });
  }

  /** Where a relative path leads, Envoy alone knows: nobody else can ask the filter there. */
  private hideFilter(name: string): void {
    for (const file of ["envoy.yaml", "pointsman/main/pointsman.json"]) {
      const path = join(this.folder, name, file);
      const wasm = join(this.folder, name, "pointsman.wasm");
      const text = readFileSync(path, "utf8");
      expect(text).toContain(wasm);
      writeFileSync(path, text.replaceAll(wasm, relative(process.cwd(), wasm)));
    }
  }

  follow(name: string, { adminPort }: EnvoyProcess): Promise<Staying> {
    const to = ["--target", `envoy-files=${name}`, "--proxy", `http://127.0.0.1:${adminPort} main`];
    const args = ["follow", "--store", this.place, "--node", name, "--cache", `cache-${name}`, ...to];
    return Staying.start({ folder: this.folder, args });
  }

  /** Beside us, as upstreams answer in this process. */
  run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { PATH: process.env.PATH, POINTSMAN_WHO: "me", POINTSMAN_STORE: this.place };
    const cli = projectPath("build/pointsman.mjs");
    return new Promise((resolve) => {
      execFile(process.execPath, [cli, ...args], { cwd: this.folder, env }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
    });
  }

  async well(...args: string[]): Promise<void> {
    const { code, err } = await this.run(...args);
    expect(code, err).toBe(0);
  }

  /** @param version that testwiki runs from then on */
  async push(version?: string, ...more: string[]): Promise<void> {
    if (version !== undefined) {
      const file = join(this.folder, "farm/wikiversions.json");
      const versions = JSON.parse(readFileSync(file, "utf8"));
      writeFileSync(file, JSON.stringify({ ...versions, testwiki: `php-${version}` }));
    }
    await this.well("push", "--farm", "farm/farm.yaml", "--yes", "--reason", "x", ...more);
  }

  get store(): Store {
    return this.place.startsWith("etcd:")
      ? new EtcdStore(parseEtcdPlace(this.place, {}))
      : new FolderStore(join(this.folder, this.place));
  }

  /** Of each machine: how `follow` says that it stands, at which generation, and the version that requests get. */
  look(): Promise<[state: string, generation: number | null, version: string][]> {
    return Promise.all(
      this.all.map(async ({ envoy, follow }) => {
        const { state, wanted } = await follow.status<FollowStatus>();
        const { body } = await send({ port: envoy.port, host: "test.wikipedia.org" });
        const { cluster } = JSON.parse(body) as Seen;
        const version = VERSIONS.find((one) => cluster === `mw-web-${slug(one)}`);
        return [state, wanted?.generation ?? null, version ?? cluster];
      }),
    );
  }

  async are(...expected: [state: string, generation: number | null, version: string][]): Promise<void> {
    await expect.poll(() => this.look(), { timeout: 20_000 }).toEqual(expected);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map(({ follow }) => follow.stop()));
    await Promise.all(this.all.map(({ envoy }) => envoy.stop()));
    await this.upstreams.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let machines: Machines | null = null;
let etcd: Etcd | null = null;
afterEach(async () => {
  await machines?.stop();
  await etcd?.stop();
  machines = null;
  etcd = null;
});

test("a push and a rollback reach every machine, and the store is told what their gauges prove", async () => {
  machines = await Machines.start(["a", "b"]);
  await machines.are(["proven", 1, FIRST], ["proven", 1, FIRST]);
  await machines.push(SECOND);
  await machines.are(["proven", 2, SECOND], ["proven", 2, SECOND]);
  await machines.well("rollback");
  await machines.are(["proven", 3, FIRST], ["proven", 3, FIRST]);
  const { digest } = (await machines.store.head()).rollout!;
  const what = `${INSTANCES} of ${INSTANCES} instances`;
  const listeners = [
    { listener: "main", generation: 3, digest: digest.slice(0, 12), verdict: "served", what },
  ];
  await expect
    .poll(async () =>
      (await machines!.store.reports()).records.map(({ node, listeners }) => ({ node, listeners })),
    )
    .toEqual(
      expect.arrayContaining([
        { node: "a", listeners },
        { node: "b", listeners },
      ]),
    );
});

test("status knows by reports what cannot be asked, and that a node which ends to report is silent", async () => {
  machines = await Machines.start(["a", "b"]);
  await machines.push(SECOND);
  await machines.are(["proven", 2, SECOND], ["proven", 2, SECOND]);
  const all = await machines.run("status", "--wait", "10s");
  expect(all).toMatchObject({ code: 0, err: "" });
  expect(all.out).toMatch(
    /^report:a {2}main {2}served {2}generation 2 of \S+, 3 of 3 instances, as it reported /m,
  );
  expect(all.out).toContain("generation 2 is served by 2 of 2 proxies");
  const [a, b] = machines.all as [Machine, Machine];
  await b.envoy.stop();
  await expect
    .poll(async () => (await machines!.run("status")).out, { timeout: 20_000 })
    .toMatch(/^report:b {2}- +SILENT +it does not answer/m);
  await a.follow.stop("SIGKILL");
  const listed = ["--proxy", "report:a main", "--wait", "1s"];
  expect(await machines.run("status", ...listed)).toMatchObject({ code: 0 });
  await expect
    .poll(async () => machines!.run("status", ...listed), { timeout: 40_000 })
    .toMatchObject({
      code: 1,
      out: expect.stringMatching(/^report:a {2}- {2}SILENT {2}no report: it is over/m),
    });
  machines.all.splice(1);
  await b.follow.stop();
});

test("of a staged rollout, a machine gets what its stage is to have", async () => {
  machines = await Machines.start(["a", "b"]);
  await machines.push(SECOND);
  await machines.are(["proven", 2, SECOND], ["proven", 2, SECOND]);
  await Promise.all(machines.all.map(({ follow }) => follow.stop()));
  await machines.push(THIRD);
  const { store } = machines;
  const { revision, rollout } = await store.head();
  const staged = {
    stages: [{ name: "canary", nodes: ["a"] }, { name: "all" }],
    at: 0,
    state: "going" as const,
  };
  expect(await store.swap(revision, { ...rollout!, ...staged })).toBe(true);
  for (const one of machines.all) one.follow = await machines.follow(one.name, one.envoy);
  await machines.are(["proven", 3, THIRD], ["proven", 2, SECOND]);
  const next = await store.head();
  expect(await store.swap(next.revision, { ...next.rollout!, at: 1 })).toBe(true);
  await machines.are(["proven", 3, THIRD], ["proven", 3, THIRD]);
});

test("a push in stages is proven by what machines report", async () => {
  machines = await Machines.start(["a", "b"]);
  await machines.are(["proven", 1, FIRST], ["proven", 1, FIRST]);
  const farm = join(machines.folder, "farm/farm.yaml");
  const stages = "stages: { canary: { nodes: [a], bake: 1s } }\nrollout: { errors: off, latency: off }\n";
  writeFileSync(farm, `${readFileSync(farm, "utf8")}\n${stages}`);
  const proxies = ["--proxy", "report:a main", "--proxy", "report:b main"];
  await machines.push(SECOND, "--stages", "canary,all", ...proxies);
  expect((await machines.store.head()).rollout).toMatchObject({ generation: 2, at: 1, state: "done" });
  await machines.are(["proven", 2, SECOND], ["proven", 2, SECOND]);
});

test("a filter that runs and refuses is heard by its gauge, and remembered until the next push", async () => {
  machines = await Machines.start(["a"], null, olderFilter());
  await machines.are(["proven", 1, FIRST]);
  await machines.push(SECOND);
  await machines.are(["refused", 2, FIRST]);
  const [{ follow }] = machines.all as [Machine];
  const { why } = await follow.status<FollowStatus>();
  expect(why).toMatch(
    /^http:\S+ main: the filter refused it \(3\): Of another layout than this filter reads\./,
  );
  await expect
    .poll(async () => {
      const { rollout } = await machines!.store.head();
      return (await machines!.store.refusals([rollout!.digest])).records;
    })
    .toMatchObject([{ node: "a", generation: 2, why }]);
  expect((await machines.store.reports()).records).toMatchObject([
    { listeners: [{ generation: 1, verdict: "behind", what: expect.stringContaining("another layout") }] },
  ]);
  writeFileSync(join(machines.folder, "a/pointsman.wasm"), readFileSync(projectPath("build/pointsman.wasm")));
  await machines.push(THIRD);
  await machines.are(["proven", 3, THIRD]);
});

describe("over etcd", () => {
  beforeAll(async () => void (await findEtcd()));

  test("all goes on while it is killed or hangs, which is said, and what comes then reaches the machine", async () => {
    etcd = await Etcd.start();
    machines = await Machines.start(["a"], `etcd://${etcd.address}/pointsman`);
    await machines.are(["proven", 1, FIRST]);
    const [machine] = machines.all as [Machine];
    const trouble = async () => (await machine.follow.status<FollowStatus>()).store.trouble?.kind ?? null;
    await etcd.kill();
    await expect.poll(trouble, { timeout: 10_000 }).toBe("away");
    await machines.are(["proven", 1, FIRST]);
    expect(await machine.follow.stop("SIGKILL")).toBeNull();
    machine.follow = await machines.follow("a", machine.envoy);
    await machines.are(["proven", 1, FIRST]);
    expect(await trouble()).toBe("away");
    await etcd.start();
    await expect.poll(trouble, { timeout: 10_000 }).toBeNull();
    await machines.push(SECOND);
    await machines.are(["proven", 2, SECOND]);
    await etcd.pause();
    await expect.poll(trouble, { timeout: 10_000 }).toBe("away");
    await machines.are(["proven", 2, SECOND]);
    etcd.continue();
    await expect.poll(trouble, { timeout: 10_000 }).toBeNull();
    await machines.push(THIRD);
    await machines.are(["proven", 3, THIRD]);
    expect(machine.follow.said.match(/is there again/g)).toHaveLength(2);
    await expect
      .poll(async () => (await machines!.store.reports()).records, { timeout: 10_000 })
      .toMatchObject([{ node: "a", listeners: [{ generation: 3, verdict: "served" }] }]);
  });
});
