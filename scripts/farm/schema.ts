/** What may stand in farm.yaml. */
import { z } from "zod";
import {
  EMIT_KIND_NAMES,
  MAX_HELD_SECONDS,
  MAX_HELD_STREAMS,
  MAX_STATUS,
  MAX_TRUSTED_HOPS,
  MIN_STATUS,
  NEVER_EMITTED,
} from "../plan.ts";
import {
  HOST,
  isAddress,
  isVersion,
  isWikiId,
  NAME,
  NAME_SHAPE,
  VERSION_PREFIX,
  WIKI_ID_SHAPE,
} from "../sources/names.ts";
import {
  byCookie,
  CLIENT_ADDRESS,
  conditions,
  hostTest,
  lookedAt,
  MUST_SAY_WHICH,
  mustBe,
  printable,
  saysWhich,
  share,
  shareOfRule,
} from "./conditions.ts";
import { guardLimitsSchema } from "./guard-limits.ts";
import { rolloutSchema, stagesSchema } from "./stages-says.ts";
import { upstreamsSchema } from "./upstreams-says.ts";

const name = (what: string) => z.string().regex(NAME, `must be ${what}: ${NAME_SHAPE}`);
const wikiId = z.string().refine(isWikiId, `must be a wiki ID: ${WIKI_ID_SHAPE}`);
const version = name("a version").refine(
  (text) => !text.startsWith(VERSION_PREFIX),
  `must be without \`${VERSION_PREFIX}\``,
);
const date = z.iso.date("must be a day as `2026-12-31`");

const headerName = z
  .string()
  .regex(/^[a-z0-9-]+$/, "must be a header's name in lower case: letters, digits and `-`")
  .refine((text) => !NEVER_EMITTED.includes(text), "must not be a header that has a meaning of its own");

/** Bytes. */
const size = z.union([
  z.int().min(1),
  z.string().regex(/^\d{1,9} [KM]iB$/, "must be a size, as `512 KiB` or `1 MiB`"),
]);

/** An expression of dblists. */
const dblist = z.string().min(1);
/** A path, from the farm file's folder on; or `SOURCE:path`, from the folder of one of `sources`. */
const file = z
  .string()
  .min(1)
  .regex(/^\P{Cc}*$/u, "must be a path, without control characters");

const host = z
  .string()
  .refine(
    isHostForm,
    mustBe("a host in lower case, `*.suffix`, `{label}.suffix` or `{label}.{family}.suffix`"),
  )
  .refine((text) => !isAddress(text), "must not be an IP address: requests to addresses always pass through");

function isHostForm(text: string): boolean {
  return HOST.test(text.replace(/^(\*\.|([a-z0-9_-]+\.)*\{label\}\.(\{family\}\.)?)/, ""));
}

/** What is empty by mistake would send requests to the default release, and so to another version than their wiki's. */
const notEmpty = <T extends z.ZodType>(mapping: T) =>
  mapping.refine((all) => Object.keys(Object(all)).length > 0, "must not be empty: leave the key out");

const dashes = z.enum(["keep", "underscores"]).default("keep");

/** What makes a wiki's ID of a label. */
export const LABEL_AND_TAIL = /^\{label\}([A-Za-z0-9_-]*)$/;

const hostRule = z.strictObject({
  host,
  /** The wiki's ID, or what makes it of `{label}`, `{family}` and the path's captures. */
  wiki: z.string().min(1),
  /** `/{site}/{lang}`, `/w/{wiki}/`: the wiki is carried in the path, without its query. */
  path: z.string().optional(),
  /** The same in the raw target, query included. */
  target: z.string().optional(),
  /** Only these labels, of a `{label}.suffix` host. */
  labels: z
    .array(z.string().regex(/^[a-z0-9_-]+$/, "must be a label in lower case"))
    .min(1)
    .optional(),
  /** What stands for a path's capture instead of itself: `site: {wikipedia: wiki}`. */
  replace: notEmpty(z.record(z.string(), notEmpty(z.record(z.string(), z.string())))).optional(),
  /** What becomes of `-` in the wiki's ID. */
  dashes,
  /** What becomes of capital letters in a path's captures. */
  case: z.enum(["keep", "lower"]).optional(),
  /** The wiki where the path carries none of the farm's. */
  else: z.string().min(1).optional(),
  /** Leads to the wiki, and is not the wiki's own host. */
  alias: z.boolean().optional(),
});
export type HostRule = z.infer<typeof hostRule>;

const canonicalRule = z.strictObject({
  host: z
    .string()
    .regex(/^\{label\}(\.[a-z0-9_-]+)+$/, "must be `{label}.suffix`, as `{label}.wikipedia.org`"),
  wiki: z.string().regex(LABEL_AND_TAIL, "must be `{label}` and a suffix, as `{label}wiki`"),
  /** Only for these wikis: an expression of dblists, or the wikis. */
  in: z.union([z.string().min(1), z.array(wikiId).min(1)]).optional(),
  dashes,
});
export type CanonicalHost = z.infer<typeof canonicalRule>;

