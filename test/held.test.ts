/** What a worker holds of jobs is bounded, by bytes, by streams and by time, however their streams end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Pair, type RootContext, type Stream, Vm } from "../host-sim/index.ts";
import { encode } from "../scripts/encode/encode.ts";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { filter } from "../scripts/filter.ts";
import type { Jobs } from "../scripts/plan.ts";
import { projectPath } from "./support/data.ts";
import { TODAY } from "./support/farms.ts";

const { plan } = compile(new Farm(projectPath("test/suite/farms/replies.yaml")), TODAY);
const LIMIT = 1024;
const EDGE = { heldBytes: 3000, heldStreams: 4, heldSeconds: 3 };
/** Stricter: of the same worker, so both go by the same sums. */
const MESH = { heldBytes: 2500, heldStreams: 3, heldSeconds: 2 };
const TICK_MS = 1000;

function tableOf(held: Partial<Jobs>, generation = 1): Uint8Array {
  const [edge, ...others] = plan.listeners;
  const listeners = [edge!, ...others.map(({ name }) => ({ ...edge!, name }))];
  return encode({ ...plan, listeners, jobs: { ...plan.jobs!, ...held } }, { generation, names: null });
}

async function start(held: Partial<Jobs> = EDGE): Promise<{ vm: Vm; root: RootContext }> {
  const vm = await Vm.load(filter);
  return { vm, root: pluginOf(vm, held) };
}

function pluginOf(vm: Vm, held: Partial<Jobs>, rootId = held === MESH ? "mesh" : "edge"): RootContext {
  return vm.createRoot({ rootId, configuration: tableOf(held), allowOnHeadersStopIteration: true });
}

const HEADERS: Pair[] = [
  [":authority", "test.wiki.example"],
  [":path", "/job"],
  [":method", "POST"],
  ["x-mw-cluster", "evil"],
];

function open(root: RootContext): Stream {
  const stream = root.newStream();
  stream.open(HEADERS, false);
  return stream;
}

function push(stream: Stream, text: string, end = false): void {
  stream.request.pushBody(Buffer.from(text), end);
}

/** Where its headers went; null while they wait. */
const clusterOf = (stream: Stream): string | null =>
  stream.request.sent.headers?.find(([name]) => name === "x-mw-cluster")?.[1] ?? null;
const bodyOf = (stream: Stream): string => Buffer.concat(stream.request.sent.body).toString();

const DEFAULT = "jobs-last";
const NAMED = "jobs-first";

const counted = (vm: Vm, name: string): number => Number(vm.shared.metrics.value(`pointsman.${name}`) ?? 0n);

