/** The plan, which stands between the farm and the table. */
import { NEVER_EMITTED as NEVER } from "../assembly/layout.ts";

/**
 * What a table says, before it is bytes: the farm compiled down to routing, with nothing left to look up. The encoder
 * writes it, the naive reference in the tests answers from it.
 *
 * Strings are printable ASCII of at most `MAX_STRING_BYTES`.
 */
export interface Plan {
  /** Every wiki of the table, sorted by ID. */
  wikis: PlanWiki[];
  /** Hosts by their whole name, sorted. */
  hosts: PlanHost[];
  /** Those of kind "path" first: a request may be read by one of them, then by one of kind "suffix". */
  rewrites: Rewrite[];
  /** Host patterns; the first match counts, and only for a host that is not in `hosts`. */
  patterns: Pattern[];
  /** Forms of path that carry a wiki; `hosts` and `patterns` refer to them by number. */
  paths: PathForm[];
  /** At least one; a listener whose name is null is the only one. */
  listeners: Listener[];
  /** What a share of reads is cut by: this cookie, or (null, and where there is no such cookie) the client's address. */
  shareCookie: string | null;
  replies: Reply[];
  deployments: Deployment[];
  releases: Release[];
  /** The release of a request that no wiki decides. */
  defaultRelease: number;
  /** What becomes of a request without a wiki; see `Wikiless`. */
  wikiless: Record<Wikiless, WikilessOutcome>;
  /** Cluster names, `[deployment][release]`. */
  clusters: string[][];
  /** Headers that upstream gets, in the order in which they are written; the cluster's is one of them. */
  emit: { kind: EmitKind; name: string }[];
  /** null: no rule reads bodies. */
  jobs: Jobs | null;
  canonical: Canonical;
}

/** What the wikis of one release and group, installed or not, have in common. */
export interface Placement {
  /** Number of its release. */
  release: number;
  /** Innermost train group, null for a wiki in none. */
  group: string | null;
  /** In wikiversions, but not installed yet. */
  installed: boolean;
}

export interface PlanWiki extends Placement {
  /** Wiki ID, the dbname. */
  id: string;
}

export interface Deployment {
  name: string;
  /** Number of its read-only deployment. */
  readOnly: number | null;
}

/**
 * `unknownHost`: nothing says which wiki the host is. `missing`: the wiki that it stands for is none of the table's.
 * `notInstalled`: the wiki is there, and not installed.
 */
export type Wikiless = "unknownHost" | "missing" | "notInstalled";
export type WikilessOutcome = { release: number } | { reply: number };

/** An answer of the proxy's own, as plain text. */
export interface Reply {
  /** 400…599 */
  status: number;
  body: string;
}

export interface Release {
  name: string;
  /** Without `php-`. */
  version: string;
}

/**
 * Where a host leads: to a wiki or a path form, by its number, or (null) to no wiki at all. `else`: the wiki where the
 * path has not the form, or names no wiki of the table.
 */
export type Destination = { wiki: number } | { path: number; else?: number } | null;

export interface PlanHost {
  host: string;
  destination: Destination;
}

export type Rewrite =
  /**
   * A host of `prefix`, exactly `labels` labels and `from` becomes the same labels and `to`; both begin with a dot. The
   * prefix is "", or ends with one.
   */
  | { kind: "suffix"; prefix: string; labels: number; from: string; to: string }
  /**
   * A request for `from` (a host; a suffix where it begins with a dot) has its host in the path's first segment. What
   * follows the segment is the path, and it must be at or under `under`, which is "" or a path.
   */
  | { kind: "path"; from: string; under: string };

export type Pattern =
  /** Something (not nothing), then the suffix. */
  | { kind: "fixed"; suffix: string; destination: Destination }
  /** The prefix, a stem, maybe empty, maybe with dots, then the suffix: the wiki stem + tail. */
  | ({ kind: "join"; tail: string } & StemPattern)
  /** The prefix, a stem as above, a dot, a family of a…z, then the suffix: the wiki stem + family. */
  | ({ kind: "family" } & StemPattern);

interface StemPattern {
  /** "", or it ends with a dot. */
  prefix: string;
  suffix: string;
  /** `-` in the wiki ID becomes `_`. */
  dashes: boolean;
  /** A path form: the wiki that the path names is taken before that of the stem. */
  path: number | null;
}

export interface PathForm {
  /** The raw target is read, query included; else the path alone. */
  target: boolean;
  /** A path with fewer segments carries no wiki; what the segment must be, or (null) a capture. */
  segments: (string | null)[];
  /** The last segment must be followed by a slash. */
  closed: boolean;
  /** The wiki ID is these segments (from 0) joined. */
  parts: number[];
  /** `-` in the wiki ID becomes `_`. */
  dashes: boolean;
  /** Captures are lower-cased first. */
  lower: boolean;
  replacements: { segment: number; from: string; to: string }[];
}

