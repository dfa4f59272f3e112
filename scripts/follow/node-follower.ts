/**
 * Keeps what a store wants served on one node. What that is follows from the rollout object and the node's names alone;
 * it is brought to the node's targets, and its proxies are asked whether they serve it. The store is needed for none of
 * this once it was heard.
 */
import type { Judgement } from "../status/judge.ts";
import type { Endpoint } from "../status/proxies.ts";
import { hearAll, judgeWord } from "../status/word.ts";
import { Bell } from "../store/bell.ts";
import { type Due, dueTo, type Followed } from "../store/follow-cache.ts";
import type { Refusals } from "../store/refusals.ts";
import { isSame, type Node, type Version } from "../store/stages.ts";
import type { Target } from "../targets/target.ts";
import { KeptTarget } from "./kept-target.ts";

export interface NodeFollowerOptions {
  node: Node;
  targets: readonly Target[];
  /** None: nothing is proven. */
  proxies: readonly Endpoint[];
  /** How many serve a listener, where a proxy does not say; null: it does. */
  instances: number | null;
  refusals: Refusals;
  say: (line: string) => void;
}

/**
 * - `proven`: its proxies serve what they are to serve, by their own gauges.
 * - `written`: its targets have it, and there is no proxy to ask.
 * - `waiting`: it is on its way.
 * - `unproven`: its targets have it, and for a while now a proxy has not served it.
 * - `refused`: a target or a proxy has refused it; it is not written again.
 * - `newer`: a target has a newer table of somebody else's, which stays.
 * - `failed`: a target cannot be written.
 * - `nothing`: nothing was ever pushed to it, as far as is known.
 */
export const STATES = [
  "proven",
  "written",
  "waiting",
  "unproven",
  "refused",
  "newer",
  "failed",
  "nothing",
] as const;
export type State = (typeof STATES)[number];

/** What one proxy said. */
export interface Proof {
  proxy: string;
  listeners: Judgement[];
}

const LOOK_MS = 10_000;
/** Filters tell their proxies once a second. */
const ASK_MS = 1_000;
const ASK_PROVEN_MS = 5_000;
const ANSWER_MS = 2_000;
/** The number of a refusal that a gauge has may be of the table before, for so long. */
const REFUSAL_MS = 5_000;
/** A proxy that does not serve what is there after so long may not have noticed it. */
const PROOF_MS = 30_000;
const PROOF_AT_MOST_MS = 600_000;

export class NodeFollower {
  readonly targets: readonly KeptTarget[];
  /** What is to be served. */
  due: Due | null = null;
  /** Whether it was heard what is to be served, or that nobody knows. */
  isHeard = false;
  proofs: readonly Proof[] = [];
  /** Since when what is to be served is not; null: it is, or nothing is to be. */
  unservedSince: Date | null = null;
  /** Why a target or a proxy has refused what is to be served. */
  private refusal: string | null = null;
  /** Since when all targets have it; null: they do not. */
  private hadSince: number | null = null;
  private broughtAgain = 0;
  private told: string | null = null;
  private readonly toBring = new Bell();
  private readonly toProve = new Bell();

  /** @param onChange hears that something may be another than before */
  constructor(
    readonly options: NodeFollowerOptions,
    private readonly onChange: () => void,
  ) {
    this.targets = options.targets.map((target) => new KeptTarget(target, options.say));
  }

  /** The store wants this served. */
  hear(followed: Followed): void {
    this.isHeard = true;
    const before = this.due?.version ?? null;
    this.due = dueTo(followed, this.options.node);
    if (this.due !== null && !isSame(this.due.version, before)) {
      this.hadSince = null;
      this.broughtAgain = 0;
      this.unservedSince = new Date();
      this.proofs = [];
      this.refusal = null;
    }
    this.toBring.ring();
    this.toProve.ring();
    this.onChange();
  }

