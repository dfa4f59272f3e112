/**
 * Drives a rollout from stage to stage until it is done. All that it knows is in the rollout object: whoever drives may
 * die at any point, and another one goes on. Where something is not as it should be, or nobody can say whether it is,
 * the rollout is paused, and says why.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { count } from "../count.ts";
import { Refusal } from "../refusal.ts";
import { showSeconds } from "../seconds.ts";
import type { Stage } from "../store/stages.ts";
import { type Head, type Report, type Rollout, type Store, StoreAway } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";
import { type Counted, compare } from "./compare.ts";
import { between, type Counters } from "./counters.ts";
import type { Fleet, Lacking, Member } from "./fleet.ts";
import type { Event } from "./run-command.ts";

export interface DriveOptions {
  fleet: Fleet;
  /** Who drives, for the rollout object. */
  who: string;
  say: (line: string) => void;
  announce: (event: Event, rollout: Rollout, what: string) => Promise<void>;
  /** A question of the user's about a stage that has baked: why it is not well; null: it is, or nobody asks. The signal ends it. */
  probe: (rollout: Rollout, signal: AbortSignal) => Promise<string | null>;
  /** That the table brings: no proxy gets it that does not have them. */
  clusters: readonly string[];
  /** The whole fleet is to have it now: what of it is on this machine gets it. Throws Refusal. */
  bring: () => Promise<void>;
}

/** Filters tell their proxies once a second. */
const ROUND_MS = 1000;
/** Envoy sums up every five seconds how long its requests took. */
const TIMES_MS = 10_000;
/** How long a store may be away before nobody waits for it. */
const PATIENCE_MS = 60_000;
const WHY_AT_MOST = 2000;
const NAMED_AT_MOST = 5;

/** Of a stage. `fine`: the next one may begin; the others pause it, and `unsure` says that nothing bad was seen. */
type Outcome = { is: "fine" | "bad" | "unsure"; what: string };

/** From where it stands until it is done; gives it as it is then. Throws Refusal where it does not get there. */
export async function drive(store: Store, begun: Rollout, options: DriveOptions): Promise<Rollout> {
  return new Driver(store, begun, options).run();
}

class Driver {
  constructor(
    private readonly store: Store,
    /** As we last saw or wrote it. */
    private rollout: Rollout,
    private readonly options: DriveOptions,
  ) {}

  async run(): Promise<Rollout> {
    try {
      for (;;) {
        const { at, stages } = this.rollout;
        const isLast = at === stages.length - 1;
        const { is, what } = await this.stage(isLast);
        if (is !== "fine") await this.pause(is, what);
        if (!isLast && this.rollout.forced === undefined) {
          const why = await notReady(this.options.fleet, stages, at + 1, this.options.clusters);
          if (why !== null) await this.pause("bad", why);
        }
        const { said, ...rest } = this.rollout;
        await this.change(isLast ? { ...rest, state: "done" } : { ...rest, at: at + 1 });
        if (isLast) {
          await this.options.announce("done", this.rollout, what);
          return this.rollout;
        }
      }
    } catch (error) {
      if (error instanceof Overtaken) return await this.overtaken(error.by);
      throw error;
    }
  }

  private async stage(isLast: boolean): Promise<Outcome> {
    const { fleet, say, announce, bring } = this.options;
    const { stages, at, generation, limits, forced } = this.rollout;
    const { bake = 0 } = stages[at]!;
    await fleet.identify();
    const added = fleet.ofStage(stages, at).length;
    const begins = `${this.where()}: generation ${generation} for ${at === 0 ? "" : "another "}${count(added, "proxy", "proxies")}`;
    say(begins);
    await announce("begins", this.rollout, begins);
    if (isLast) await bring();
    if (forced !== undefined || limits === undefined) {
      if (!isLast) await this.wait(bake);
      return { is: "fine", what: `${this.where()}: not looked at: ${forced ?? "it has no limits"}` };
    }
    const proven = await this.proof(limits.proof);
    say(proven.what);
    if (proven.is !== "fine") return proven;
    await announce("proven", this.rollout, proven.what);
    if (isLast || added === 0) return proven;
    say(`${this.where()}: bakes for ${showSeconds(bake)}`);
    const before = await fleet.counters();
    await this.wait(bake);
    const again = await this.proof(limits.proof);
    if (again.is !== "fine") return again;
    const compared = await this.compare(before, limits);
    say(compared.what);
    if (compared.is !== "fine") return compared;
    const why = await this.probe();
    return why === null ? again : { is: "bad", what: `${this.where()}: --probe: ${why}` };
  }

