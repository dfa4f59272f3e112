/** The way of a request as a ladder: what was tried, rung by rung, where the farm says it, and which bytes answered. */
import * as L from "../../assembly/layout.ts";
import {
  describeOutcome,
  describePath,
  describePattern,
  describePredicate,
  describeRewrite,
  describeRule,
} from "../describe.ts";
import type { Names } from "../farm/names.ts";
import type { EmitKind, Rule, Wikiless } from "../plan.ts";
import type { Trail } from "../table/decide.ts";
import { partsOf, type RequestParts } from "../table/headers.ts";
import { rewrite } from "../table/host.ts";
import { readRule } from "../table/read-rule.ts";
import type { Answer, Request, RouteAnswer, Where } from "../table/request.ts";
import { holds } from "../table/rules.ts";
import type { Range, Table, TableListener } from "../table/table.ts";
import type { Span, WatchedBytes } from "../table/watched-bytes.ts";

export type Step =
  | "rewrite"
  | "host"
  | "wiki"
  | "placement"
  | "rule"
  | "asset"
  | "read"
  | "cluster"
  | "header";

export interface Rung {
  step: Step;
  /** What was tried or found, in the farm's words. */
  text: string;
  /** Whether it held; null: it is no test. */
  holds: boolean | null;
  /** What did not hold. */
  failed: string | null;
  /** As `farm.yaml:12`; null where the table does not know. */
  place: string | null;
  /** Bytes of the table that were read for it. */
  bytes: Span[];
}

/** What was decided, of which request. */
export interface Decided {
  /** As the filter got it. */
  request: Request;
  where: Where;
  answer: Answer;
  trail: Trail;
}

/**
 * @param table read through `raw`
 * @param names null for a stripped table: then no rung has a place
 */
export function ladderOf(table: Table, raw: WatchedBytes, names: Names | null, decided: Decided): Rung[] {
  return new Ladder(table, raw, names, decided).build();
}

class Ladder {
  private readonly rungs: Rung[] = [];
  private readonly parts: RequestParts;
  private readonly number: number;
  private readonly listener: TableListener;

  constructor(
    private readonly table: Table,
    private readonly raw: WatchedBytes,
    private readonly names: Names | null,
    private readonly decided: Decided,
  ) {
    const { request, trail } = decided;
    this.number = table.listeners.findIndex(({ name }) => name === trail.listener);
    this.listener = table.listeners[this.number]!;
    const read = rewrite(table, request.authority, request.target);
    this.parts = partsOf(request, read, table.readsForwarded ? this.listener : null);
  }

  build(): Rung[] {
    const { answer, trail } = this.decided;
    this.rewrites();
    if (this.asksHost()) this.host();
    else if (trail.body !== null) this.body();
    const { slot } = this.wiki();
    if (slot !== null) this.placement(slot);
    if (trail.wrong !== null) this.without(trail.wrong);
    this.rules("rule", "routes", trail.rule);
    if (answer.kind === "route") {
      if (trail.wikiFrom !== "body") this.rules("asset", "assets", trail.asset);
      if (trail.read !== null || this.decided.where.secondary) this.rules("read", "reads", trail.read);
      this.route(answer);
    } else this.end(answer);
    return this.rungs;
  }

  private add(step: Step, text: string, rung: Partial<Omit<Rung, "step" | "text">> = {}): void {
    this.rungs.push({ step, text, holds: null, failed: null, place: null, bytes: [], ...rung });
  }

  private rewrites(): void {
    const { table, raw, names } = this;
    const { trail } = this.decided;
    for (let number = 0; number < table.rewriteCount; number++) {
      const { found, read } = raw.during(() => table.rewrite(number));
      const isIt = number === trail.pathRewrite || number === trail.suffixRewrite;
      this.add("rewrite", describeRewrite(found), {
        holds: isIt,
        failed: isIt ? null : "the host is another one",
        place: names?.rewrites[number] ?? null,
        bytes: read,
      });
      // None is asked after one that gives another suffix.
      if (number === trail.suffixRewrite) break;
    }
  }

  /** Rules that pass a request through, answer it or take no wiki leave the host unasked. */
  private asksHost(): boolean {
    const { source, wrong, path, key, wikiFrom } = this.decided.trail;
    if (wikiFrom !== "host" && source.kind === "nothing") return false;
    return source.kind !== "nothing" || wrong !== null || path !== null || key !== null;
  }

  private host(): void {
    const { table, raw, names } = this;
    const { host, source, path } = this.decided.trail;
    const exact = raw.during(() => table.find(table.hosts, host));
    this.add("host", `the host ${host} by its whole name`, {
      holds: exact.found !== -1,
      failed: exact.found === -1 ? "no such host in the table" : null,
      place: own(names?.hosts, host) ?? null,
      bytes: exact.read,
    });
    const last = source.kind === "pattern" ? source.pattern : table.patternCount - 1;
    for (let number = 0; exact.found === -1 && number <= last; number++) {
      const { found, read } = raw.during(() => table.pattern(number));
      const isIt = source.kind === "pattern" && number === source.pattern;
      this.add("host", describePattern(table, found), {
        holds: isIt,
        failed: isIt ? null : `${host} does not fit`,
        place: names?.patterns[number] ?? null,
        bytes: read,
      });
    }
    if (path === null) return;
    const form = raw.during(() => table.path(path));
    const place = names?.paths[path] ?? null;
    this.add("host", `read from ${describePath(form.found)}`, { holds: true, place, bytes: form.read });
  }

  private body(): void {
    const { trail } = this.decided;
    const { field, limit } = this.table.jobs!;
    const says = { text: `says ${trail.key}`, none: "names no wiki", conflict: "names two different wikis" };
    this.add("host", `\`${field}\` in the first ${limit} bytes of the body ${says[trail.body!]}`, {
      holds: trail.body === "text",
      bytes: this.section(L.SECTION_JOBS),
    });
  }

