/** What a client of the real ATS 9.2 may send in our headers' names: it has no effect, in any shape, on any path. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { sendRaw } from "../../scripts/envoy/request.ts";
import type { Predicate, ReleaseOutcome, Route } from "../../scripts/plan.ts";
import { ATS_IS_ABSENT, FALLBACK, Listening, WHY_NO_ATS } from "../support/ats-listening.ts";
import { loadFarm, tableOf } from "../support/farms.ts";
import { plainRule } from "../support/plans.ts";

let listening: Listening | undefined;
afterEach(async () => {
  await listening?.stop();
  listening = undefined;
});

const table = tableOf(loadFarm("small").plan);
const NAME = table.emit.find(({ kind }) => kind === "cluster")!.name;
/** A cluster that none of these requests goes to. */
const EVIL = table.cluster(table.deploymentCount - 1, 0);
const capitals = NAME.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());

/** Lines of a head. */
const SHAPES: string[][] = [
  [`${NAME}: ${EVIL}`],
  [`${capitals}: ${EVIL}`],
  [`${NAME.toUpperCase()}: ${EVIL}`],
  [`${NAME}: ${EVIL}`, `${NAME}: ${EVIL}`],
  [`${capitals}: ${EVIL}`, `${NAME}: other`, `${NAME.toUpperCase()}: ${EVIL}`],
  [`${NAME}:`, `${NAME}: ${EVIL}`],
  [`${NAME}: ${EVIL}, ${EVIL}`],
  [`${NAME}: "${EVIL}"`],
  [`${NAME}:${EVIL}`],
  [`${NAME}:\t ${EVIL} \t`],
  [`${NAME}: ${"x".repeat(4000)}`],
  [`${NAME.replaceAll("-", "_")}: ${EVIL}`],
  [`${capitals.replaceAll("-", "_")}: ${EVIL}`],
  [`${NAME.replace("-", "_")}: ${EVIL}`],
  [`${NAME.replaceAll("-", ".")}: ${EVIL}`],
  [`${NAME.replaceAll("-", "~")}: ${EVIL}`, `${NAME.replaceAll("-", "_")}: ${EVIL}`, `${NAME}: ${EVIL}`],
  [`${NAME}: a`, `Cookie: ${NAME}=${EVIL}`, `X-Forwarded-Host: ${EVIL}`],
  [`Cookie: a=b`, `${NAME}: ${EVIL}`, `TE: trailers`, `Trailer: ${NAME}`],
];
/** Those that would have a proxy drop what it adds: RFC 9110, 7.6.1. */
const NAMED = [
  [`Connection: ${NAME}, close`],
  [`Connection: close, ${capitals}`],
  [`Connection: close`, `Connection: ${NAME.toUpperCase()}`],
  [`connection:${NAME.replaceAll("-", "_")},close`],
  [`Connection: close`, `Proxy-Connection: close, ${NAME}`],
];
/** A wiki, a missing one, an unknown host, and requests that pass through. */
const HOSTS = ["en.wikipedia.org", "nosuch.wikipedia.org", "unknown.example", "10.0.0.1", "localhost"];