/**
 * One test on one part of a request; it holds if it holds for one of `values`, `not` turns it round.
 *
 * `path` is without the query, percent-decoded, with `//` as `/` and without dot segments. `suffix` of a host: something,
 * then the value. Names of headers are in lower case, those of cookies and parameters are not; a parameter's value is
 * percent-decoded, `+` too, and its name is read as PHP does.
 */
export type Predicate = { not: boolean } & (
  | { subject: "host"; test: "exact" | "suffix"; values: string[] }
  /** An IP address, or no authority at all. */
  | { subject: "host"; test: "address" }
  /** `under`: the value itself or a path below it, on a segment boundary. */
  | { subject: "path"; test: "exact" | "prefix" | "under" | "suffix" | "contains"; values: string[] }
  | { subject: "method"; test: "exact" | "prefix"; values: string[] }
  | { subject: "header"; name: string; test: "exact" | "prefix" | "contains"; values: string[] }
  | { subject: "cookie" | "query"; name: string; test: "exact" | "prefix"; values: string[] }
  | { subject: "header"; name: string; test: "present" }
  | { subject: "cookie" | "query"; name: string; test: "present" }
  /**
   * The header is there once, a list of `name` and `name=value` between `;`. The option called `option` has one of
   * the values; so has a header whose first option has no `=`, and which has no such option.
   */
  | { subject: "header"; name: string; test: "option"; option: string; values: string[] }
  /** A network is what the digits of its addresses begin with, see `addressDigits`. */
  | { subject: "client"; test: "prefix"; values: string[] }
  /**
   * So many of SHARE_WHOLE, by a hash of the text, or where there is none of the client's address. The salt goes before
   * the text: shares of other salts are of others.
   */
  | { subject: "header"; name: string; test: "share"; salt: string; share: number }
  | { subject: "cookie"; name: string; test: "share"; salt: string; share: number }
  | { subject: "client"; test: "share"; salt: string; share: number }
);

export interface Rule<Outcome = Route | ReleaseOutcome | ReadOutcome> {
  when: Predicate[];
  outcome: Outcome;
  /** Where the wiki stands; `none`: no wiki decides, the default release. Only for an outcome with a deployment. */
  wiki: "host" | "body" | "none";
  /** The response says what was decided. */
  debug: boolean;
}

/** `pass`: not ours, our headers are removed and none is added. */
export type Route = { deployment: number } | { reply: number } | "pass";
export type ReleaseOutcome = { release: number };
/** Ten-thousandths of the requests that may go to the read-only deployment: 0…10000. */
export type ReadOutcome = { readOnly: number };

/** What one listener of a proxy decides by. Of each list the first rule that matches counts. */
export interface Listener {
  name: string | null;
  trust: "edge" | "internal";
  /** Of an internal one: proxies of our own at the end of X-Forwarded-For, after the client's address. */
  trustedHops: number;
  datacentre: string | null;
  /** Number of the deployment of a request that no rule of `routes` matches. */
  deployment: number;
  routes: Rule<Route>[];
  /** Requests for another release than their wiki's. */
  assets: Rule<ReleaseOutcome>[];
  /** Asked only in a secondary data centre, for a deployment that has a read-only one. No match: the primary. */
  reads: Rule<ReadOutcome>[];
}

export interface Jobs {
  /** The name in the JSON body's object whose text is the wiki. */
  field: string;
  /** Bytes of the body within which the value must end. */
  limit: number;
  /** When Host becomes the wiki's own. */
  host: "never" | "if-unknown" | "always";
  /** What may wait in a worker of bodies that have not named their wiki yet; past it the default release gets them. */
  heldBytes: number;
  heldStreams: number;
  heldSeconds: number;
}

/** From a wiki to its canonical host. */
export interface Canonical {
  /** The first whose tail ends the wiki ID: the host is the rest of the ID and `suffix`. */
  rules: CanonicalRule[];
  /** Wikis that another rule says, an exact host of `hosts`, or (null) nothing. Sorted by wiki. */
  exceptions: { wiki: string; host: number | string | null }[];
}

export interface CanonicalRule {
  tail: string;
  suffix: string;
  /** `_` becomes `-`. */
  dashes: boolean;
}

/** Headers that a farm may not emit: a proxy or upstream gives them a meaning of their own. */
export const NEVER_EMITTED: readonly string[] = [
  ...NEVER.trim().split(" "),
  "authorization",
  "cookie",
  "x-forwarded-for",
];

/** What a plan's numbers may be; of SHARE_WHOLE requests a `readOnly` takes so many. */
export {
  MAX_HELD_BYTES,
  MAX_HELD_SECONDS,
  MAX_HELD_STREAMS,
  MAX_JOB_LIMIT,
  MAX_STATUS,
  MAX_TRUSTED_HOPS,
  MIN_STATUS,
  SHARE_WHOLE,
} from "../assembly/layout.ts";

export const EMIT_KIND_NAMES = ["cluster", "release", "wiki", "group", "version", "deployment"] as const;
export type EmitKind = (typeof EMIT_KIND_NAMES)[number];
