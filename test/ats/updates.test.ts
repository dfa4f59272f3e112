/** The real ATS 9.2 while its table changes: under load, with bad tables, without one, and without a table at its start. */
import { rmSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { writeWhole } from "../../scripts/disk/write-whole.ts";
import { encode } from "../../scripts/encode/encode.ts";
import { send } from "../../scripts/envoy/request.ts";
import type { Plan } from "../../scripts/plan.ts";
import { Table } from "../../scripts/table/table.ts";
import { ATS_IS_ABSENT, Listening, WHY_NO_ATS } from "../support/ats-listening.ts";
import { loadFarm } from "../support/farms.ts";

/** How often the table changes under load; `POINTSMAN_ATS_UPDATES=1000` takes a quarter of an hour. */
const UPDATES = Number(process.env.POINTSMAN_ATS_UPDATES ?? 50);
/** A look a second and state, and what a machine needs that does other things as well. */
const NOTICED_MS = 1100;

let listening: Listening | undefined;
afterEach(async () => {
  await listening?.stop();
  listening = undefined;
});

const { plan } = loadFarm("small");
const HOST = "en.wikipedia.org";

/** The small farm's table: enwiki in one release or in the other. */
function tableOf(generation: number): Table {
  const wikis = plan.wikis.map((wiki) =>
    wiki.id === "enwiki" ? { ...wiki, release: generation % plan.releases.length } : wiki,
  );
  return new Table(encode({ ...plan, wikis } as Plan, { generation, names: null }));
}

const fileOf = (ats: Listening) => join(ats.ats.folder, "etc/farm.table");

/** The cluster to which a request came; else its status. */
async function clusterOf({ origins }: Listening, port: number, id: string): Promise<string> {
  const response = await send({ port, host: HOST, path: "/wiki/X", headers: [["x-question", id]] });
  return origins.seen.get(id)?.cluster ?? `${response.status}`;
}

describe.skipIf(ATS_IS_ABSENT)(`ATS and updates${WHY_NO_ATS}`, () => {
  test("bad tables, half ones and none leave the old one in force, each with its sentence", async () => {
    const good = tableOf(1);
    listening = await Listening.start({ table: good, states: 2 });
    const { ats } = listening;
    const port = listening.port();
    const before = await clusterOf(listening, port, "before");
    const other = tableOf(2).bytes;
    const damaged = Buffer.from(other);
    damaged[200]! ^= 1;
    const bad: [string, () => void][] = [
      ["cut short or padded", () => listening!.write("farm.table", other.subarray(0, other.length / 2))],
      ["0 bytes: too short for a table", () => listening!.write("farm.table", "")],
      ["the checksum is wrong: the table is damaged", () => listening!.write("farm.table", damaged)],
      [
        'does not begin with "PNTS": not a table',
        () => listening!.write("farm.table", Buffer.alloc(5000, 7)),
      ],
      ["cannot be read: ", () => rmSync(fileOf(listening!))],
    ];
    for (const [i, [sentence, spoil]] of bad.entries()) {
      expect(ats.log()).not.toContain(sentence);
      spoil();
      await sleep(NOTICED_MS);
      for (let n = 0; n < 4; n++) expect(await clusterOf(listening, port, `${i} ${n}`)).toBe(before);
      const said = [...ats.log().matchAll(/pointsman: .*/g)].map(([one]) => one);
      const own = said.filter((one) => one.includes(sentence));
      expect(own[0]).toMatch(/^pointsman: table refused: \S*farm\.table: /);
      // Each of the two states says it once; what ATS writes to two logs stands there twice.
      expect(new Set(own).size).toBe(1);
      await expect.poll(async () => Object.values(await ats.metrics("pointsman.refused."))).toEqual([2]);
    }
    await expect
      .poll(async () => Object.values(await ats.metrics("pointsman.tables_refused.")))
      .toEqual([2 * bad.length]);
    // The table that serves comes back: nothing is refused any more.
    writeWhole(fileOf(listening), good.bytes);
    await sleep(NOTICED_MS);
    for (let n = 0; n < 4; n++) expect(await clusterOf(listening, port, `same ${n}`)).toBe(before);
    await expect.poll(async () => Object.values(await ats.metrics("pointsman.refused."))).toEqual([0]);
    writeWhole(fileOf(listening), other);
    await sleep(NOTICED_MS);
    for (let n = 0; n < 4; n++) expect(await clusterOf(listening, port, `good ${n}`)).not.toBe(before);
    await expect.poll(async () => Object.values(await ats.metrics("pointsman.generation."))).toEqual([2]);
    await expect.poll(async () => Object.values(await ats.metrics("pointsman.refused."))).toEqual([0]);
  });

  test("without a table at its start everything is a 503, until there is one", async () => {
    listening = await Listening.start({ table: tableOf(1), files: { "farm.table": "none" } });
    const port = listening.port();
    const forged: [string, string][] = [["x-mw-cluster", "mw-web-group1"]];
    expect(await send({ port, host: HOST, headers: forged })).toMatchObject({
      status: 503,
      body: "there is no table\n",
    });
    expect(listening.origins.seen.size).toBe(0);
    writeWhole(fileOf(listening), tableOf(1).bytes);
    await sleep(NOTICED_MS);
    expect((await send({ port, host: HOST })).status).toBe(200);
  });

  test("addresses are noticed too, and a bad line changes nothing", async () => {
    listening = await Listening.start({ table: tableOf(1) });
    const { ats, origins } = listening;
    const port = listening.port();
    const at = (cluster: string) => `http://127.0.0.1:${origins.ports.get(cluster)}`;
    const fallback = at("pass-through");
    listening.write("addresses.txt", `- ${fallback}\n\n# all of them\n* ${fallback}\n`);
    await sleep(NOTICED_MS);
    await send({ port, host: HOST, headers: [["x-question", "all"]] });
    expect(origins.seen.get("all")!.cluster).toBe("pass-through");
    listening.write("addresses.txt", `- ${fallback}\nmw-web-group1 nowhere\n`);
    await sleep(NOTICED_MS);
    await send({ port, host: HOST, headers: [["x-question", "bad"]] });
    expect(origins.seen.get("bad")!.cluster).toBe("pass-through");
    expect(ats.log()).toMatch(/pointsman: addresses refused: \S*addresses\.txt: line 2/);
    listening.write("addresses.txt", `- ${fallback}\n`);
    await sleep(NOTICED_MS);
    expect(await send({ port, host: HOST })).toMatchObject({
      status: 503,
      body: "there is no address for this cluster\n",
    });
  });

  test(`${UPDATES} updates under load: no failed request, and the memory is flat`, {
    timeout: 3_600_000,
  }, async () => {
    listening = await Listening.start({ table: tableOf(1), states: 4 });
    const { ats } = listening;
    const port = listening.port();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    let isGoing = true;
    const statuses = new Map<number | string, number>();
    const load = Array.from({ length: 8 }, async () => {
      while (isGoing) {
        const { status } = await send({ port, host: HOST, path: "/w/api.php", agent }).catch((error) => ({
          status: String(error),
        }));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    const memory: number[] = [];
    for (let generation = 2; generation < UPDATES + 2; generation++) {
      writeWhole(fileOf(listening), tableOf(generation).bytes);
      // Two updates a second: states take up some of them, and the last one all.
      await sleep(500);
      memory.push(ats.memory());
    }
    await sleep(NOTICED_MS);
    isGoing = false;
    await Promise.all(load);
    agent.destroy();
    expect([...statuses.keys()]).toEqual([200]);
    expect(statuses.get(200)).toBeGreaterThan(UPDATES * 20);
    await expect
      .poll(async () => Object.values(await ats.metrics("pointsman.generation.")))
      .toEqual([UPDATES + 1]);
    await expect.poll(async () => Object.values(await ats.metrics("pointsman.refused."))).toEqual([0]);
    const last = await clusterOf(listening, port, "last");
    expect(last).toBe(plan.clusters[0]![(UPDATES + 1) % plan.releases.length]);
    console.log(
      `${statuses.get(200)} requests; MiB: ${memory.map((one) => Math.round(one / 2 ** 20)).join(" ")}`,
    );
    const half = memory.slice(memory.length / 2);
    expect(Math.max(...half) - Math.min(...half)).toBeLessThan(8 * 2 ** 20);
  });
});
