/**
 * What a store keeps and what every kind of it can do. A store is the one place from which a fleet's tables come: the
 * tables by their digest, a history that only grows, and ONE rollout object that says what should be served and is
 * changed by compare-and-swap alone. Every record is held against its schema here whenever it is read.
 */
import { z } from "zod";
import { Refusal } from "../refusal.ts";
import { MAX_GENERATION, type Table } from "../table/table.ts";
import { isWholeFleet, limitsSchema, stageSchema } from "./stages.ts";

const generation = z.int().min(1).max(MAX_GENERATION);
const digest = z.string().regex(/^[0-9a-f]{32}$/, "must be a table's digest: 32 hexadecimal digits");
const text = z.string().min(1).max(2000);
const when = z.iso.datetime("must be a time as `2026-12-31T18:00:00.000Z`");

/** What should be served, and how far that has come. */
export const rolloutSchema = z
  .strictObject({
    digest,
    /** Grows with every push and every rollback; every table on its way has it. */
    generation,
    /** What was to be served before; null: nothing was. */
    previous: z.strictObject({ digest, generation }).nullable(),
    /** The parts of the fleet, in the order in which they get it; the last one is the whole of it. */
    stages: z.array(stageSchema).min(1).max(100),
    /** Of `stages`, the one where it stands, counted from 0. */
    at: z.int().min(0),
    /** `going` until every target of the last stage has it; who pushed may have died since. */
    state: z.enum(["going", "paused", "aborted", "done"]),
    who: text,
    why: text,
    /** Of a push in stages: what each of them must show. Without it, the push is done when its targets have it. */
    limits: limitsSchema.optional(),
    /** Why its stages need not show anything. */
    forced: text.optional(),
    /** Who has changed its state or stage last, and why. */
    said: z.strictObject({ who: text, why: text, when }).optional(),
  })
  .refine(({ stages, at }) => at < stages.length, "`at` must be less than there are `stages`")
  .refine(({ stages }) => isWholeFleet(stages.at(-1)!), "the last of `stages` must be the whole fleet");
export type Rollout = z.infer<typeof rolloutSchema>;

/** Whether there is something left of it, by anybody's hand. */
export function isOpen({ state }: Rollout): boolean {
  return state === "going" || state === "paused";
}

/** Whether it goes on in stages that others must not run over: the last one is for the whole fleet. */
export function isUnderWay(rollout: Rollout): boolean {
  return isOpen(rollout) && rollout.at < rollout.stages.length - 1;
}

/** A line of the history: how a generation came to be. */
export const entrySchema = z
  .strictObject({
    generation,
    digest,
    /** In UTC. */
    when,
    who: text,
    why: text,
    kind: z.enum(["push", "rollback"]),
    /** Of a rollback: the generation whose content it has again. */
    of: generation.optional(),
    /** What the table was packed from; empty for a rollback. */
    sources: z.array(
      z.strictObject({
        /** `farm`, or the source's name in farm.yaml. */
        name: text,
        path: z.string().min(1),
        /** Of the git checkout that it lies in; `+` at the end: with changes that are not committed. */
        commit: text.optional(),
      }),
    ),
    /** What guards found and a person let pass. */
    allowed: z.array(z.strictObject({ guard: text, what: z.string(), why: text })),
    /** The names of its stages; none: the whole fleet at once. */
    stages: z.array(text).min(1).optional(),
    /** Why its stages need not show anything. */
    forced: text.optional(),
  })
  .refine(({ kind, of }) => (kind === "rollback") === (of !== undefined), "`of` needs a rollback");
export type Entry = z.infer<typeof entrySchema>;

/** No push until then. */
export const freezeSchema = z.strictObject({ until: when, who: text, why: text, when });
export type Freeze = z.infer<typeof freezeSchema>;

/** As proxies name themselves: any text. */
const nodeName = z.string().min(1).max(500);