const routeRule = z
  .strictObject({
    ...conditions,
    deployment: name("a deployment"),
    /** The host does not decide: the default release. */
    wiki: z.literal("none").optional(),
    ...shareOfRule,
  })
  .refine((one) => saysWhich(one) || one.share !== undefined, MUST_SAY_WHICH)
  .refine(
    (one) => one["share-by"] === undefined || one.share !== undefined,
    "has `share-by` without a `share`",
  );
export type RouteRule = z.infer<typeof routeRule>;

const assetRule = z.strictObject({ ...conditions, release: z.string() }).refine(saysWhich, MUST_SAY_WHICH);
const previewRule = z
  .strictObject({ ...conditions, release: z.string(), "any-version": z.literal(true) })
  .refine(saysWhich, MUST_SAY_WHICH);

const readRule = z
  .strictObject({
    ...conditions,
    primary: z.literal(true).optional(),
    /** Of the requests, so many may go to the read-only deployment: 0…1. */
    share,
  })
  .refine(
    (one) => (one.primary === undefined) !== (one.share === undefined),
    "must have `primary: true` or a `share`, one of them",
  );

const reply = z.strictObject({
  status: z.int().min(MIN_STATUS).max(MAX_STATUS),
  body: printable.min(1),
});

const wikiless = z.union([z.literal("default"), z.strictObject({ release: z.string() }), reply]);
const notInstalled = z.union([
  z.strictObject({ dblist }),
  z.strictObject({ dblist, release: z.string() }),
  z.strictObject({ dblist, ...reply.shape }),
]);

const backend = z
  .strictObject({
    /** What the option says for it; left out: its name. */
    values: z
      .array(z.string().regex(/^[\x21-\x3a\x3c\x3e-\x7e]+$/, "must be an option's value"))
      .min(1)
      .optional(),
    /** Whatever version it runs: one cluster for all releases. */
    "any-version": z.boolean().default(false),
    cluster: z
      .string()
      .regex(/^[A-Za-z0-9._:|-]+$/, "must be a cluster's name: letters, digits and `.:|-_`")
      .optional(),
  })
  .refine(
    (one) => one.cluster === undefined || one["any-version"],
    "has a `cluster` of its own, which needs `any-version: true`",
  );

const listener = z.strictObject({
  trust: z.enum(["edge", "internal"]),
  /** Of `internal`. */
  "trusted-hops": z.int().min(0).max(MAX_TRUSTED_HOPS).default(0),
  datacentre: name("a data centre").optional(),
  /** When no rule matches; without `rules` of its own the listener then has none. */
  deployment: name("a deployment").optional(),
  rules: z.array(routeRule).optional(),
  jobs: z.boolean().default(false),
  debug: z.boolean().default(false),
  reads: z.boolean().default(false),
  previews: z.boolean().default(false),
  assets: z.boolean().default(true),
  /** Headers that clients may send to choose by. */
  "allow-headers": z.array(lookedAt).default([]),
});
export type ListenerSays = z.infer<typeof listener>;

const group = z
  .strictObject({
    /** A dblist's name or an expression of them. */
    dblist: dblist.optional(),
    wikis: z.array(wikiId).optional(),
    /** The group that this one is a part of. */
    within: z.string().optional(),
  })
  .refine(
    (one) => (one.dblist === undefined) !== (one.wikis === undefined),
    "must have a `dblist` or `wikis`, one of them",
  );

const release = z
  .strictObject({
    version: version.optional(),
    /** A Helm values file; `version-from-image` says where it has the version. */
    values: file.optional(),
    from: z.literal("group").optional(),
  })
  .refine(
    (one) => [one.version, one.values, one.from].filter((each) => each !== undefined).length === 1,
    "must have one of `version`, `values` and `from: group`",
  );

const pin = z.strictObject({
  wiki: wikiId,
  release: z.string(),
  reason: z.string().min(1),
  /** The last day on which it holds. */
  expires: date,
});

