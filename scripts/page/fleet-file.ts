/** Who runs what, out of a file: what `pointsman status --json` said, `/status` of `serve`, or a store's rollout object. */
import { z } from "zod";
import { count } from "../count.ts";
import type { ServeStatus } from "../serve/http.ts";
import { VERDICTS } from "../status/judge.ts";
import { proxyRows, type Status, showServed, showWanted } from "../status/show.ts";
import { parseRecord } from "../store/record.ts";
import { showRollout } from "../store/show.ts";
import type { Rollout } from "../store/store.ts";

export interface FleetSays {
  /** What the store wants served; the digest is null where the file does not say it. */
  wanted: { generation: number; digest: string | null };
  /** What is wanted, N of M, and warnings. */
  sentences: string[];
  /** Those with most proxies first; none where the file knows no proxies. */
  runs: { what: string; proxies: number }[];
  proxies: number;
  /** Proxy, listener, state, what is so. */
  rows: string[][];
  /** Of a push in stages, in their order. */
  stages: { name: string; state: string }[];
}

const version = z.object({ generation: z.number(), digest: z.string() });
const said = z.object({ who: z.string(), why: z.string(), when: z.string() });
const state = z.enum(["going", "paused", "aborted", "done"]);

/** What is read of it; a newer `status` may say more. */
const statusSchema = z.object({
  wanted: version.extend({
    pushed: z.string().nullable(),
    state: state.nullable(),
    stage: z.object({ name: z.string(), number: z.number(), of: z.number() }).optional(),
    said: said.optional(),
  }),
  proxies: z.array(
    z.object({
      proxy: z.string(),
      fine: z.boolean(),
      wanted: z.number(),
      listeners: z.array(
        z.object({
          listener: z.string().nullable(),
          verdict: z.enum(VERDICTS),
          what: z.string(),
          served: z
            .object({ generation: z.number(), digest: z.string().nullable(), pushed: z.string().nullable() })
            .nullable(),
          instances: z.number().nullable(),
          instancesWanted: z.number().nullable(),
          refused: z.object({ code: z.number(), means: z.string(), wayOut: z.string() }).nullable(),
        }),
      ),
    }),
  ),
  warnings: z.array(z.string()),
}) satisfies z.ZodType<Omit<Status, "fine">>;

type Served = Pick<ServeStatus["proxies"][number], "id" | "listeners" | "why" | "wanted" | "reported">;
/** What is read of it; a newer `serve` may have more states. */
type Serve = Pick<ServeStatus, "store" | "generation"> & { proxies: (Served & { state: string })[] };
const serveSchema = z.object({
  store: z.object({
    name: z.string(),
    trouble: z.object({ kind: z.string(), why: z.string(), since: z.string() }).nullable(),
  }),
  generation: z.number().nullable(),
  proxies: z.array(
    z.object({
      id: z.string(),
      listeners: z.array(z.string()),
      state: z.string(),
      why: z.string().nullable(),
      wanted: version.nullable(),
      reported: version.nullable(),
    }),
  ),
}) satisfies z.ZodType<Serve>;

const rolloutSchema = z.object({
  rollout: version
    .extend({
      previous: version.nullable(),
      stages: z.array(z.object({ name: z.string() })).min(1),
      at: z.int().min(0),
      state,
      said: said.optional(),
    })
    .refine(({ stages, at }) => at < stages.length, "`at` must be less than there are `stages`"),
});

/** Of a fleet of 100,000 proxies it has some 50 MB; a browser reads half of that in a second. */
export const FLEET_FILE_BYTES = 64 * 2 ** 20;

/** Or what is wrong with the text. */
export function readFleet(text: string): FleetSays | string {
  const is = parseRecord(z.looseObject({}), text);
  if (typeof is === "string") return is;
  if ("rollout" in is) return told(parseRecord(rolloutSchema, text), ofRollout);
  if ("proxies" in is && "wanted" in is) return told(parseRecord(statusSchema, text), ofStatus);
  if ("proxies" in is && "store" in is) return told(parseRecord(serveSchema, text), ofServe);
  return "it says nothing of a fleet: give it what `pointsman status --json` prints, `/status` of `serve`, or `rollout.json` of a store";
}

function told<T>(read: T | string, tell: (read: T) => FleetSays): FleetSays | string {
  return typeof read === "string" ? read : tell(read);
}

function ofStatus(status: z.infer<typeof statusSchema>): FleetSays {
  const { wanted, proxies, warnings } = status;
  return {
    wanted,
    sentences: [showWanted(status), showServed(status), ...warnings.map((one) => `warning: ${one}`)],
    runs: runsOf(
      proxies.map(({ listeners }) => {
        const served = new Set(listeners.map(({ served }) => served?.generation ?? null));
        if (served.size > 1) return `listeners differ: ${[...served].map(shownGeneration).join(", ")}`;
        return shownGeneration([...served][0] ?? null);
      }),
    ),
    proxies: proxies.length,
    rows: proxyRows(status),
    stages: [],
  };
}

function ofServe({ store, generation, proxies }: Serve): FleetSays {
  const acknowledged = proxies.filter(
    ({ state, wanted }) => state === "acknowledged" && wanted?.generation === generation,
  ).length;
  const all = count(proxies.length, "proxy", "proxies");
  return {
    wanted: {
      generation: generation ?? 0,
      digest: proxies.find(({ wanted }) => wanted?.generation === generation)?.wanted?.digest ?? null,
    },
    sentences: [
      generation === null ? "nothing was read of the store yet" : `wanted: generation ${generation}`,
      ...(store.trouble ? [`since ${store.trouble.since} ${store.trouble.why}`] : []),
      `generation ${generation ?? 0} is acknowledged by ${acknowledged} of ${all}; the proof is the filters' own word: \`pointsman status\``,
    ],
    runs: runsOf(proxies.map(({ reported }) => shownGeneration(reported?.generation ?? null))),
    proxies: proxies.length,
    rows: proxies.map(({ id, listeners, state, why, wanted, reported }) => [
      id,
      listeners.join(", ") || "-",
      state === "acknowledged" ? state : state.toUpperCase(),
      [
        `says that it serves ${shownGeneration(reported?.generation ?? null)}`,
        `is to serve ${shownGeneration(wanted?.generation ?? null)}`,
        ...(why === null ? [] : [why]),
      ].join(", "),
    ]),
    stages: [],
  };
}

/** It knows no proxies: who runs what only `status` can tell. */
function ofRollout({ rollout }: z.infer<typeof rolloutSchema>): FleetSays {
  const { previous, stages, at, state } = rollout;
  const before =
    previous === null
      ? "nothing was to be served before"
      : `before it, generation ${previous.generation} was to be served: proxies of stages to come still serve it`;
  return {
    wanted: rollout,
    sentences: [showRollout(rollout as Rollout), ...(state === "done" ? [] : [before])],
    runs: [],
    proxies: 0,
    rows: [],
    stages: stages.map(({ name }, number) => ({
      name,
      state: state === "done" || number < at ? "has it" : number > at ? "not yet" : `${state} here`,
    })),
  };
}

const shownGeneration = (generation: number | null): string =>
  generation === null ? "nothing known" : `generation ${generation}`;

function runsOf(each: readonly string[]): FleetSays["runs"] {
  const sums = new Map<string, number>();
  for (const what of each) sums.set(what, (sums.get(what) ?? 0) + 1);
  return [...sums].map(([what, proxies]) => ({ what, proxies })).sort((a, b) => b.proxies - a.proxies);
}
