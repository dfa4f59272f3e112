/** The routes of `--native`, read here as Envoy reads them, decide any request to any plan as the decoder does. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { pathInEnvoy } from "../scripts/explain/envoy-path.ts";
import type { Plan } from "../scripts/plan.ts";
import { knownHosts } from "../scripts/render/native/hosts.ts";
import type { Match } from "../scripts/render/native/match.ts";
import type { NativeRoute } from "../scripts/render/native/routes.ts";
import { Unsaid } from "../scripts/render/native/unsaid.ts";
import { type NativeHost, nativeHosts } from "../scripts/render/native/virtual-hosts.ts";
import { decide, findListener } from "../scripts/table/decide.ts";
import type { Answer, Request, Where } from "../scripts/table/request.ts";
import type { Table } from "../scripts/table/table.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, tableOf } from "./support/farms.ts";
import { anyPlan } from "./support/plans.ts";
import { requestsFor, wheresFor } from "./support/requests.ts";

const PLANS = 60;
const REQUESTS = 2_000;

const regexes = new Map<string, RegExp>();

/** RE2's, of the whole text. */
function regexOf(text: string): RegExp {
  const known = regexes.get(text);
  if (known) return known;
  const isFolded = text.startsWith("(?i)");
  const source = text.replace(/^\(\?i\)/, "").replaceAll("\\C", "[^]");
  const made = new RegExp(`^(?:${source})$`, isFolded ? "i" : "");
  regexes.set(text, made);
  return made;
}

function holds({ test, not }: Match, values: readonly string[]): boolean {
  if (test === "present") return values.length > 0 !== not;
  const fits = (text: string) => {
    if ("regex" in test) return regexOf(test.regex).test(text);
    if ("exact" in test) return text === test.exact;
    return "prefix" in test ? text.startsWith(test.prefix) : text.includes(test.contains);
  };
  return (not && values.length === 0 ? [""] : values).some(fits) !== not;
}

function routeOf({ byDomain, rest }: Hosts, request: Request): NativeRoute["action"] {
  const authority = request.authority!.replace(/\.(?=(:\d*)?$)/, "");
  const host = authority.replace(/:[^:\]]*$/, "").toLowerCase();
  const ends = [...host].flatMap((char, n) => (char === "." && n > 0 ? [`*${host.slice(n)}`] : []));
  const found =
    [host, ...ends].map((domain) => byDomain.get(domain)).find((one) => one !== undefined) ?? rest;
  const values = (name: string): string[] => {
    if (name === ":authority") return [authority];
    if (name === ":path") return [request.target];
    if (name === ":method") return [request.method ?? "GET"];
    return (request.headers ?? []).flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []));
  };
  return found.routes.find(({ match }) => match.every((one) => holds(one, values(one.header))))!.action;
}

interface Hosts {
  byDomain: Map<string, NativeHost>;
  rest: NativeHost;
}

function byDomain(hosts: readonly NativeHost[]): Hosts {
  const all = hosts.flatMap((host) => host.domains.map((domain) => [domain, host] as const));
  // Envoy refuses a domain that is there twice.
  expect(new Set(all.map(([domain]) => domain)).size).toBe(all.length);
  return { byDomain: new Map(all), rest: hosts.at(-1)! };
}

/** What of an answer the routes say. */
function saidOf(table: Table, answer: Answer): unknown {
  if (answer.kind === "pass") return "pass";
  if (answer.kind === "reply") return { status: answer.status, body: answer.body };
  const headers = table.emit.flatMap(({ kind, name }) =>
    answer[kind] === null ? [] : [[name, answer[kind]]],
  );
  return { cluster: answer.cluster, headers, debug: answer.debug };
}

function saidBy(action: Exclude<NativeRoute["action"], Unsaid>): unknown {
  if (action === "pass" || "status" in action) return action;
  return { cluster: action.cluster, headers: action.headers, debug: action.says !== null };
}

/** As Envoy takes it; null: it refuses it, or docs/envoy.md names it as read otherwise. */
function inEnvoy({ authority, target, ...request }: Request): Request | null {
  const path = target.startsWith("/") ? pathInEnvoy(target) : null;
  if (!authority || path === null || /:[^:\]]*[^0-9:\]][^:\]]*$/.test(authority)) return null;
  if (/%2f\.\.?(\/|%2f|$)|\/\.\.?%2f/i.test(path.split("?", 1)[0]!)) return null;
  const names = (request.headers ?? []).map(([name]) => name.toLowerCase());
  if (new Set(names).size < names.length) return null;
  return { ...request, authority, target: path };
}

class Native {
  readonly table: Table;
  readonly counts = { alike: 0, unsaid: 0 };
  private readonly known;
  private readonly made = new Map<string, Hosts>();

  constructor(plan: Plan) {
    this.table = tableOf(plan);
    this.known = knownHosts(this.table);
  }

  check(asked: Request, { listener, secondary }: Where): void {
    const request = inEnvoy(asked);
    if (request === null) return;
    const key = `${listener} ${secondary}`;
    const found = findListener(this.table, listener);
    const hosts = this.made.get(key) ?? byDomain(nativeHosts(this.table, this.known, found, secondary).hosts);
    this.made.set(key, hosts);
    const action = routeOf(hosts, request);
    if (action instanceof Unsaid) {
      this.counts.unsaid++;
      return;
    }
    const { answer } = decide(this.table, request, { listener, secondary });
    expect(saidBy(action)).toEqual(saidOf(this.table, answer));
    this.counts.alike++;
  }
}

it("any plan", { timeout: 600_000 }, () => {
  const counts = { alike: 0, unsaid: 0 };
  const asked = anyPlan.chain((plan) =>
    fc.tuple(
      fc.constant(plan),
      fc.array(fc.tuple(requestsFor(plan), fc.constantFrom(...wheresFor(plan))), {
        minLength: 20,
        maxLength: 40,
      }),
    ),
  );
  fc.assert(
    fc.property(asked, ([plan, requests]) => {
      const native = new Native(plan);
      for (const [request, where] of requests) native.check(request, where);
      counts.alike += native.counts.alike;
      counts.unsaid += native.counts.unsaid;
    }),
    { numRuns: PLANS },
  );
  // The generator is worth something only as long as it finds what routes can say.
  expect(counts.alike).toBeGreaterThan(PLANS * 5);
});

for (const name of ["small", "production"] as const) {
  const isSkipped = name === "production" && DATA_IS_ABSENT;
  it.skipIf(isSkipped)(
    `requests to the ${name} farm${isSkipped ? WHY_SKIPPED : ""}`,
    { timeout: 600_000 },
    () => {
      const { plan } = loadFarm(name);
      const native = new Native(plan);
      const check = (request: Request, where: Where) => native.check(request, where);
      const wheres = wheresFor(plan).slice(0, 4);
      fc.assert(fc.property(requestsFor(plan), fc.constantFrom(...wheres), check), {
        numRuns: REQUESTS,
      });
      expect(native.counts.alike).toBeGreaterThan(REQUESTS / 2);
    },
  );
}