  /** It may take long: who takes the rollout from us ends it. */
  private async probe(): Promise<string | null> {
    const ending = new AbortController();
    const probing = this.options.probe(this.rollout, ending.signal);
    let isOver = false;
    const over = probing.finally(() => {
      isOver = true;
    });
    try {
      do {
        await Promise.race([over, sleep(ROUND_MS)]);
        await this.look();
      } while (!isOver);
      return await over;
    } finally {
      ending.abort();
    }
  }

  /** Since then: those that have the table with those that do not. */
  private async compare(
    before: ReadonlyMap<Member, Counters | string>,
    limits: NonNullable<Rollout["limits"]>,
  ): Promise<Outcome> {
    const { fleet } = this.options;
    const { stages, at } = this.rollout;
    const reached = new Set(fleet.reached(stages, at));
    for (const until = Date.now() + TIMES_MS; ; await this.wait(ROUND_MS / 1000)) {
      const after = await fleet.counters();
      const sides: Record<"ours" | "others", Counted[]> = { ours: [], others: [] };
      const unknown: Lacking[] = [];
      for (const [proxy, was] of before) {
        const { name } = proxy.endpoint;
        const is = after.get(proxy)!;
        const known = typeof was === "string" ? was : typeof is === "string" ? is : between(was, is);
        if (known === null) unknown.push({ name, why: "it was started anew meanwhile" });
        else if (typeof known === "string") unknown.push({ name, why: known });
        else sides[reached.has(proxy) ? "ours" : "others"].push({ ...known, name });
      }
      const { is, what, isEarly } = compare(sides.ours, sides.others, limits);
      if (isEarly && Date.now() < until) continue;
      const lines = [`${this.where()}: ${what}`, ...(is === "unsure" ? showLacking(unknown) : [])];
      return { is, what: lines.join("\n  ") };
    }
  }

  /** Until all that have it by now serve it, by their own word. */
  private async proof(seconds: number): Promise<Outcome> {
    const { fleet } = this.options;
    const { stages, at } = this.rollout;
    const until = Date.now() + seconds * 1000;
    for (;;) {
      await fleet.identify();
      const reached = fleet.reached(stages, at);
      const unlisted = await this.unlisted();
      const lacking = [...(await fleet.lacking(reached, this.rollout)), ...unlisted.lacking];
      const all = count(reached.length + unlisted.count, "proxy", "proxies");
      if (reached.length + unlisted.count === 0)
        return { is: "unsure", what: `${this.where()}: no proxy is in it` };
      if (lacking.length === 0) return { is: "fine", what: `${this.where()}: proven by ${all}` };
      const refused = await this.refusal();
      if (refused !== null) return { is: "bad", what: `${this.where()}: ${refused}` };
      if (Date.now() > until) {
        const missing = `${this.where()}: after ${showSeconds(seconds)} not proven by ${lacking.length} of ${all}`;
        return { is: "unsure", what: [missing, ...showLacking(lacking)].join("\n  ") };
      }
      await this.wait(ROUND_MS / 1000);
    }
  }

  /** Nodes that servers have seen and the list does not have: who follows them may report that they serve it. */
  private async unlisted(): Promise<{ count: number; lacking: Lacking[] }> {
    const { stages, at } = this.rollout;
    const { records: seen } = await this.patiently(() => this.store.nodes());
    const nodes = this.options.fleet.unlisted(seen, stages, at);
    const reports = nodes.length === 0 ? [] : (await this.patiently(() => this.store.reports())).records;
    const proven = new Set(reports.filter((one) => this.isServed(one)).map(({ node }) => node));
    const why =
      "a server has seen it, and it is not in the list of proxies: add it there, or `pointsman retire` it if it is gone for good";
    const lacking = nodes.filter(({ node }) => !proven.has(node)).map(({ node }) => ({ name: node, why }));
    return { count: nodes.length, lacking };
  }

  private isServed({ listeners }: Report): boolean {
    const { generation, digest } = this.rollout;
    return (
      listeners.length > 0 &&
      listeners.every(
        (one) =>
          one.verdict === "served" &&
          one.generation === generation &&
          one.digest !== null &&
          digest.startsWith(one.digest),
      )
    );
  }

  /** What a proxy of ours has said against this table. */
  private async refusal(): Promise<string | null> {
    const { stages, at, digest, generation } = this.rollout;
    const ids = new Set(this.options.fleet.reached(stages, at).map(({ node }) => node?.id));
    const { records } = await this.patiently(() => this.store.refusals([digest]));
    const one = records.find(
      (record) => record.digest === digest && record.generation === generation && ids.has(record.node),
    );
    return one ? `${one.node} has refused the table: ${visibleOnLine(one.why)}` : null;
  }

