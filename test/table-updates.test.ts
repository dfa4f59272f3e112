/** Tables come and go while streams are open, in the simulator: what decides is the listener's newest table, whole. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Faults, type Pair, type RequestResult, type RootContext, Vm } from "../host-sim/index.ts";
import { withGeneration } from "../scripts/encode/container.ts";
import { encode } from "../scripts/encode/encode.ts";
import { filter } from "../scripts/filter.ts";
import type { Plan, Predicate, Route, Rule } from "../scripts/plan.ts";
import { filterWithPages } from "./support/less-memory.ts";
import { HELD, plainListener, plainPlan, plainRule } from "./support/plans.ts";

const WIKIS = ["awiki", "bwiki", "cwiki", "dwiki"];

const under = (path: string): Predicate => ({ subject: "path", test: "under", values: [path], not: false });
const DEBUG: Rule<Route> = {
  ...plainRule<Route>({ deployment: 0 }, { subject: "header", name: "x-debug", test: "present", not: false }),
  debug: true,
};

/** Tables of different shapes: what is number 1 of something in one of them is nothing, or another, in the next. */
function planOf(shape: number, heldStreams = HELD.heldStreams): Plan {
  const wikis = WIKIS.slice(0, 1 + (shape % WIKIS.length));
  const releases = Array.from({ length: 1 + ((shape * 7) % 5) }, (_, i) => `r${shape}-${i}`);
  const deployments = ["web", "jobs", "api"].slice(0, 2 + (shape % 2)).map((name) => `${name}${shape}`);
  const job: Rule<Route> = { ...plainRule<Route>({ deployment: 1 }, under("/job")), wiki: "body" };
  const gone: Rule<Route> = plainRule<Route>({ reply: 0 }, under("/job"));
  const pass: Rule<Route> = plainRule<Route>("pass", under("/job"));
  const ways: Rule<Route>[][] = [[job], [job], [job], [gone], [pass], []];
  const routes = [DEBUG, ...ways[shape % ways.length]!];
  return plainPlan({
    wikis: wikis.map((id, i) => ({
      id,
      release: (i + shape) % releases.length,
      group: null,
      installed: true,
    })),
    hosts: wikis.map((_, i) => ({ host: `${WIKIS[i]}.example`, destination: { wiki: i } })),
    listeners: ["edge", "mesh"].map((name) => plainListener({ name, routes })),
    replies: [{ status: 410, body: "gone" }],
    deployments: deployments.map((name) => ({ name, readOnly: null })),
    releases: releases.map((name) => ({ name, version: "1.0" })),
    clusters: deployments.map((deployment) => releases.map((release) => `${deployment}-${release}`)),
    emit: [
      { kind: "cluster", name: "x-cluster" },
      { kind: "wiki", name: "x-wiki" },
    ],
    jobs: {
      field: shape % 4 === 1 ? "wiki" : "database",
      limit: 64,
      ...HELD,
      heldStreams,
      host: shape % 2 === 0 ? "always" : "never",
    },
  });
}

const TABLES = Array.from({ length: 12 }, (_, shape) =>
  encode(planOf(shape), { generation: shape + 1, names: "x".repeat(shape * 997) }),
);
/** The same, and of two jobs that wait, the older one must go. */
const TIGHT = TABLES.map((_, shape) => encode(planOf(shape, 1), { generation: shape + 1, names: null }));
const DAMAGED = TABLES[3]!.slice(0, 200);

interface Question {
  host: string;
  kind: "page" | "debug" | "job";
  body: string;
}

function headersOf({ host, kind }: Question): Pair[] {
  return [
    [":authority", host],
    [":path", kind === "job" ? "/job" : "/"],
    [":method", kind === "job" ? "POST" : "GET"],
    ["x-cluster", "evil"],
    ...(kind === "debug" ? ([["x-debug", "1"]] as Pair[]) : []),
  ];
}

/** What a fresh VM with this table alone says: to the request, and to its response. */
async function oracle(table: number, listener: string, question: Question): Promise<unknown> {
  const vm = await Vm.load(await module);
  const root = vm.createRoot({ ...options(listener), configuration: TABLES[table]! });
  const stream = root.newStream();
  stream.open(headersOf(question), question.kind !== "job");
  if (question.kind === "job") stream.request.pushBody(Buffer.from(question.body), true);
  stream.respond({ headers: [[":status", "200"]] });
  const seen = whatIsSeen(stream.result());
  stream.close();
  return seen;
}

function whatIsSeen({ localReply, upstream, downstream }: RequestResult) {
  return { status: localReply?.status ?? null, upstream: upstream?.headers, down: downstream?.headers };
}

const module = Vm.compile(filter);
const options = (rootId: string) => ({ rootId, allowOnHeadersStopIteration: true });

