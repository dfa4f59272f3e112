import * as L from "../../assembly/layout.ts";
import type { Table } from "./decode.ts";
import type { Plan } from "./plan.ts";

export interface Limit {
  what: string;
  used: number;
  most: number;
}

/** Share of a limit from which the packer warns. */
const WARN_AT = 0.8;

export const isNear = ({ used, most }: Limit): boolean => used >= WARN_AT * most;

export const showLimit = ({ what, used, most }: Limit): string =>
  `${used} ${what}: a table holds at most ${most}`;

/** How much of each limit of the layout a plan uses; `limitsOfTable` has what only encoding tells. */
export function limitsOf(plan: Plan): Limit[] {
  const count = (what: string, list: readonly unknown[], most: number) => ({ what, used: list.length, most });
  const replacements = plan.paths.flatMap((form) => form.replacements);
  const predicates = plan.rules.flatMap((rule) => rule.when);
  const most = (numbers: number[]) => numbers.reduce((a, b) => Math.max(a, b), 0);
  return [
    count("wikis", plan.wikis, L.MAX_KEYS),
    count("exact hosts", plan.hosts, L.MAX_KEYS),
    count("hosts that are read as another", plan.readAs, L.MAX_READ_AS),
    count("host patterns", plan.patterns, L.MAX_PATTERNS),
    count("path forms", plan.paths, L.MAX_PATH_FORMS),
    {
      what: "segments of a path form",
      used: most(plan.paths.map((p) => p.segments)),
      most: L.MAX_PATH_SEGMENTS,
    },
    {
      what: "parts of a path form",
      used: most(plan.paths.map((p) => p.parts.length)),
      most: L.MAX_PATH_PARTS,
    },
    count("replacements in path forms", replacements, L.MAX_REPLACEMENTS),
    count("rules", plan.rules, L.MAX_RULES),
    count("predicates", predicates, L.MAX_PREDICATES),
    count("deployments", plan.deployments, L.MAX_DEPLOYMENTS),
    count("releases", plan.releases, L.MAX_RELEASES),
    count("pairs of release and group", placementsOf(plan), L.MAX_PLACEMENTS),
  ];
}

export function limitsOfTable(table: Table): Limit[] {
  return [
    { what: "bytes", used: table.bytes.length, most: L.MAX_TABLE_BYTES },
    { what: "different strings", used: table.strings, most: L.MAX_STRINGS },
    { what: "labels", used: table.labelCount, most: L.MAX_LABELS },
  ];
}

/** The pairs of release and group that occur, in order of first use by the sorted wikis. */
export function placementsOf(plan: Plan): { release: number; group: string | null }[] {
  const seen = new Map<string, { release: number; group: string | null }>();
  for (const { release, group } of plan.wikis) {
    const key = `${release} ${group ?? ""}`;
    if (!seen.has(key)) seen.set(key, { release, group });
  }
  return [...seen.values()];
}