describe.skipIf(ATS_IS_ABSENT)(`forged headers in ATS${WHY_NO_ATS}`, () => {
  /** Where it came out, and with which headers that are ours in any spelling. */
  const ask = async (host: string, lines: string[], id: string) => {
    const close = lines.some((line) => /^connection:/i.test(line)) ? [] : ["Connection: close"];
    const head = ["GET /wiki/X HTTP/1.1", `Host: ${host}`, ...lines, ...close, `x-question: ${id}`];
    const response = await sendRaw(listening!.port(), `${head.join("\r\n")}\r\n\r\n`, 5000).catch(() => null);
    const seen = listening!.origins.seen.get(id);
    const folded = NAME.replaceAll("-", "");
    const ours = seen?.headers.filter(([name]) => name.replace(/[^a-z0-9]/g, "") === folded) ?? [];
    return { status: response?.status, origin: seen?.cluster, ours };
  };

  test("go, in every shape and whatever becomes of the request", async () => {
    listening = await Listening.start({ table, states: 2 });
    for (const host of HOSTS) {
      const plain = await ask(host, [], `${host} plain`);
      expect(plain.status).toBe(200);
      if (plain.origin === FALLBACK) expect(plain.ours).toEqual([]);
      else expect(plain.ours).toEqual([[NAME, plain.origin]]);
      for (const [i, lines] of SHAPES.entries())
        expect([lines, await ask(host, lines, `${host} ${i}`)]).toEqual([lines, plain]);
    }
  });

  test("are not dropped on the way by a Connection that names them", async () => {
    listening = await Listening.start({ table });
    for (const host of HOSTS) {
      for (const [i, lines] of NAMED.entries()) {
        const { status, origin, ours } = await ask(host, lines, `${host} named ${i}`);
        const where = [host, lines, status, origin, ours];
        if (status === 400) expect(origin).toBeUndefined();
        else if (origin === FALLBACK) expect([ours, where]).toEqual([[], where]);
        else expect([ours, where]).toEqual([[[NAME, origin]], where]);
      }
    }
  });

  test("have no effect without a table, without addresses, and where the script fails", async () => {
    const expectNobodyServed = async (status: number) => {
      for (const [i, lines] of SHAPES.entries())
        expect(await ask("en.wikipedia.org", lines, `${i}`)).toEqual({ status, origin: undefined, ours: [] });
    };
    listening = await Listening.start({ table, files: { "farm.table": "" } });
    await expectNobodyServed(503);
    await listening.stop();
    listening = await Listening.start({ table });
    listening.write("addresses.txt", `${EVIL} http://127.0.0.1:${listening.origins.ports.get(EVIL)}\n`);
    await sleep(1100);
    await expectNobodyServed(503);
    await listening.stop();
    listening = await Listening.start({
      table,
      files: { "pointsman.lua": "function do_remap() error('broken') end" },
    });
    await expectNobodyServed(502);
    expect(listening.ats.log()).toContain("broken");
    rmSync(join(listening.ats.folder, "etc/pointsman.lua"));
  });

  test("the cache has each host's own page", async () => {
    listening = await Listening.start({
      table,
      says: ["Cache-Control: max-age=1000"],
    });
    const get = (id: string, host: string) => {
      const head = ["GET /wiki/Cached HTTP/1.1", `Host: ${host}`, "Connection: close", `x-question: ${id}`];
      return sendRaw(listening!.port(), `${head.join("\r\n")}\r\n\r\n`);
    };
    await get("first", "en.wikipedia.org");
    await get("second", "en.wikipedia.org");
    await get("other", "de.wikipedia.org");
    // One host's page is not another's.
    expect([...listening.origins.seen.keys()]).toEqual(["first", "other"]);
  });

  test("what a preview or a debugging request gets is not cached for the others", async () => {
    const { plan } = loadFarm("small");
    const staff: Predicate = { subject: "header", test: "present", not: false, name: "x-staff" };
    const debug: Predicate = { subject: "header", test: "present", not: false, name: "x-debug" };
    const listeners = plan.listeners.map((one) => ({
      ...one,
      assets: [plainRule<ReleaseOutcome>({ release: 0 }, staff)],
      routes: [{ ...plainRule<Route>({ deployment: 0 }, debug), debug: true }, ...one.routes],
    }));
    listening = await Listening.start({
      table: tableOf({ ...plan, listeners }),
      says: ["Cache-Control: max-age=1000"],
    });
    const get = (id: string, path: string, line: string) => {
      const head = [
        `GET ${path} HTTP/1.1`,
        "Host: en.wikipedia.org",
        "Connection: close",
        `x-question: ${id}`,
        line,
      ];
      return sendRaw(listening!.port(), `${head.filter(Boolean).join("\r\n")}\r\n\r\n`);
    };
    for (const [name, line] of [
      ["staff", "x-staff: 1"],
      ["debug", "x-debug: 1"],
    ] as const) {
      await get(`${name} first`, `/wiki/${name}`, line);
      await get(`${name} reader`, `/wiki/${name}`, "");
      await get(`${name} cached`, `/wiki/${name}`, "");
    }
    expect([...listening.origins.seen.keys()]).toEqual([
      "staff first",
      "staff reader",
      "debug first",
      "debug reader",
    ]);
  });
});
