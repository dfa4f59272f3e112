/** Every case of the suite that can be sent, as real requests to the real ATS 9.2 with the script in Lua. */
import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { sendRaw } from "../../scripts/envoy/request.ts";
import { withAllHeaders } from "../../scripts/explain/all-headers.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../../scripts/plan.ts";
import { decide } from "../../scripts/table/decide.ts";
import type { Answer, Where } from "../../scripts/table/request.ts";
import { Table } from "../../scripts/table/table.ts";
import { type Case, loadSuites, requestOf, wheresOf } from "../suite/cases.ts";
import { needsData, SuiteFarm } from "../suite/farms.ts";
import { ATS_IS_ABSENT, FALLBACK, Listening, WHY_NO_ATS } from "../support/ats-listening.ts";
import type { Seen } from "../support/ats-origins.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";

let listening: Listening | undefined;
afterEach(async () => {
  await listening?.stop();
  listening = undefined;
});

/** What ATS makes of a request before any plugin sees it: the reasons for each answer that is not the suite's. */
const CHANGES: { why: string; applies(one: Case): boolean; seen(one: Case): Case | "refused" }[] = [
  {
    why: "a Host with userinfo, or whose port is no number, is its own 400",
    applies: ({ authority }) => /@|:[^0-9\]]|:$/.test(authority?.replace(/^\[.*\]/, "") ?? ""),
    seen: () => "refused",
  },
  {
    why: "a target that begins with neither a slash nor a question mark is its own 400",
    applies: ({ path }) => !/^[/?]/.test(path),
    seen: () => "refused",
  },
  {
    why: "a target that is a query alone gets a slash",
    applies: ({ path }) => path.startsWith("?"),
    seen: (one) => ({ ...one, path: `/${one.path}` }),
  },
  {
    why: "of slashes at the beginning one is left",
    applies: ({ path }) => path.startsWith("//"),
    seen: (one) => ({ ...one, path: one.path.replace(/^\/+/, "/") }),
  },
];
const met = new Set<string>();

const suites = loadSuites();
describe.skipIf(ATS_IS_ABSENT)(`the suite in ATS${WHY_NO_ATS}`, () => {
  for (const name of new Set(suites.map(({ farm }) => farm))) {
    const isSkipped = needsData(name) && DATA_IS_ABSENT;
    test.skipIf(isSkipped)(`${name}${isSkipped ? WHY_SKIPPED : ""}`, async () => {
      const farm = new SuiteFarm(name);
      const { bytes, headers } = withAllHeaders(farm.table);
      const asked = suites
        .filter((suite) => suite.farm === name)
        .flatMap((suite) => suite.cases.filter(canBeSent))
        .flatMap((one) => wheresOf(one).map((where) => ({ one, where })));
      const first = farm.plan.listeners[0]!.name ?? "any";
      listening = await Listening.start({
        table: new Table(bytes),
        listeners: [...new Set(asked.map(({ where }) => where.listener ?? first))],
        withSecondary: true,
      });
      const { ats, origins } = listening;
      expect(asked.length).toBeGreaterThan(10);
      const wrong: string[] = [];
      for (const [i, { one, where }] of asked.entries()) {
        const id = `${i}`;
        const response = await ask(listening.port(where.listener ?? first, where.secondary), one, id);
        const got = visibleOf(response, origins.seen.get(id), headers);
        const expected = expectedOf(farm, one, where);
        if (isDeepStrictEqual(got, expected)) continue;
        const place = `${one.place} at ${where.listener}${where.secondary ? ", secondary" : ""}`;
        wrong.push(`${place}: ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`);
      }
      expect(wrong).toEqual([]);
      expect(ats.log()).not.toMatch(/lua_pcall|pointsman:/);
    });
  }

  test.skipIf(DATA_IS_ABSENT)(`differs from it for each of these reasons${WHY_SKIPPED}`, () => {
    expect([...met].sort()).toEqual(CHANGES.map(({ why }) => why).sort());
  });
});

/** From an address that this machine has. What Envoy alone makes of a request is not asked. */
const canBeSent = ({ only, client }: Case) => !only && client === undefined;

/** What can be seen of an answer from outside. */
type Visible = Partial<Record<EmitKind, string>> & {
  status: number;
  /** Of an answer that no origin has given; null: one of ATS's own pages. */
  body?: string | null;
  origin?: string;
  host?: string | null;
  debug?: boolean;
};

function expectedOf(farm: SuiteFarm, one: Case, where: Where): Visible {
  const change = CHANGES.find(({ applies }) => applies(one));
  const seen = change ? change.seen(one) : one;
  if (seen === "refused") {
    met.add(change!.why);
    return { status: 400, body: null };
  }
  const { answer: bodiless, trail } = decide(farm.table, requestOf(seen), { ...where, bodiless: true });
  const inSuite = trail.wikiFrom === "body" ? bodiless : farm.answer(one, where.secondary);
  const answer: Answer = change ? bodiless : inSuite;
  if (change && !isDeepStrictEqual(answer, inSuite)) met.add(change.why);
  // RFC 9110, 9.3.2.
  if (answer.kind === "reply")
    return { status: answer.status, body: one.method === "HEAD" ? "" : answer.body };
  const host = one.authority;
  if (answer.kind === "pass") return { status: 200, origin: FALLBACK, host, debug: false };
  const says = EMIT_KIND_NAMES.flatMap((kind) => (answer[kind] === null ? [] : [[kind, answer[kind]]]));
  return { status: 200, origin: answer.cluster, host, debug: answer.debug, ...Object.fromEntries(says) };
}

function ask(port: number, { method, path, authority, headers, body }: Case, id: string) {
  const hasBody = body !== undefined || method === "POST" || method === "PUT";
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(authority === null ? [] : [`Host: ${authority}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `x-question: ${id}`,
    "Connection: close",
    ...(hasBody ? [`Content-Length: ${Buffer.byteLength(body ?? "", "latin1")}`] : []),
  ];
  return sendRaw(port, `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}

function visibleOf(
  { status, body, headers }: Awaited<ReturnType<typeof sendRaw>>,
  seen: Seen | undefined,
  names: Record<EmitKind, string>,
): Visible {
  if (!seen) return { status, body: body.includes("<TITLE>") ? null : body };
  const of = (name: string) => seen.headers.filter(([one]) => one === name).map(([, value]) => value);
  const says = EMIT_KIND_NAMES.flatMap((kind) =>
    of(names[kind]).length > 0 ? [[kind, of(names[kind]).join(" and ")]] : [],
  );
  const debug = headers.some(([name]) => name.toLowerCase() === "x-pointsman-cluster");
  // ATS names the origin's address where the client has named no host.
  const [host = null] = of("host").filter((one) => !/^127\.0\.0\.1:\d+$/.test(one));
  return { status, origin: seen.cluster, host, debug, ...Object.fromEntries(says) };
}
