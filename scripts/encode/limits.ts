/** How much of each limit of the layout a plan or a table uses. */
import * as L from "../../assembly/layout.ts";
import type { Placement, Plan } from "../plan.ts";
import type { Table } from "../table/table.ts";
import { elsesOf } from "./elses.ts";
import { headerNamesOf } from "./header-names.ts";
import { ruleListsOf } from "./rule-lists.ts";

export interface Limit {
  what: string;
  used: number;
  most: number;
}

/** Share of a limit from which the packer warns. */
const WARN_AT = 0.8;

export const isAlmostFull = ({ used, most }: Limit): boolean => used >= WARN_AT * most;

export const showLimit = ({ what, used, most }: Limit): string =>
  `${used} ${what}: a table holds at most ${most}`;

/** How much of each limit of the layout a plan uses; `limitsOfTable` has what only encoding tells. */
export function limitsOf(plan: Plan): Limit[] {
  const count = (what: string, list: readonly unknown[], most: number) => ({ what, used: list.length, most });
  const replacements = plan.paths.flatMap((form) => form.replacements);
  const { rules, predicates } = ruleListsOf(plan);
  const most = (numbers: number[]) => numbers.reduce((a, b) => Math.max(a, b), 0);
  return [
    count("wikis", plan.wikis, L.MAX_KEYS),
    count("exact hosts", plan.hosts, L.MAX_KEYS),
    count("rewrites", plan.rewrites, L.MAX_REWRITES),
    count("host patterns", plan.patterns, L.MAX_PATTERNS),
    count("path forms", plan.paths, L.MAX_PATH_FORMS),
    {
      what: "segments of a path form",
      used: most(plan.paths.map((p) => p.segments.length)),
      most: L.MAX_PATH_SEGMENTS,
    },
    {
      what: "parts of a path form",
      used: most(plan.paths.map((p) => p.parts.length)),
      most: L.MAX_PATH_PARTS,
    },
    count("replacements in path forms", replacements, L.MAX_REPLACEMENTS),
    count("pairs of a path form and a wiki", elsesOf(plan).list, L.MAX_ELSES),
    count("headers that are looked at or set", headerNamesOf(plan), L.MAX_HEADERS),
    count("rules", rules, L.MAX_RULES),
    count("predicates", predicates, L.MAX_PREDICATES),
    {
      what: "predicates of a rule",
      used: most(rules.map(({ rule }) => rule.when.length)),
      most: L.MAX_RULE_PREDICATES,
    },
    count("listeners", plan.listeners, L.MAX_LISTENERS),
    {
      what: "trusted hops of a listener",
      used: most(plan.listeners.map((one) => one.trustedHops)),
      most: L.MAX_TRUSTED_HOPS,
    },
    count("replies", plan.replies, L.MAX_REPLIES),
    count("deployments", plan.deployments, L.MAX_DEPLOYMENTS),
    count("releases", plan.releases, L.MAX_RELEASES),
    count("pairs of release and group", placementsOf(plan).list, L.MAX_PLACEMENTS),
    { what: "bytes of a body with a wiki", used: plan.jobs?.limit ?? 0, most: L.MAX_JOB_LIMIT },
    { what: "bytes of held bodies", used: plan.jobs?.heldBytes ?? 0, most: L.MAX_HELD_BYTES },
    { what: "held jobs", used: plan.jobs?.heldStreams ?? 0, most: L.MAX_HELD_STREAMS },
    { what: "seconds for which a job is held", used: plan.jobs?.heldSeconds ?? 0, most: L.MAX_HELD_SECONDS },
    count("rules from a wiki to its host", plan.canonical.rules, L.MAX_CANONICAL_RULES),
  ];
}

export function limitsOfTable(table: Table): Limit[] {
  return [
    { what: "bytes", used: table.bytes.length, most: L.MAX_TABLE_BYTES },
    { what: "different strings", used: table.stringCount, most: L.MAX_STRINGS },
    { what: "stems", used: table.stemCount, most: L.MAX_STEMS },
  ];
}

export interface Placements {
  /** Those that occur, in order of first use by the sorted wikis. */
  list: Placement[];
  /** The number of each wiki's. */
  ofWiki: Uint32Array;
}

export function placementsOf({ wikis }: Plan): Placements {
  const list: Placement[] = [];
  const ofWiki = new Uint32Array(wikis.length);
  const numbers = new Map<string | null, Map<number, number>>();
  for (const [i, { release, group, installed }] of wikis.entries()) {
    const ofGroup = numbers.get(group) ?? new Map<number, number>();
    numbers.set(group, ofGroup);
    const key = 2 * release + Number(installed);
    const number = ofGroup.get(key) ?? list.push({ release, group, installed }) - 1;
    ofGroup.set(key, number);
    ofWiki[i] = number;
  }
  return { list, ofWiki };
}