  /** The wiki in the table; its slot, null where there is none. */
  private wiki(): { slot: number | null } {
    const { table, raw } = this;
    const { key, wrong } = this.decided.trail;
    if (key === null) return { slot: null };
    const { found, read } = raw.during(() => table.find(table.wikis, key));
    this.add("wiki", `the wiki ${key || "of an empty name"}`, {
      holds: found !== -1,
      failed: found === -1 ? "no such wiki in the table" : null,
      bytes: read,
    });
    return { slot: found === -1 || wrong === "twoWikis" ? null : found };
  }

  private placement(slot: number): void {
    const { table, raw, names } = this;
    const wiki = table.wiki(slot);
    const { found, read } = raw.during(() => {
      const placement = table.placement(slot);
      return { ...placement, ...table.release(placement.release) };
    });
    const { group, name, version, installed } = found;
    const pin = own(names?.pins, wiki);
    const moved = own(names?.moved, wiki);
    const how = pin
      ? `pinned until ${pin.expires}: ${pin.reason}`
      : moved
        ? `as release ${moved.from} does not run its version`
        : null;
    const text = `${group === null ? "in no group" : `in ${group}`}: release ${name}, version ${version}`;
    this.add("placement", how === null ? text : `${text}; ${how}`, {
      holds: installed,
      failed: installed ? null : "it is not installed, or no release runs its version",
      place: (group !== null && own(names?.groups, group)) || null,
      bytes: read,
    });
  }

  /** What the farm says of a request without a wiki. */
  private without(wrong: Wikiless | "twoWikis"): void {
    const { table, raw } = this;
    if (wrong === "twoWikis") {
      this.add("host", "the path can be read as that of two wikis", { holds: false });
      return;
    }
    const said = {
      unknownHost: "the host of no wiki",
      missing: "a missing wiki",
      notInstalled: "a wiki that is not there yet",
    };
    const { found, read } = raw.during(() => {
      const outcome = table.wikiless(wrong);
      return "reply" in outcome
        ? `reply ${table.reply(outcome.reply).status}`
        : `release ${table.release(outcome.release).name}`;
    });
    this.add("placement", `${said[wrong]}: ${found}`, { bytes: read });
  }

  /** Each rule of a list as far as they were asked, and the test that did not hold. */
  private rules(step: Step, list: "routes" | "assets" | "reads", matched: number | null): void {
    const { table, raw, names, parts } = this;
    const range: Range = this.listener[list];
    const last = matched ?? range.first + range.count - 1;
    for (let number = range.first; number <= last; number++) {
      const { found, read } = raw.during(() => readRule(raw, table.headers, number));
      const failing = found.when.find((predicate) => !holds(predicate, parts));
      this.add(step, `${describeRule(found)} → ${describeOutcome(table, found as Rule)}`, {
        holds: number === matched,
        failed: failing === undefined ? null : describePredicate(failing),
        place: names?.listeners[this.number]?.[list][number - range.first] ?? null,
        bytes: read,
      });
    }
    if (step !== "rule" || matched !== null) return;
    const { deployment } = this.listener;
    const { found, read } = raw.during(() => table.deployment(deployment).name);
    this.add("rule", `no rule matches: the default, ${found}`, { holds: true, bytes: read });
  }

  private route(answer: RouteAnswer): void {
    const { table, raw } = this;
    const deployment = indexOf(
      table.deploymentCount,
      (number) => table.deployment(number).name,
      answer.deployment,
    );
    const release = indexOf(table.releaseCount, (number) => table.release(number).name, answer.release);
    const { found, read } = raw.during(() => {
      table.deployment(deployment);
      table.release(release);
      return table.cluster(deployment, release);
    });
    const of = `deployment ${answer.deployment}, release ${answer.release}`;
    this.add("cluster", `${of}: cluster ${found}`, { holds: true, bytes: read });
    const values: Record<EmitKind, string | null> = answer;
    table.emit.forEach(({ kind, name }, number) => {
      const value = values[kind];
      const text = value === null ? `${name} is taken away` : `${name}: ${value}`;
      this.add("header", text, { bytes: this.emitted(number) });
    });
    if (answer.host !== null) this.add("header", `Host becomes ${answer.host}`);
  }

  private end(answer: Exclude<Answer, RouteAnswer>): void {
    if (answer.kind === "pass")
      this.add("cluster", "not ours: passes through, our headers taken away", { holds: true });
    else this.add("cluster", `answered with ${answer.status}: ${answer.body.trim()}`, { holds: true });
  }

  /** A header's entry, its number and its name. */
  private emitted(number: number): Span[] {
    const emit = this.start(L.SECTION_EMIT) + L.EMIT_BODY + number * L.EMIT_ENTRY;
    const headers = this.start(L.SECTION_HEADERS) + L.HEADERS_BODY;
    return this.raw.during(() => {
      this.raw.u8(emit + L.EMIT_KIND);
      this.raw.string(this.raw.u16(headers + 2 * this.raw.u8(emit + L.EMIT_HEADER)));
    }).read;
  }

  private start(section: number): number {
    return this.raw.area(section).start;
  }

  private section(name: number): Span[] {
    const { start, length } = this.raw.area(name);
    return [{ start, end: start + length }];
  }
}

function indexOf(count: number, nameOf: (number: number) => string, name: string): number {
  for (let number = 0; number < count; number++) if (nameOf(number) === name) return number;
  throw new Error(`the table has no ${name}`);
}

/** A wiki, a host or a group may well be called `constructor`. */
function own<T>(record: Record<string, T> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
