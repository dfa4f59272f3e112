/**
 * Whether the proxies that have the new table do worse than the others at the same time, by what both have counted. What
 * is bad on all sides, as a database that is down, is no fault of the table.
 */
import { count } from "../count.ts";
import type { Limits } from "../store/stages.ts";
import type { Counters } from "./counters.ts";

export interface Counted extends Counters {
  name: string;
}

export interface Compared {
  is: "fine" | "bad" | "unsure";
  what: string;
  /** Of `unsure`: it may be told soon, as Envoy sums times up now and then only. */
  isEarly: boolean;
}

/** Of so many standard deviations nobody says that they are chance. */
const DEVIATIONS = 3;
/** Nobody minds a mean that is higher by less. */
const MS_AT_LEAST = 10;

/**
 * All proxies of the stages together are compared, and each of them that has requests enough: a hundred good ones do not
 * hide a bad one.
 */
export function compare(stage: readonly Counted[], rest: readonly Counted[], limits: Limits): Compared {
  const [ours, others] = [sum(stage), sum(rest)];
  const least = limits.requests;
  if (limits.errors === null && limits.latency === null)
    return { is: "fine", what: "nothing is compared", isEarly: false };
  const tooFew = (what: string, isEarly = false): Compared => ({ is: "unsure", what, isEarly });
  if (ours.requests < least || others.requests < least) {
    return tooFew(
      `too few requests to compare: ${count(ours.requests, "request")} and ${others.requests} elsewhere, where ${least} are needed on either side (\`rollout.requests\`)`,
    );
  }
  const whole = { ...ours, name: "" };
  const each = stage.length > 1 ? stage.filter(({ requests }) => requests >= least) : [];
  const tooMany = [whole, ...each].filter((one) => hasTooManyErrors(one, others, limits.errors));
  if (tooMany.length > 0) return { is: "bad", what: showErrors(tooMany, others), isEarly: false };
  if (limits.latency !== null) {
    if (ours.timed < least || others.timed < least)
      return tooFew(
        `too few times to compare: ${ours.timed} and ${others.timed} elsewhere, where ${least} are needed`,
        true,
      );
    const isSlow = (one: Counted) =>
      mean(one) > mean(others) * limits.latency! && mean(one) - mean(others) >= MS_AT_LEAST;
    const slow = [whole, ...each.filter(({ timed }) => timed >= least)].filter(isSlow);
    if (slow.length > 0) return { is: "bad", what: showTimes(slow, others), isEarly: false };
  }
  const what = `${showErrors([whole], others)}${limits.latency === null ? "" : `; ${showTimes([whole], others)}`}`;
  return { is: "fine", what, isEarly: false };
}

/** More than the others' share and the limit allow, chance included. */
function hasTooManyErrors({ requests, errors }: Counters, others: Counters, limit: number | null): boolean {
  if (limit === null) return false;
  const share = Math.min(1, others.errors / others.requests + limit / 100);
  const allowed = requests * share;
  return errors > allowed + DEVIATIONS * Math.sqrt(allowed * (1 - share));
}

function sum(all: readonly Counters[]): Counters {
  const sums = { requests: 0, errors: 0, timed: 0, ms: 0 };
  for (const one of all) for (const key of Object.keys(sums) as (keyof Counters)[]) sums[key] += one[key];
  return sums;
}

const mean = ({ ms, timed }: Counters) => (timed === 0 ? 0 : ms / timed);

function showErrors(some: readonly Counted[], others: Counters): string {
  const share = ({ errors, requests }: Counters) =>
    `${((100 * errors) / requests).toFixed(2)} % of ${count(requests, "request")}`;
  return `5xx: ${named(some, share)}; elsewhere ${share(others)}`;
}

function showTimes(some: readonly Counted[], others: Counters): string {
  const time = (one: Counters) => `${mean(one).toFixed(1)} ms`;
  return `mean latency: ${named(some, time)}; elsewhere ${time(others)}`;
}

const NAMED_AT_MOST = 5;

/** The whole has no name. */
function named(some: readonly Counted[], show: (one: Counters) => string): string {
  return some
    .slice(0, NAMED_AT_MOST)
    .map((one) => (one.name === "" ? show(one) : `${one.name} ${show(one)}`))
    .join(", ");
}
