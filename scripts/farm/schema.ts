import { z } from "zod";
import { EMIT_KIND_NAMES } from "../table/plan.ts";

const TOKEN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const name = (what: string) =>
  z
    .string()
    .regex(TOKEN, `must be ${what}: letters, digits, \`.\`, \`_\`, \`-\`, beginning with a letter or digit`);
const wikiId = z.string().regex(/^[a-z0-9_]+$/, "must be a wiki ID: lower-case letters, digits and `_`");
const version = name("a version").refine((text) => !text.startsWith("php-"), "must be without `php-`");
const date = z.iso.date("must be a day as `2026-12-31`");

/** Headers that a proxy or upstream gives a meaning of its own: never ours to set. */
const TAKEN = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "upgrade",
  "te",
  "cookie",
  "authorization",
];
const headerName = z
  .string()
  .regex(/^[a-z0-9-]+$/, "must be a header's name in lower case: letters, digits and `-`")
  .refine((text) => !TAKEN.includes(text), "must not be a header that has a meaning of its own");

/** A path, from the farm file's folder on; or `SOURCE:path`, from the folder of one of `sources`. */
const file = z.string().min(1);

const host = z
  .string()
  .regex(
    /^(\*\.|\{label\}\.(\{family\}\.)?)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/,
    "must be a host in lower case, `*.suffix`, `{label}.suffix` or `{label}.{family}.suffix`",
  );

const hostRule = z.strictObject({
  host,
  /** The wiki's ID, or what makes it of `{label}`, `{family}` and the path's captures. */
  wiki: z.string().min(1),
  /** `/{site}/{lang}`: the wiki is carried in the path, without its query. */
  path: z.string().optional(),
  /** The same in the raw target, query included. */
  target: z.string().optional(),
  /** Only these labels, of a `{label}.suffix` host. */
  labels: z
    .array(z.string().regex(/^[a-z0-9_-]+$/, "must be a label in lower case"))
    .min(1)
    .optional(),
  /** What stands for a path's capture instead of itself: `site: {wikipedia: wiki}`. */
  replace: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  /** What becomes of `-` in the wiki's ID. */
  dashes: z.enum(["keep", "underscores"]).default("keep"),
});
export type HostRule = z.infer<typeof hostRule>;

const pathText = z.string().regex(/^\/[\x21-\x7e]*$/, "must be a path: it begins with `/` and has no spaces");
const pathTest = z.union([
  pathText,
  z.strictObject({ prefix: pathText }),
  z.strictObject({ under: pathText.regex(/[^/]$/, "must not end with `/`") }),
]);

const hostTest = z
  .string()
  .regex(/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, "must be a host in lower case or `*.suffix`");

const rule = z
  .strictObject({ host: hostTest.optional(), path: pathTest.optional(), deployment: name("a deployment") })
  .refine((one) => one.host !== undefined || one.path !== undefined, "must have a `host` or a `path`");
export type DeploymentRule = z.infer<typeof rule>;

const group = z
  .strictObject({
    /** A dblist's name or an expression of them. */
    dblist: z.string().min(1).optional(),
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
  wikiversions: z.union([file, z.record(wikiId, version)]),
  /** The folder of the dblists. */
  dblists: file.optional(),

  groups: z.record(name("a group"), group).default({}),
  "in-no-group": z.enum(["error", "warn"]).default("error"),
  /** Wikis that wikiversions does not have: an error in a group, a warning for a host. */
  "not-in-wikiversions": z.enum(["error", "ignore"]).default("error"),

  releases: z.record(name("a release"), release),
  "default-release": z.string(),
  "version-from-image": z.strictObject({ key: z.string().min(1), pattern: z.string().min(1) }).optional(),
  spill: z.enum(["error", "version-named"]).default("error"),
  pins: z.array(pin).default([]),

  /** Hosts that are read as others: `{a}.{b}.beta.example: {a}.{b}.example`. */
  "read-as": z.record(z.string(), z.string()).default({}),
  hosts: z.array(hostRule).default([]),
  "pass-through": z.array(hostTest).default([]),

  deployments: z.strictObject({
    default: name("a deployment"),
    /** Every deployment there is: then a rule's misspelt one is an error, not a cluster that nobody runs. */
    names: z.array(name("a deployment")).min(1).optional(),
    rules: z.array(rule).default([]),
  }),
  /** Of `{deployment}` and `{release}` or `{release-slug}`. */
  cluster: z.string().min(1).default("{deployment}-{release}"),
  headers: z.partialRecord(z.enum(EMIT_KIND_NAMES), headerName).default({}),
});
export type FarmFile = z.infer<typeof farmSchema>;

export const DEFAULT_CLUSTER_HEADER = "x-mw-cluster";