type Step =
  | { do: "push"; listener: string; table: number }
  | { do: "again"; root: number; table: number }
  | { do: "damaged"; listener: string }
  | { do: "retire"; root: number }
  | { do: "open"; root: number; question: Question; pieces: number }
  | { do: "piece" | "respond" | "close"; stream: number }
  | { do: "tick" };

const listener = fc.constantFrom("edge", "mesh");
const table = fc.nat({ max: TABLES.length - 1 });
const number = fc.nat({ max: 30 });
const question = fc.record({
  host: fc.constantFrom(...WIKIS.map((wiki) => `${wiki}.example`), "nobody.example"),
  kind: fc.constantFrom("page" as const, "debug" as const, "job" as const, "job" as const),
  body: fc
    .tuple(fc.constantFrom("database", "wiki"), fc.constantFrom(...WIKIS), fc.nat({ max: 60 }))
    .map(([field, wiki, pad]) => `{"x":"${"y".repeat(pad)}","${field}":"${wiki}"}`),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push" as const), listener, table }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("again" as const), root: number, table }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("damaged" as const), listener }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("retire" as const), root: number }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("open" as const),
      root: number,
      question,
      pieces: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom("piece" as const, "respond" as const, "close" as const),
      stream: number,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("tick" as const) }) },
);

describe("tables that come and go while streams are open", () => {
  it.each([
    ["decide by the newest of the listener, and no stream reads what is gone", TABLES],
    ["trap nothing where jobs must go before their bodies have come", TIGHT],
  ])("%s", async (_, tables) => {
    const runs = Number(process.env.POINTSMAN_RUNS ?? 300);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const vm = await Vm.load(await module);
        const roots: RootContext[] = [];
        const serving: Record<string, number> = {};
        interface Open {
          stream: ReturnType<RootContext["newStream"]>;
          listener: string;
          question: Question;
          pieces: string[];
          /** The tables that decided: of a job, at each piece until it was let go. */
          table: number;
          isOver: boolean;
        }
        const open: Open[] = [];
        const live = () => roots.filter((root) => root.state === "live" || root.state === "draining");
        const pick = <T>(list: T[], at: number): T | undefined => list[at % list.length];
        const isLetGo = ({ stream }: Open) =>
          stream.request.sent.headers !== null || stream.localReply !== null;
        const close = async (one: Open) => {
          one.stream.respond({ headers: [[":status", "200"]] });
          const seen = whatIsSeen(one.stream.result());
          one.stream.close();
          open.splice(open.indexOf(one), 1);
          if (one.isOver && tables === TABLES)
            expect(seen).toEqual(await oracle(one.table, one.listener, one.question));
        };
        for (const one of steps) {
          if (one.do === "push") {
            const root = vm.createRoot({ ...options(one.listener), configuration: tables[one.table]! });
            expect(root.refused).toBe(null);
            serving[one.listener] = one.table;
            roots.push(root);
          } else if (one.do === "again") {
            const root = pick(live(), one.root);
            if (!root) continue;
            expect(root.configure(tables[one.table]!)).toBe(true);
            serving[root.rootId] = one.table;
          } else if (one.do === "damaged") {
            const root = vm.createRoot({ ...options(one.listener), configuration: DAMAGED });
            expect(root.refused).not.toBe(null);
            root.retire();
          } else if (one.do === "retire") {
            const root = pick(live(), one.root);
            // The newest of a listener goes only when another takes its place.
            if (
              root &&
              roots.filter(({ rootId, state }) => rootId === root.rootId && state === "live").length > 1
            )
              root.retire();
          } else if (one.do === "open") {
            const root = pick(live(), one.root);
            if (!root) continue;
            const { question } = one;
            const size = Math.ceil(question.body.length / one.pieces);
            const pieces =
              question.kind === "job" ? question.body.match(new RegExp(`.{1,${size}}`, "g"))! : [];
            const stream = root.newStream();
            stream.open(headersOf(question), pieces.length === 0);
            open.push({
              ...{ stream, question, pieces, listener: root.rootId, table: serving[root.rootId]! },
              isOver: pieces.length === 0,
            });
          } else if (one.do === "tick") {
            vm.clock.advance(1000);
          } else {
            const found = pick(open, one.stream);
            if (!found) continue;
            if (one.do === "close") await close(found);
            else if (one.do === "respond") {
              if (found.isOver) found.stream.respond({ headers: [[":status", "200"]] });
            } else if (found.pieces.length > 0) {
              if (!isLetGo(found)) found.table = serving[found.listener]!;
              const piece = found.pieces.shift()!;
              found.isOver = found.pieces.length === 0;
              found.stream.request.pushBody(Buffer.from(piece), found.isOver);
            }
          }
          expect(vm.trap).toBe(null);
        }
        for (const one of [...open]) await close(one);
        for (const root of live()) root.retire();
        expect(vm.trap).toBe(null);
      }),
      { numRuns: runs },
    );
  });
});

