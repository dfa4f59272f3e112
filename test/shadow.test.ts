/** A filter in shadow, in the simulator: it says what the readers decide, and leaves the request as it is. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ats102,
  envoy140,
  Faults,
  type Pair,
  type Profile,
  type RootContext,
  type TraceEvent,
  Vm,
} from "../host-sim/index.ts";
import { filter } from "../scripts/filter.ts";
import { decide } from "../scripts/table/decide.ts";
import type { Answer, Request, Where } from "../scripts/table/request.ts";
import { parseShadow, SHADOW_HEADER } from "../scripts/table/shadow.ts";
import type { Table } from "../scripts/table/table.ts";
import { PLAN } from "./envoy/farm.ts";
import { reference } from "./reference.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, tableOf } from "./support/farms.ts";
import { filterWithPages } from "./support/less-memory.ts";
import { asInAts, requestsFor, wheresFor } from "./support/requests.ts";

const RUNS = Number(process.env.POINTSMAN_RUNS ?? 8_000);
const SMALL = tableOf(loadFarm("small").plan);
const PAGE: Pair[] = [
  [":authority", "en.wikipedia.org"],
  [":path", "/w/api.php"],
  [":method", "GET"],
];
const FORGED: Pair[] = [
  [SHADOW_HEADER, "cluster=evil;release=evil"],
  ["x-mw-cluster", "whoever-routes-today"],
  [SHADOW_HEADER, "pass"],
];

function configuration(table: Table, settings: object = {}): string {
  return JSON.stringify({ shadow: true, ...settings, table: Buffer.from(table.bytes).toString("base64") });
}

async function start(table: Table, profile: Profile = envoy140, settings: object = {}): Promise<RootContext> {
  const vm = await Vm.load(filter, { profile });
  const root = vm.createRoot({
    rootId: "",
    configuration: configuration(table, settings),
    allowOnHeadersStopIteration: true,
  });
  expect(root.refused).toBe(null);
  return root;
}

const words = (headers: readonly Pair[]) =>
  headers.filter(([name]) => name.toLowerCase() === SHADOW_HEADER).map(([, value]) => value);

describe("a filter in shadow", () => {
  const farms = [
    { name: "the Envoy tests' farm", plan: () => PLAN, skip: false },
    { name: "production", plan: () => loadFarm("production").plan, skip: DATA_IS_ABSENT },
  ];
  for (const { name, plan: load, skip } of farms) {
    for (const profile of [envoy140, ats102]) {
      it.skipIf(skip)(
        `says what decoder and reference say, and changes nothing: ${name} in ${profile.name}${skip ? WHY_SKIPPED : ""}`,
        { timeout: 600_000 },
        async () => {
          const plan = load();
          const table = tableOf(plan);
          const naive = reference(plan);
          const bodiless = !profile.pseudoHeaders;
          const roots = new Map<string, RootContext>();
          const seen = { route: 0, reply: 0, pass: 0, body: 0 };
          for (const where of wheresFor(plan)) {
            const { listener, secondary } = where;
            const settings = { listener: listener ?? "", datacentre: "a", primary: secondary ? "b" : "a" };
            roots.set(JSON.stringify(where), await start(table, profile, settings));
          }
          const agree = (request: Request, where: Where) => {
            const { authority, target, method = "GET", headers = [], body = null, client } = request;
            const pairs: Pair[] = [
              ...(authority === null ? [] : [[":authority", authority] as Pair]),
              [":method", method],
              [":path", target],
              ...headers.map(([one, value]): Pair => [one.toLowerCase(), value]),
              ...FORGED,
            ];
            const seenByFilter = bodiless ? asInAts(request) : request;
            if (seenByFilter === null) return;
            const root = roots.get(JSON.stringify(where))!;
            const events: TraceEvent[] = [];
            root.vm.trace = (event) => events.push(event);
            const result = root.request({
              headers: pairs,
              response: { headers: [[":status", "200"]] },
              ...(body !== null && { body: Buffer.from(body, "latin1") }),
              ...(client && {
                properties: { "source.address": client.includes(":") ? `[${client}]:1` : `${client}:1` },
              }),
            });
            root.vm.trace = null;
            expect([result.trapped, result.localReply]).toEqual([null, null]);
            // It reads, and writes its one header.
            const calls = events.flatMap((event) => (event.type === "hostcall" ? [event] : []));
            const writes = calls.filter((one) => !/^proxy_get_(header_map_pairs|property)$/.test(one.name));
            expect(writes.map((one) => [one.name, one.args.key])).toEqual(
              (bodiless ? ["remove", "add"] : ["replace"]).map((verb) => [
                `proxy_${verb}_header_map_value`,
                SHADOW_HEADER,
              ]),
            );
            const [word, ...more] = words(result.headers);
            expect(more).toEqual([]);

            const asked = { ...where, bodiless };
            const expected = naive({ ...seenByFilter, body: null }, asked);
            expect(decide(table, { ...seenByFilter, body: null }, asked).answer).toEqual(expected);
            const waits = !bodiless && body !== null && isJob(table, request, asked);
            expect(parseShadow(word!), word).toEqual(shown(expected, waits));
            seen[waits ? "body" : expected.kind]++;
          };
          const wheres = fc.constantFrom(...wheresFor(plan));
          fc.assert(fc.property(requestsFor(plan), wheres, agree), { numRuns: RUNS });
          for (const [kind, count] of Object.entries(seen))
            if (kind !== "body" || !bodiless) expect([kind, count > RUNS / 2000]).toEqual([kind, true]);
        },
      );
    }
  }

  it("says it in these forms", async () => {
    const root = await start(tableOf(PLAN), envoy140, { listener: "edge" });
    const word = (authority: string, path: string, more: Pair[] = [], body?: string) =>
      words(
        root.request({
          headers: [[":authority", authority], [":path", path], [":method", "POST"], ...more],
          ...(body !== undefined && { body: Buffer.from(body) }),
        }).headers,
      );
    const RELEASE = "1.47.0-wmf.2";
    expect(word("test.wiki.example", "/")).toEqual([
      `cluster=web-${RELEASE};wiki=testwiki;release=${RELEASE}`,
    ]);
    expect(word("unknown.example", "/")).toEqual(["cluster=web-1.47.0-wmf.1;release=1.47.0-wmf.1"]);
    expect(word("no.wiki.example", "/")).toEqual(["reply=404"]);
    expect(word("new.wiki.example", "/")).toEqual(["reply=410"]);
    expect(word("a.wmnet", "/", FORGED)).toEqual(["pass"]);
    const JOB = "/rpc/RunSingleJob.php";
    const body = '{"database":"testwiki"}';
    expect(word("a.example", JOB, [], body)).toEqual([
      "cluster=jobs-1.47.0-wmf.1;release=1.47.0-wmf.1;wiki-from=body",
    ]);
    expect(word("a.example", JOB)).toEqual(["cluster=jobs-1.47.0-wmf.1;release=1.47.0-wmf.1"]);
  });

  it("lets requests go where it can decide nothing: no table, no room for headers", async () => {
    const vm = await Vm.load(filter);
    const refused = vm.createRoot({ configuration: '{"shadow":true,"listener":"edge"}' });
    expect(refused.refused).not.toBe(null);
    const nothing = refused.request({ headers: [...PAGE, ...FORGED] });
    expect([nothing.localReply, words(nothing.headers)]).toEqual([null, []]);
    const root = await start(SMALL);
    root.vm.faults = new Faults([{ call: "allocate", fault: { status: 0 } }]);
    const blind = root.request({ headers: [...PAGE, ...FORGED] });
    expect([blind.localReply, words(blind.headers), root.vm.trap]).toEqual([null, [], null]);
  });

  it("is another plugin's own business, and a refused configuration changes nothing of it", async () => {
    const vm = await Vm.load(filter);
    const options = { rootId: "edge", allowOnHeadersStopIteration: true };
    const telling = vm.createRoot({ ...options, configuration: configuration(SMALL) });
    expect(vm.logs.at(-1)?.text).toMatch(/, to listener edge, in shadow$/);
    const routing = vm.createRoot({ ...options, configuration: configuration(SMALL, { shadow: false }) });
    const cluster = (root: RootContext) =>
      root.request({ headers: PAGE }).headers.find(([name]) => name === "x-mw-cluster")?.[1] ?? null;
    expect([cluster(telling), cluster(routing)]).toEqual([null, "mw-api-1-47-0-wmf-1"]);
    expect(routing.configure('{"shadow":true,"table":"x"}')).toBe(false);
    expect(telling.configure('{"shadow":"false","table":"x"}')).toBe(false);
    expect([cluster(telling), cluster(routing)]).toEqual([null, "mw-api-1-47-0-wmf-1"]);
    expect(telling.configure(configuration(SMALL, { shadow: false }))).toBe(true);
    expect(cluster(telling)).toBe("mw-api-1-47-0-wmf-1");
  });

  it("stays in shadow where there is no room for its next configuration", async () => {
    const vm = await Vm.load(filterWithPages(20));
    const options = { rootId: "edge", allowOnHeadersStopIteration: true };
    vm.createRoot({ ...options, configuration: configuration(SMALL) });
    const large = Buffer.alloc(2 ** 20, "x");
    const next = vm.createRoot({ ...options, configuration: large });
    expect([next.refused, vm.logs.at(-1)?.text]).toEqual([null, expect.stringContaining("no room")]);
    const { headers } = next.request({ headers: PAGE });
    expect(words(headers)).toEqual([expect.stringContaining("cluster=mw-api")]);
    expect(headers.some(([name]) => name === "x-mw-cluster")).toBe(false);
  });
});

/** The rule that decides reads the wiki in the body. */
function isJob(table: Table, request: Request, where: Where): boolean {
  return decide(table, request, where).trail.wikiFrom === "body";
}

/** @param isOfBody the body would have said the wiki */
function shown(answer: Answer, isOfBody: boolean): object {
  if (answer.kind === "pass") return { kind: "pass" };
  if (answer.kind === "reply") return { kind: "reply", status: answer.status };
  const { cluster, wiki, release } = answer;
  return { kind: "route", cluster, wiki, release, isOfBody };
}