  /** Throws Overtaken as soon as somebody else has changed the rollout. */
  private async wait(seconds: number): Promise<void> {
    const until = Date.now() + seconds * 1000;
    do {
      await this.look();
      await sleep(Math.max(0, Math.min(ROUND_MS, until - Date.now())));
    } while (Date.now() < until);
    await this.look();
  }

  private async look(): Promise<Head> {
    const head = await this.patiently(() => this.store.head());
    if (!isDeepStrictEqual(head.rollout, this.rollout)) throw new Overtaken(head.rollout);
    return head;
  }

  private async change(next: Rollout): Promise<void> {
    for (;;) {
      const { revision } = await this.look();
      try {
        await this.store.swap(revision, next);
      } catch (error) {
        // Whether it has happened, the next look says.
        if (!(error instanceof StoreAway)) throw error;
      }
      const { rollout } = await this.patiently(() => this.store.head());
      if (isDeepStrictEqual(rollout, next)) {
        this.rollout = next;
        return;
      }
      if (!isDeepStrictEqual(rollout, this.rollout)) throw new Overtaken(rollout);
    }
  }

  private async pause(is: "bad" | "unsure", what: string): Promise<never> {
    const { who, announce } = this.options;
    const why = is === "unsure" ? `unsure: ${what}` : what;
    const onLine = why.replaceAll("\n  ", "; ").slice(0, WHY_AT_MOST);
    const said = { who, why: onLine, when: new Date().toISOString() };
    await this.change({ ...this.rollout, state: "paused", said });
    await announce("paused", this.rollout, onLine);
    throw new Refusal(`${why}\n${pausedAt(this.rollout)}`);
  }

  /** Calls until the store answers. Throws Refusal where it is away for too long. */
  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let since: number | null = null; ; ) {
      try {
        const answer = await call();
        if (since !== null) this.options.say(`${this.store.name}: is there again`);
        return answer;
      } catch (error) {
        if (!(error instanceof StoreAway)) throw error;
        if (since === null) {
          since = Date.now();
          this.options.say(`${error.message}: waiting for it`);
        }
        if (Date.now() > since + PATIENCE_MS) {
          throw new Refusal(
            `${error.message}\n${this.where()}: there it stands: when the store is there again, \`pointsman resume\` goes on`,
          );
        }
        await sleep(ROUND_MS);
      }
    }
  }

  /** Another one has taken it from us. */
  private async overtaken(by: Rollout | null): Promise<Rollout> {
    const { generation } = this.rollout;
    const isOurs = by !== null && by.generation === generation;
    if (isOurs && by.state === "done") return by;
    const said = isOurs && by.said ? `, by ${by.said.who}: ${by.said.why}` : "";
    const what = !isOurs
      ? `${this.where()}: over: ${by === null ? "the store has nothing to be served any more" : `generation ${by.generation} is to be served now, by ${by.who}: ${by.why}`}`
      : by.state === "going"
        ? `${this.where()}: somebody else leads it now, at ${by.stages[by.at]!.name}${said}`
        : `${this.where()}: ${by.state}${said}`;
    await this.options.announce("ended", this.rollout, what);
    throw new Refusal(visibleOnLine(what));
  }

  /** `stage canary (1 of 3)`. */
  private where(): string {
    const { stages, at } = this.rollout;
    return `stage ${stages[at]!.name} (${at + 1} of ${stages.length})`;
  }
}

/** Somebody else has changed the rollout object. */
class Overtaken extends Error {
  constructor(readonly by: Rollout | null) {
    super("overtaken");
  }
}

/**
 * Why a stage must not begin: a proxy of it does not have a cluster that the table brings, so that its requests would get
 * a 503. null: it may.
 */
export async function notReady(
  fleet: Fleet,
  stages: readonly Stage[],
  at: number,
  clusters: readonly string[],
): Promise<string | null> {
  await fleet.identify();
  const lacking = await fleet.lackingClusters(fleet.ofStage(stages, at), clusters);
  if (lacking.length === 0) return null;
  const why = `stage ${stages[at]!.name} (${at + 1} of ${stages.length}): not begun: proxies need their clusters before a table that names them`;
  return [why, ...showLacking(lacking)].join("\n  ");
}

/** What a person may do about one that is paused. */
function pausedAt({ generation, stages, at }: Rollout): string {
  const next = stages[at + 1];
  const onward = next ? `promote begins ${next.name} all the same` : "promote calls it done";
  return `generation ${generation} is paused at ${stages[at]!.name}: \`pointsman resume\` tries again, ${onward}, abort takes it back`;
}

function showLacking(lacking: readonly Lacking[]): string[] {
  const named = lacking.slice(0, NAMED_AT_MOST).map(({ name, why }) => visibleOnLine(`${name}: ${why}`));
  const rest = lacking.length - named.length;
  return rest === 0 ? named : [...named, `and ${rest} more`];
}
