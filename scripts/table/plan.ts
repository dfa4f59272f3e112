/**
 * What a table says, before it is bytes: the farm compiled down to routing, with nothing left to look up.
 * The encoder writes it, the naive reference in the tests answers from it.
 *
 * Strings are printable ASCII of at most `MAX_STRING_BYTES`.
 */
export interface Plan {
  /** Every wiki of the table, sorted by ID. */
  wikis: PlanWiki[];
  /** Hosts by their whole name, sorted. */
  hosts: PlanHost[];
  readAs: ReadAs[];
  /** Host patterns; the first match counts, and only for a host that is not in `hosts`. */
  patterns: Pattern[];
  /** Forms of path that carry a wiki; `hosts` and `patterns` refer to them by number. */
  paths: PathForm[];
  /** The first rule whose predicates all hold decides the deployment; none: the default deployment. */
  rules: Rule[];
  deployments: string[];
  defaultDeployment: number;
  releases: Release[];
  /** The release of a request without a wiki. */
  defaultRelease: number;
  /** Cluster names, `[deployment][release]`. */
  clusters: string[][];
  /** Headers that upstream gets, in the order in which they are written; the cluster's is one of them. */
  emit: { kind: EmitKind; name: string }[];
}

export interface PlanWiki {
  /** Wiki ID, the dbname. */
  id: string;
  /** Number of its release. */
  release: number;
  /** Innermost train group, null for a wiki in none. */
  group: string | null;
}

export interface Release {
  name: string;
  /** Without `php-`. */
  version: string;
}

/** Where a host leads: to a wiki, to a path form, or (null) to no wiki at all. */
export type Target = { wiki: string } | { path: number } | null;

export interface PlanHost {
  host: string;
  target: Target;
}

/** A host of exactly `labels` labels and `from` is read as the same labels and `to`, before all else. */
export interface ReadAs {
  labels: number;
  /** With its leading dot, as `.beta.wmcloud.org`. */
  from: string;
  to: string;
}

export type Pattern =
  /** Something (not nothing), then the suffix. */
  | { kind: "fixed"; suffix: string; target: Target }
  /** A label, maybe empty, maybe with dots, then the suffix: the wiki label + tail. */
  | { kind: "join"; suffix: string; tail: string; dashes: boolean }
  /** A label as above, a dot, a family of a…z, then the suffix: the wiki label + family. */
  | { kind: "family"; suffix: string; dashes: boolean };

export interface PathForm {
  /** The raw target is read, query included; else the path alone. */
  target: boolean;
  /** A path with fewer segments carries no wiki. */
  segments: number;
  /** The last segment must be followed by a slash. */
  closed: boolean;
  /** The wiki ID is these segments (from 0) joined. */
  parts: number[];
  /** `-` in the wiki ID becomes `_`. */
  dashes: boolean;
  replacements: { segment: number; from: string; to: string }[];
}

export type Predicate =
  | { subject: "host"; test: "exact" | "suffix"; value: string }
  /** An IP address, or no authority at all. */
  | { subject: "host"; test: "address" }
  /** `under`: the value itself or a path below it, on a segment boundary. The path is without the query. */
  | { subject: "path"; test: "exact" | "prefix" | "under"; value: string };

export interface Rule {
  when: Predicate[];
  /** `pass`: not ours, our headers are removed and none is added. */
  outcome: { deployment: number } | "pass";
}

export const EMIT_KIND_NAMES = ["cluster", "release", "wiki", "group", "version", "deployment"] as const;
export type EmitKind = (typeof EMIT_KIND_NAMES)[number];