describe("past what a worker may hold", () => {
  it("the oldest job goes to the default release, whole, and the newest is decided by its body", async () => {
    const { vm, root } = await start();
    const streams = Array.from({ length: EDGE.heldStreams }, () => open(root));
    for (const stream of streams) push(stream, '{"a":"');
    expect(streams.map(clusterOf)).toEqual([null, null, null, null]);
    const honest = open(root);
    expect(streams.map(clusterOf)).toEqual([DEFAULT, null, null, null]);
    push(honest, '{"database":"testwiki"}', true);
    expect(clusterOf(honest)).toBe(NAMED);
    // What the one that went says later decides nothing, and is not lost.
    push(streams[0]!, 'x","database":"testwiki"}', true);
    expect([clusterOf(streams[0]!), bodyOf(streams[0]!)]).toEqual([
      DEFAULT,
      '{"a":"x","database":"testwiki"}',
    ]);
    vm.clock.advance(TICK_MS);
    expect([counted(vm, "held_overflow"), counted(vm, "held_timeout")]).toEqual([1, 0]);
    expect(counted(vm, "requests.deployment.jobs.release.last")).toBe(1);
  });

  it("of bytes, so many of the oldest go as there is no room for", async () => {
    const { root } = await start();
    const [first, second, third] = [open(root), open(root), open(root)];
    push(first, "{".padEnd(100));
    push(second, "{".padEnd(1000));
    push(third, "{".padEnd(1000));
    const fourth = open(root);
    push(fourth, "{".padEnd(900));
    expect([first, second, third, fourth].map(clusterOf)).toEqual([null, null, null, null]);
    push(fourth, "  ");
    expect([first, second, third, fourth].map(clusterOf)).toEqual([DEFAULT, null, null, null]);
    push(third, "  ");
    push(fourth, " ".repeat(100));
    expect([second, third, fourth].map(clusterOf)).toEqual([DEFAULT, null, null]);
  });

  it("of bytes, the one that grows goes itself where it is the oldest", async () => {
    const { root } = await start({ ...EDGE, heldBytes: LIMIT + 200 });
    const [first, second] = [open(root), open(root)];
    push(second, "{".padEnd(300));
    push(first, "{".padEnd(1000));
    expect([clusterOf(first), bodyOf(first).length]).toEqual([DEFAULT, 1000]);
    expect(clusterOf(second)).toBe(null);
  });

  it("of time, it goes on the tick, though not a byte of its body has come", async () => {
    const { vm, root } = await start();
    const silent = open(root);
    const dripping = open(root);
    vm.clock.advance(TICK_MS);
    push(dripping, '{"a":"');
    const late = open(root);
    vm.clock.advance(TICK_MS);
    push(dripping, "aa");
    expect([silent, dripping, late].map(clusterOf)).toEqual([null, null, null]);
    vm.clock.advance(TICK_MS);
    expect([silent, dripping, late].map(clusterOf)).toEqual([DEFAULT, DEFAULT, null]);
    push(silent, '{"database":"testwiki"}', true);
    expect([clusterOf(silent), bodyOf(silent)]).toEqual([DEFAULT, '{"database":"testwiki"}']);
    expect([counted(vm, "held_overflow"), counted(vm, "held_timeout")]).toEqual([0, 2]);
  });

  it("of time, one whose table was replaced goes by that table's default, and is no cluster's of the new one", async () => {
    const { vm, root } = await start();
    const stale = open(root);
    const honest = open(root);
    expect(root.configure(tableOf(EDGE, 2))).toBe(true);
    push(honest, '{"database":"testwiki"}', true);
    vm.clock.advance(EDGE.heldSeconds * TICK_MS);
    expect([stale, honest].map(clusterOf)).toEqual([DEFAULT, NAMED]);
    expect(counted(vm, "held_timeout")).toBe(1);
    expect(
      ["last", "first"].map((release) => counted(vm, `requests.deployment.jobs.release.${release}`)),
    ).toEqual([0, 1]);
  });

  it("of time, also where the host's clock is set back meanwhile", async () => {
    const { vm, root } = await start();
    const stream = open(root);
    vm.clock.advance(TICK_MS);
    vm.clock.setBack(3_600_000);
    const later = open(root);
    vm.clock.advance(EDGE.heldSeconds * TICK_MS);
    expect([stream, later].map(clusterOf)).toEqual([null, DEFAULT]);
    vm.clock.advance(TICK_MS);
    expect(clusterOf(stream)).toBe(DEFAULT);
  });

  it("a job of another listener of the worker goes, if it is older", async () => {
    const { vm, root } = await start();
    const mesh = pluginOf(vm, EDGE, "mesh");
    const old = open(mesh);
    const streams = Array.from({ length: EDGE.heldStreams }, () => open(root));
    expect([old, ...streams].map(clusterOf)).toEqual([DEFAULT, null, null, null, null]);
  });
});

describe("a body that ends in trailers", () => {
  it("names its wiki before them, or is counted for the default release when they come", async () => {
    const { vm, root } = await start();
    for (const [text, cluster] of [
      ['{"database":"testwiki"}', NAMED],
      ['{"database":', DEFAULT],
      ["", DEFAULT],
    ] as const) {
      const stream = open(root);
      if (text !== "") push(stream, text);
      stream.request.pushTrailers([["x-last", "yes"]]);
      expect([clusterOf(stream), bodyOf(stream)]).toEqual([cluster, text]);
      expect(stream.result().upstream?.trailers).toEqual([["x-last", "yes"]]);
      stream.close();
    }
    vm.clock.advance(TICK_MS);
    expect(counted(vm, "requests.deployment.jobs.release.first")).toBe(1);
    expect(counted(vm, "requests.deployment.jobs.release.last")).toBe(2);
  });
});

// ---- Any sequence of events, against the same written in the plainest way ----------------------------------

interface Job {
  stream: Stream;
  bounds: typeof EDGE;
  bytes: number;
  until: number;
  /** Where it went. */
  cluster: string | null;
  /** Nothing more comes of it. */
  ended: boolean;
}

const NAMING = '","database":"testwiki"';

type Step = (world: World) => void;

class World {
  readonly jobs: Job[] = [];
  readonly bounds = [EDGE, MESH];
  readonly roots: RootContext[];
  now = 0;
  generation = 1;
  expected = { held_overflow: 0, held_timeout: 0, job_limit: 0 };

  constructor(readonly vm: Vm) {
    this.roots = this.bounds.map((held) => pluginOf(vm, held));
  }

  private get held(): Job[] {
    return this.jobs.filter(({ cluster }) => cluster === null);
  }

  private give(job: Job, why: keyof World["expected"] | null): void {
    job.cluster = DEFAULT;
    if (why !== null) this.expected[why]++;
  }

  private makeRoom({ heldBytes, heldStreams }: typeof EDGE): void {
    const bytes = () => this.held.reduce((sum, job) => sum + job.bytes, 0);
    while (bytes() > heldBytes || this.held.length > heldStreams) this.give(this.held[0]!, "held_overflow");
  }