/** What a proxy was seen to serve, by who saw it last. It is gone some time after nobody says it again. */
export const reportSchema = z.strictObject({
  node: nodeName,
  when,
  listeners: z
    .array(
      z.strictObject({
        listener: z.string().max(500),
        /** null: it serves none. */
        generation: generation.nullable(),
        /** As far as it is known: gauges have its beginning. */
        digest: z
          .string()
          .regex(/^[0-9a-f]{12,32}$/)
          .nullable(),
        /** As `pointsman status` judges it. */
        verdict: text,
        what: z.string().max(2000),
      }),
    )
    .max(100),
});
export type Report = z.infer<typeof reportSchema>;

/** A proxy did not take a table. Pushed again, as a new generation, it is tried again. */
export const nodeRefusalSchema = z.strictObject({ node: nodeName, digest, generation, when, why: text });
export type NodeRefusal = z.infer<typeof nodeRefusalSchema>;

/** A proxy that has asked a server for its table. It is expected until somebody says that it is gone for good. */
export const seenNodeSchema = z.strictObject({
  node: nodeName,
  cluster: z.string().max(500),
  locality: z.string().max(500),
  /** When it came last, to within a minute. */
  when,
});
export type SeenNode = z.infer<typeof seenNodeSchema>;

/** Records of many nodes, in no order. */
export interface Records<T> {
  records: T[];
  /** What is damaged or too much, and left out. */
  warnings: string[];
}

/** Of each kind: a hostile node could invent names without end. */
export const RECORDS_AT_MOST = 100_000;
/** A refusal is forgotten then: its table is long not wanted any more, or is tried again. */
export const REFUSAL_SECONDS = 30 * 86_400;
export const NODE_RECORD_BYTES_AT_MOST = 64 * 2 ** 10;

/** Names a state of the rollout object; only its store can read it. */
export type Revision = string;

export interface Head {
  revision: Revision;
  /** null: nothing was ever pushed. */
  rollout: Rollout | null;
}

export interface History {
  /** By generation, the oldest first. */
  entries: Entry[];
  /** What is damaged and left out, each with its place and why. */
  warnings: string[];
}

/** A store that does not answer now, and may well later. */
export class StoreAway extends Refusal {
  /** @param unclear what it was asked to do it may have done */
  constructor(
    message: string,
    readonly unclear: boolean,
  ) {
    super(message);
  }
}

/**
 * A store of any kind. What it cannot read or write is a Refusal or a SourceError, with the file or key in its message:
 * whatever lies in a store may have been damaged, and nothing in it is trusted unread.
 */
export interface Store {
  /** As people name it. */
  readonly name: string;

  /** Whole and with the digest that was asked for, in the generation in which it came; refused where it is not there. */
  table(digest: string): Promise<Table>;

  /** Keeps it under its digest, and mends what is damaged there. */
  putTable(table: Table): Promise<void>;

  head(): Promise<Head>;

  /**
   * Changes the rollout object if it is still the one of `expected`, and says whether; with an entry where it is of
   * another generation. Both are there afterwards, or neither is, whatever dies meanwhile.
   */
  swap(expected: Revision, next: Rollout, entry?: Entry): Promise<boolean>;

  history(): Promise<History>;

  /** null: there is none. One that is over is told all the same. */
  freeze(): Promise<Freeze | null>;

  setFreeze(freeze: Freeze | null): Promise<void>;

  /** Takes the place of the node's last one. Without another it is gone after so many seconds, or a few more. */
  putReport(report: Report, seconds: number): Promise<void>;

  reports(): Promise<Records<Report>>;

  /** Takes the place of the node's last one of this digest. */
  refuse(refusal: NodeRefusal): Promise<void>;

  /** @param digests of these tables alone: there may be many of others */
  refusals(digests: readonly string[]): Promise<Records<NodeRefusal>>;

  /** Takes the place of the node's last one, and never goes by itself. */
  putNode(seen: SeenNode): Promise<void>;

  nodes(): Promise<Records<SeenNode>>;

  /** It is gone for good; nothing happens where it is not there. */
  retire(node: string): Promise<void>;

  /** Calls `hint` when the rollout object may have changed, until the signal. It may miss something: ask now and then as well. */
  watch(hint: () => void, signal: AbortSignal): void;
}
