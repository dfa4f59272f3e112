/**
 * Every case of the suite, asked of a real Envoy that decides by its own routes: it answers as the decoder does, and so
 * as the filter, or with a 501 that says by name what these routes cannot say.
 */
import http from "node:http";
import { afterEach, expect, test } from "vitest";
import type { EnvoyProcess } from "../../scripts/envoy/process.ts";
import { startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { withAllHeaders } from "../../scripts/explain/all-headers.ts";
import { pathInEnvoy } from "../../scripts/explain/envoy-path.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../../scripts/plan.ts";
import { decide } from "../../scripts/table/decide.ts";
import type { Where } from "../../scripts/table/request.ts";
import type { Table } from "../../scripts/table/table.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { tableOf } from "../support/farms.ts";
import { startNative } from "../support/native.ts";
import { type Case, loadSuites, requestOf, wheresOf } from "./cases.ts";
import { needsData, SuiteFarm } from "./farms.ts";
import { ask, canBeSent, FALLBACK, seenOf, show, type Visible } from "./visible.ts";

/** What cannot be said, and cases meet. */
const NOT_SAID: Record<string, string[]> = {
  production: [
    "host auth.wikimedia.org",
    "host rest-gateway.discovery.wmnet",
    "host upload.wikimedia.org",
    "jobs of mw-jobrunner",
    "jobs of mw-videoscaler",
  ],
  labs: ["host auth.wikimedia.org", "host upload.wikimedia.org"],
  hosts: [
    "host *.under.example",
    "host farm.example",
    "host named.example",
    "host other.example",
    "host sites.example",
    "host x.de.list.example",
    "host x.fr.list.example",
    "host {label}.wiki.example",
    "host {label}.{family}.org",
  ],
  // Its first rule asks for the client's network.
  chosen: ["rule 12", "rule 4"],
  releases: ["jobs of jobs"],
  replies: ["host auth.example", "host files.example", "jobs of jobs", "reads of web"],
};

const suites = loadSuites();
let upstreams: Upstreams | undefined;
let envoy: EnvoyProcess | undefined;
afterEach(async () => {
  await envoy?.stop();
  await upstreams?.stop();
});

for (const name of new Set(suites.map(({ farm }) => farm))) {
  const isSkipped = needsData(name) && DATA_IS_ABSENT;
  test.skipIf(isSkipped)(
    `native routes and the suite agree: ${name}${isSkipped ? WHY_SKIPPED : ""}`,
    async () => {
      const farm = new SuiteFarm(name);
      const { headers } = withAllHeaders(farm.table);
      const table = tellingMost(farm, headers);
      const clusters = [...new Set(farm.plan.clusters.flat()), FALLBACK];
      upstreams = await startUpstreams(clusters);
      const cases = suites.flatMap((one) => (one.farm === name ? one.cases : [])).filter(canBeAsked);
      const agent = new http.Agent({ keepAlive: true });
      const wrong: string[] = [];
      const notSaid = new Set<string>();
      for (const secondary of [false, true]) {
        envoy = await startNative(table, {
          clusters: upstreams.clusters,
          fallbackCluster: FALLBACK,
          datacentre: "here",
          primary: secondary ? "there" : "here",
        });
        for (const { one, where } of cases.flatMap((one) => wheresOf(one).map((where) => ({ one, where })))) {
          if (where.secondary !== secondary) continue;
          const listener = where.listener ?? farm.plan.listeners[0]!.name;
          const got = await ask(envoy.ports[listener!] ?? envoy.port, one, headers, agent);
          const [, what] = /^not without Pointsman's filter: (\w+ (?:of )?[^ :]+)/.exec(got.body ?? "") ?? [];
          if (got.status === 501 && what !== undefined) {
            notSaid.add(what);
            continue;
          }
          const expected = expectedOf(table, one, where);
          if (show(got) !== show(expected))
            wrong.push(`${one.place} ${one.ask} at ${listener}: ${show(got)}, not ${show(expected)}`);
        }
        await envoy.stop();
      }
      agent.destroy();
      expect(wrong).toEqual([]);
      expect([...notSaid].sort()).toEqual(NOT_SAID[name] ?? []);
    },
  );
}

/** Of the real farms all but the wiki: each of their 1,072 wikis would have routes of its own. */
function tellingMost({ name, plan }: SuiteFarm, headers: Record<EmitKind, string>): Table {
  const kinds = EMIT_KIND_NAMES.filter((kind) => kind !== "wiki" || !needsData(name));
  return tableOf({ ...plan, emit: kinds.map((kind) => ({ kind, name: headers[kind] })) });
}

/** Not what Envoy refuses by itself, nor what docs/envoy.md names as read otherwise. */
function canBeAsked(one: Case): boolean {
  const { path, method, authority, headers } = one;
  const isTaken = /^(\/|https?:)/.test(path) && pathInEnvoy(path) !== null && http.METHODS.includes(method);
  const hasOddPort = /:[^:]*[^0-9:][^:]*$/.test(authority ?? "");
  const names = headers.map(([key]) => key.toLowerCase());
  const isDebuggedTwice = names.filter((key) => key === "x-wikimedia-debug" || key === "x-debug").length > 1;
  return canBeSent(one) && isTaken && !hasOddPort && !isDebuggedTwice;
}

function expectedOf(table: Table, one: Case, where: Where): Visible {
  const request = requestOf(one);
  const target = pathInEnvoy(request.target.replace(/^https?:\/\/[^/]*/, ""))!;
  if (/%2f\.\.?(\/|%2f|$)|\/\.\.?%2f/i.test(target.split("?", 1)[0]!))
    return { status: 400, body: "the request's path has dot segments behind an encoded slash\n" };
  const [, authority = request.authority] = /^https?:\/\/([^/]*)/.exec(request.target) ?? [];
  const seen = seenOf(decide(table, { ...request, authority, target }, where).answer, one);
  if (table.emit.every(({ kind }) => kind !== "wiki")) delete seen.says?.wiki;
  // The connection manager takes a dot at its end away.
  if (typeof seen.host === "string") seen.host = seen.host.replace(/\.(?=(:\d*)?$)/, "");
  return seen;
}