/** A table of about so many bytes, another one a generation. */
const LARGE = encode(planOf(0), { generation: 1, names: "x".repeat(4 * 2 ** 20) });
const large = (generation: number) => withGeneration(LARGE, generation);
const PAGE_OF_A = { headers: headersOf({ host: "awiki.example", kind: "page", body: "" }) };
const cluster = (root: RootContext) =>
  root.request(PAGE_OF_A).headers.find(([name]) => name === "x-cluster")?.[1];

describe("the memory of tables", () => {
  it("is that of two, whatever many streams are open on the roots before", async () => {
    const vm = await Vm.load(await module);
    const open: ReturnType<RootContext["newStream"]>[] = [];
    let before: RootContext | null = null;
    for (let generation = 1; generation <= 100; generation++) {
      const root = vm.createRoot({ ...options("edge"), configuration: large(generation) });
      expect(root.refused).toBe(null);
      // A job that waits for its body, and a debugging request that waits for its response.
      for (const kind of ["job", "debug"] as const) {
        const stream = root.newStream();
        stream.open(headersOf({ host: "awiki.example", kind, body: "" }), kind !== "job");
        open.push(stream);
      }
      before?.retire();
      before = root;
      expect(vm.memoryBytes / LARGE.length).toBeLessThan(2.4);
    }
    for (const stream of open) stream.close();
    expect(vm.trap).toBe(null);
  });

  it("is that of one for the listeners that have the same bytes", async () => {
    const vm = await Vm.load(await module);
    const names = ["edge", "mesh"];
    for (let generation = 1; generation <= 5; generation++) {
      for (const rootId of names) {
        expect(vm.createRoot({ ...options(rootId), configuration: large(generation) }).refused).toBe(null);
      }
    }
    // What both have, what one had, and what comes.
    expect(vm.memoryBytes / LARGE.length).toBeLessThan(3.5);
  });

  it("has a bound: what serves goes on serving, says so, and the next good table heals", async () => {
    // Room for two large tables and some.
    const vm = await Vm.load(filterWithPages(170));
    const edge = vm.createRoot({ ...options("edge"), configuration: large(1) });
    const mesh = vm.createRoot({ ...options("mesh"), configuration: large(2) });
    expect([edge.refused, mesh.refused]).toEqual([null, null]);
    vm.logs.length = 0;
    const next = vm.createRoot({ ...options("edge"), configuration: large(3) });
    // Refusing would be the end of this VM, in Envoy.
    expect(next.refused).toBe(null);
    const SAYS = `pointsman: table refused: no room for a configuration of ${LARGE.length} bytes beside the tables that are held`;
    expect(vm.logs).toEqual([{ level: 4, text: SAYS }]);
    expect(vm.shared.metrics.value("pointsman.tables_refused.listener.edge")).toBe(1n);
    edge.retire();
    expect([cluster(next), cluster(mesh)]).toEqual(["web0-r0-0", "web0-r0-0"]);
    // A listener that had none has none, and the others are left alone.
    const late = vm.createRoot({ ...options("late"), configuration: large(3) });
    expect(late.request(PAGE_OF_A).localReply?.status).toBe(503);
    expect(cluster(mesh)).toBe("web0-r0-0");
    const small = vm.createRoot({ ...options("edge"), configuration: TABLES[1]! });
    expect([small.refused, cluster(small), cluster(next)]).toEqual([null, "web1-r1-1", "web1-r1-1"]);
    const again = vm.createRoot({ ...options("edge"), configuration: large(3) });
    expect([again.refused, cluster(again)]).toEqual([null, "web0-r0-0"]);
    expect(vm.logs.filter(({ text }) => text === SAYS)).toHaveLength(2);
    expect(vm.trap).toBe(null);
  });

  it("that is too little for the first table refuses it", async () => {
    const vm = await Vm.load(filterWithPages(20));
    const root = vm.createRoot({ ...options("edge"), configuration: LARGE });
    expect([root.refused, vm.trap]).toEqual(["proxy_on_configure returned 0", null]);
    expect(root.configure(TABLES[1]!)).toBe(true);
    expect(cluster(root)).toBe("web1-r1-1");
  });

  it("that a request's headers do not get makes a 503 of it: what a client sent is not seen", async () => {
    const vm = await Vm.load(await module);
    const root = vm.createRoot({ ...options("edge"), configuration: TABLES[1]! });
    vm.faults = new Faults([{ call: "allocate", fault: { status: 0 } }]);
    const { localReply, upstream } = root.request(PAGE_OF_A);
    expect([localReply?.status, upstream]).toEqual([503, null]);
    vm.faults = null;
    expect([cluster(root), vm.trap]).toEqual(["web1-r1-1", null]);
  });
});