  open(root: number): void {
    const bounds = this.bounds[root]!;
    const until = this.now + bounds.heldSeconds;
    const stream = open(this.roots[root]!);
    this.jobs.push({ stream, bounds, bytes: 0, until, cluster: null, ended: false });
    this.makeRoom(bounds);
  }

  push(job: Job, more: string, end: boolean): void {
    const text = job.bytes === 0 ? `{"a":"${more}` : more;
    push(job.stream, text, end);
    job.ended = end;
    const named = text.indexOf(NAMING);
    const decided = named >= 0 && job.bytes + named + NAMING.length <= LIMIT;
    job.bytes += text.length;
    if (job.cluster !== null) return;
    if (decided) job.cluster = NAMED;
    else if (job.bytes >= LIMIT) this.give(job, "job_limit");
    else if (end) this.give(job, null);
    else this.makeRoom(job.bounds);
  }

  trailers(job: Job): void {
    job.stream.request.pushTrailers([["x-last", "yes"]]);
    job.ended = true;
    if (job.cluster === null) this.give(job, null);
  }

  close(job: Job): void {
    expect(clusterOf(job.stream)).toBe(job.cluster);
    job.stream.close();
    this.jobs.splice(this.jobs.indexOf(job), 1);
  }

  /** What waits is decided by it. */
  newTable(root: number): void {
    expect(this.roots[root]!.configure(tableOf(this.bounds[root]!, ++this.generation))).toBe(true);
  }

  /** As Envoy updates: another plugin for new streams, and the old one drains. */
  update(root: number): void {
    const before = this.roots[root]!;
    this.roots[root] = pluginOf(this.vm, this.bounds[root]!);
    before.retire();
  }

  tick(): void {
    this.now++;
    for (const job of this.held) if (job.until <= this.now) this.give(job, "held_timeout");
    this.vm.clock.advance(TICK_MS);
  }

  check(): void {
    expect(this.jobs.map(({ stream }) => clusterOf(stream))).toEqual(this.jobs.map(({ cluster }) => cluster));
    expect(this.vm.trap).toBe(null);
  }
}

const isGoingOn = (job: Job): boolean => !job.ended;
/** To one of the jobs, with a number of bytes. */
const onJob = (what: (world: World, job: Job, bytes: number) => void, which = (_: Job) => true) =>
  fc.tuple(fc.nat(1000), fc.nat(700)).map(([n, bytes]): Step => {
    return (world) => {
      const jobs = world.jobs.filter(which);
      if (jobs.length > 0) what(world, jobs[n % jobs.length]!, bytes);
    };
  });
const onRoot = (what: (world: World, root: number) => void) =>
  fc.nat(1).map((root): Step => {
    return (world) => what(world, root);
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: onRoot((world, root) => world.open(root)) },
  {
    weight: 8,
    arbitrary: onJob((world, job, bytes) => world.push(job, "a".repeat(bytes), false), isGoingOn),
  },
  { weight: 2, arbitrary: onJob((world, job) => world.push(job, `${NAMING},"b":"`, false), isGoingOn) },
  { weight: 2, arbitrary: onJob((world, job, bytes) => world.push(job, "z".repeat(bytes), true), isGoingOn) },
  { weight: 2, arbitrary: onJob((world, job) => world.trailers(job), isGoingOn) },
  { weight: 2, arbitrary: onJob((world, job) => world.close(job)) },
  { weight: 1, arbitrary: onRoot((world, root) => world.newTable(root)) },
  { weight: 1, arbitrary: onRoot((world, root) => world.update(root)) },
  { weight: 2, arbitrary: onRoot((world) => world.tick()) },
);

it("holds after any sequence, and nothing is held where no stream is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const world = new World(await Vm.load(filter));
      for (const one of steps) {
        one(world);
        world.check();
      }
      while (world.jobs.length > 0) world.close(world.jobs[0]!);
      // Room for as much as at the start, and for no byte and no stream more.
      const root = world.roots[0]!;
      const streams = Array.from({ length: EDGE.heldStreams }, () => open(root));
      for (const stream of streams) push(stream, "{".padEnd(EDGE.heldBytes / EDGE.heldStreams));
      expect(streams.map(clusterOf)).toEqual([null, null, null, null]);
      push(streams[3]!, " ");
      expect(streams.map(clusterOf)).toEqual([DEFAULT, null, null, null]);
      for (const stream of streams) stream.close();
      world.vm.clock.advance(TICK_MS);
      world.expected.held_overflow++;
      const { vm, expected } = world;
      for (const [name, value] of Object.entries(expected))
        expect([name, counted(vm, name)]).toEqual([name, value]);
    }),
    { numRuns: Number(process.env.POINTSMAN_RUNS ?? 300) },
  );
});