/** farm.yaml. docs/farm.md explains every key. */
export const farmSchema = z.strictObject({
  farm: name("the farm's name"),
  realm: name("a realm").default("production"),
  sources: z
    .record(z.string().regex(/^[a-z][a-z0-9-]*$/, "must be a source's name"), z.string().min(1))
    .default({}),

  /** wikiversions.json; or the wikis themselves, each with its version. */
  wikiversions: z.union(
    [file, z.record(wikiId, version)],
    "must be a file, as `wikiversions.json`, or the wikis themselves, each with its version",
  ),
  /** What the wikis of an expression of dblists run that `wikiversions` does not name. */
  "default-version": z.strictObject({ version, dblist }).optional(),
  /** Names in the order of age, the oldest first; `*` stands for all versions with a number. */
  "version-order": z
    .array(z.string().refine((text) => text === "*" || isVersion(text), "must be a version or `*`"))
    .min(1)
    .refine((all) => new Set(all).size === all.length, "has the same name twice")
    .optional(),
  /** The folder of the dblists. */
  dblists: file.optional(),
  /** Lines of dblists go on after the wiki: `enwiki|Wikipedia|en`. */
  "dblist-columns": z.boolean().default(false),

  groups: z.record(name("a group"), group).default({}),
  "in-no-group": z.enum(["error", "warn"]).default("error"),
  /** Wikis that wikiversions does not have: an error in a group, a warning for a host. */
  "not-in-wikiversions": z.enum(["error", "warn", "ignore"]).default("error"),

  releases: z.record(name("a release"), release),
  "default-release": z.string(),
  "version-from-image": z.strictObject({ key: z.string().min(1), pattern: z.string().min(1) }).optional(),
  /** Whether a version without a release gets one named by it, for at most so many wikis. */
  spill: z.enum(["error", "version-named"]).default("error"),
  "spill-at-most": z.int().min(0).default(50),
  /** What becomes of wikis whose version no release runs, if they are at most so many. */
  "on-stranded": z.enum(["refuse", "reply", "spill"]).default("refuse"),
  "stranded-at-most": z.int().min(0).default(50),
  "stranded-reply": reply.default({ status: 503, body: "this wiki is between two versions" }),
  pins: z.array(pin).default([]),
  /** What `pack` refuses a table for that follows another one. */
  guards: guardLimitsSchema.optional(),
  /** Parts of the fleet, for `push --stages`. */
  stages: stagesSchema.default({}),
  /** What each of them must show. */
  rollout: rolloutSchema.optional(),
  /** How long deployments may take, for `render`. */
  upstreams: upstreamsSchema.default({}),

  /** Hosts that are replaced by others: `{a}.{b}.beta.example: {a}.{b}.example`, `gateway.example/{host}: {host}`. */
  rewrite: notEmpty(z.record(z.string(), z.string())).default({}),
  /** A file of exact hosts, `host<TAB>wiki` a line: as if they stood before all others in `hosts`. */
  "hosts-file": file.optional(),
  hosts: z.array(hostRule).min(1, "must not be empty: leave the key out").default([]),
  /** From a wiki to its canonical host. */
  "canonical-hosts": z.array(canonicalRule).default([]),
  "pass-through": z.array(hostTest).default([]),
  /** What becomes of requests that no wiki of the farm decides. */
  "without-wiki": z
    .strictObject({
      "unknown-host": wikiless.default("default"),
      missing: wikiless.default("default"),
      "not-installed": notInstalled.optional(),
    })
    .optional(),

  deployments: z.strictObject({
    default: name("a deployment"),
    /** Every deployment there is: then a rule's misspelt one is an error, not a cluster that nobody runs. */
    names: z.array(name("a deployment")).min(1).optional(),
    /** Clusters of those that are not called as `cluster` says. */
    clusters: notEmpty(z.record(name("a deployment"), z.string().min(1))).default({}),
    rules: z.array(routeRule).default([]),
  }),
  /** Requests whose JSON body names the wiki. */
  jobs: z
    .strictObject({
      field: printable.min(1),
      limit: size.default("512 KiB"),
      host: z.enum(["never", "if-unknown", "always"]).default("if-unknown"),
      "held-bytes": size.default("32 MiB"),
      "held-streams": z.int().min(1).max(MAX_HELD_STREAMS).default(1024),
      "held-seconds": z.int().min(1).max(MAX_HELD_SECONDS).default(30),
      rules: z.array(routeRule).min(1),
    })
    .optional(),
  /** Requests that name where they go, by an option in a header. */
  debug: z
    .strictObject({
      header: headerName,
      option: z
        .string()
        .regex(/^[a-z0-9_-]+$/, "must be an option's name in lower case")
        .default("backend"),
      backends: z
        .record(name("a backend"), backend)
        .refine((all) => Object.keys(all).length > 0, "must not be empty"),
      unknown: reply.default({ status: 400, body: "unknown debug backend" }),
    })
    .optional(),
  /** Requests of people who try a release before it is their wiki's, whatever version it runs. */
  previews: z.array(previewRule).min(1).optional(),
  /** Requests for another release than their wiki's. */
  assets: z.array(assetRule).default([]),
  /** Requests that may go to a read-only deployment, in a secondary data centre. */
  reads: z
    .strictObject({
      suffix: z
        .string()
        .regex(/^[A-Za-z0-9._-]+$/, "must be letters, digits, `.`, `_`, `-`")
        .default("-ro"),
      deployments: z.array(name("a deployment")).min(1),
      "share-by": z.union([CLIENT_ADDRESS, byCookie]).default("client-address"),
      rules: z.array(readRule).min(1),
    })
    .optional(),
  /** Where requests come in; the first is the one that is meant where none is named. */
  listeners: z
    .record(name("a listener"), listener)
    .refine((all) => Object.keys(all).length > 0, "must not be empty")
    .optional(),
  /** Of `{deployment}` and `{release}` or `{release-slug}`. */
  cluster: z.string().min(1).default("{deployment}-{release}"),
  headers: z.partialRecord(z.enum(EMIT_KIND_NAMES), headerName).default({}),
});
/** Keys that had another name before. */
export const RENAMED_KEYS = { "read-as": "rewrite", "without-wiki.invalid-host": "unknown-host" };

export type FarmFile = z.infer<typeof farmSchema>;

export const DEFAULT_CLUSTER_HEADER = "x-mw-cluster";