  /** Nothing is known of what is to be served: nothing is changed. */
  hearNothing(): void {
    this.isHeard = true;
    this.onChange();
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.bringOn(signal), this.proveOn(signal)]);
  }

  get state(): State {
    const { due, targets } = this;
    if (due === null) return "nothing";
    const isSomewhere = (state: KeptTarget["state"]) => targets.some((target) => target.state === state);
    if (isSomewhere("newer")) return "newer";
    if (this.isProven) return "proven";
    if (this.refusal !== null) return "refused";
    if (isSomewhere("failed")) return "failed";
    if (this.hadSince === null) return "waiting";
    if (this.options.proxies.length === 0) return "written";
    return Date.now() - this.hadSince > PROOF_MS ? "unproven" : "waiting";
  }

  /** Of a state that a person has to look at. */
  get why(): string | null {
    switch (this.state) {
      case "refused":
        return this.refusal;
      case "newer":
      case "failed":
        return this.targets
          .filter(({ state }) => state === this.state)
          .map(({ target, why }) => `${target.name}: ${why}`)
          .join("; ");
      case "unproven":
        return this.unproven();
      default:
        return null;
    }
  }

  private get isProven(): boolean {
    return (
      this.hadSince !== null &&
      this.proofs.length > 0 &&
      this.proofs.every(({ listeners }) => listeners.every(({ verdict }) => verdict === "served"))
    );
  }

  private unproven(): string {
    return this.proofs
      .flatMap(({ proxy, listeners }) =>
        listeners
          .filter(({ verdict }) => verdict !== "served")
          .map(
            ({ listener, verdict, what }) =>
              `${proxy}${listener === null ? "" : ` ${listener}`}: ${verdict}, ${what}`,
          ),
      )
      .join("; ");
  }

  private async bringOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.due !== null) await this.bring(this.due);
      const again = this.targets.flatMap((target) => target.again ?? []);
      const wait = Math.min(LOOK_MS, ...again.map((at) => Math.max(at - Date.now(), 0)));
      await this.toBring.wait(wait, signal);
    }
  }

  /** To all targets that lack it, if all of them can take it. */
  private async bring(due: Due): Promise<void> {
    const { refusals, node } = this.options;
    const lacking = this.targets.filter((target) => target.look(due.version));
    const known = refusals.why(node.id, due.version);
    if (known !== null && !this.isProven) this.refuse(due.version, known);
    else if (lacking.length > 0) await this.write(due, lacking);
    if (due !== this.due) return;
    const haveAll = this.targets.every(({ state }) => state === "has");
    if (!haveAll) {
      this.hadSince = null;
      this.unservedSince ??= new Date();
    } else if (this.hadSince === null) {
      this.hadSince = Date.now();
      if (this.options.proxies.length === 0) this.unservedSince = null;
      this.toProve.ring();
    }
    this.changed();
  }

  private async write({ version, table }: Due, lacking: readonly KeptTarget[]): Promise<void> {
    const able: KeptTarget[] = [];
    for (const target of lacking) {
      if (table === null)
        target.cannot(`the store cannot give the table of generation ${version.generation}`);
      else if (await target.check(table)) able.push(target);
    }
    const refusing = this.targets.find(({ state }) => state === "refuses");
    if (refusing !== undefined) this.refuse(version, refusing.why!);
    else if (table !== null && isSame(this.due?.version ?? null, version))
      for (const target of able) target.write(table);
  }

  /** Not written again, by whoever keeps this node, until it is pushed again. */
  private refuse(version: Version, why: string): void {
    if (this.refusal === why) return;
    const { refusals, node, say } = this.options;
    this.refusal = why;
    say(`generation ${version.generation} is refused, and not tried again: ${why}`);
    if (refusals.why(node.id, version) === null) refusals.add(node.id, version, why);
  }

  private async proveOn(signal: AbortSignal): Promise<void> {
    const { proxies } = this.options;
    if (proxies.length === 0) return;
    while (!signal.aborted) {
      if (this.due !== null) await this.prove(this.due);
      await this.toProve.wait(this.isProven ? ASK_PROVEN_MS : ASK_MS, signal);
    }
  }

  private async prove({ version }: Due): Promise<void> {
    const { proxies, instances, refusals, node } = this.options;
    // Our own report is no proof of it.
    const words = await hearAll(proxies, ANSWER_MS, async () => []);
    if (!isSame(this.due?.version ?? null, version)) return;
    this.proofs = proxies.map(({ name, listeners }, i) => ({
      proxy: name,
      listeners: judgeWord(words[i]!, version, listeners, instances),
    }));
    if (this.isProven) {
      this.unservedSince = null;
      this.refusal = null;
    } else {
      this.unservedSince ??= new Date();
      const had = this.hadSince === null ? 0 : Date.now() - this.hadSince;
      const why = this.refusedBy();
      if (why !== null && had > REFUSAL_MS && refusals.why(node.id, version) === null)
        this.refuse(version, why);
      else if (this.isDeaf && had > Math.min(PROOF_MS * 2 ** this.broughtAgain, PROOF_AT_MOST_MS))
        this.bringAgain();
    }
    this.changed();
  }

  /** A proxy that does not serve it has refused the last table that it saw. */
  private refusedBy(): string | null {
    for (const { proxy, listeners } of this.proofs) {
      for (const { listener, verdict, refused } of listeners) {
        if (verdict !== "served" && refused !== null)
          return `${proxy} ${listener}: the filter refused it (${refused.code}): ${refused.means} ${refused.wayOut}`;
      }
    }
    return null;
  }

  /** A proxy answers, has refused nothing, and serves something else. */
  private get isDeaf(): boolean {
    return (
      this.refusal === null &&
      this.proofs.some(({ listeners }) =>
        listeners.some(({ verdict }) => verdict === "behind" || verdict === "other"),
      )
    );
  }

  private bringAgain(): void {
    this.broughtAgain++;
    this.hadSince = null;
    for (const target of this.targets) target.bringAgain();
    this.options.say(`not served, and written once more: ${this.unproven()}`);
    this.toBring.ring();
  }

  private changed(): void {
    const { state, due } = this;
    const line = this.lineOf(state);
    const said = `generation ${due!.version.generation}: `;
    if (line !== null && this.told !== said + state) this.options.say(said + line);
    this.told = said + state;
    this.onChange();
  }

  /** What is worth a line of the log; what targets and refusals say has one. */
  private lineOf(state: State): string | null {
    if (state === "proven") return "served, by the proxies' own gauges";
    if (state === "written") return "written, not proven: there is no --proxy to ask";
    if (state === "unproven") return `not served, after ${PROOF_MS / 1000} s and more: ${this.unproven()}`;
    return null;
  }
}
