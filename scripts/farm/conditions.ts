/** The conditions of rules in farm.yaml: their schema. */
import { z } from "zod";
import { SHARE_WHOLE } from "../plan.ts";
import { HOST } from "../sources/names.ts";
import { punycodeOf } from "../sources/punycode.ts";
import { variableOf } from "../table/headers.ts";
import { digitsOfNetwork } from "../table/networks.ts";

/** Which requests a rule is for: one language, wherever a farm has rules. rules.ts compiles it. */

/** Texts of a table are printable ASCII. */
export const printable = z.string().regex(/^[\x20-\x7e]*$/, "must be printable ASCII");
const something = printable.min(1);

/** One of them, or a list of which one is enough. */
const listOf = <T extends z.ZodType>(one: T) => z.union([one, z.array(one).min(1)]);

/** Of a host: which forms it may have, or how a name in other letters is written. */
export const mustBe = (forms: string) => ({
  error: ({ input }: { input?: unknown }) => {
    const punycode = punycodeOf(String(input));
    return `must be ${punycode === null ? forms : `written as punycode, \`${punycode}\``}`;
  },
});

export const hostTest = z
  .string()
  .refine((text) => HOST.test(text.replace(/^\*\./, "")), mustBe("a host in lower case or `*.suffix`"));

/** Rules see a path decoded, without `//` and dot segments: one that has them would never match. */
const ENCODED = /%[0-9A-Fa-f]{2}/;
const MUST_BE_DECODED = "must be written decoded, without `%XX`";
const LOST = /\/\/|\/\.\.?\//;
const MUST_HAVE_NONE = "must be without `//`, `/./` and `/../`";
const DOTS_AT_END = /\/\.\.?$/;
const MUST_NOT_END = "must not end with a segment `.` or `..`";
const beginningOfPath = z
  .string()
  .regex(/^\/[\x21-\x7e]*$/, "must be a path: it begins with `/` and has no spaces")
  .refine((path) => !ENCODED.test(path), MUST_BE_DECODED)
  .refine((path) => !LOST.test(path), MUST_HAVE_NONE);
const wholePath = beginningOfPath.refine((path) => !DOTS_AT_END.test(path), MUST_NOT_END);
/** What stands somewhere in a path, or at its end: it need not begin with `/`. */
const partOfPath = z
  .string()
  .regex(/^[\x21-\x7e]+$/, "must be a part of a path, without spaces")
  .refine((path) => !ENCODED.test(path), MUST_BE_DECODED)
  .refine((path) => !LOST.test(path), MUST_HAVE_NONE);
const endOfPath = partOfPath.refine((path) => !DOTS_AT_END.test(path), MUST_NOT_END);
const pathTest = z.union([
  wholePath,
  z.strictObject({ prefix: listOf(beginningOfPath) }),
  z.strictObject({ under: listOf(wholePath.regex(/[^/]$/, "must not end with `/`")) }),
  z.strictObject({ suffix: listOf(endOfPath) }),
  z.strictObject({ contains: listOf(partOfPath) }),
]);

const method = z.string().regex(/^[A-Z]+$/, "must be a method in capitals");

/** A header that a rule may look at. */
export const lookedAt = z
  .string()
  .regex(/^[a-z0-9-]+$/, "must be a header's name in lower case: letters, digits and `-`")
  .refine((name) => name !== "host", "is not a header for rules: write `host` in the rule itself");

/** No `;` and no `=`: those end a name or a value. */
export const cookieName = z.string().regex(/^[\x21-\x3a\x3c\x3e-\x7e]+$/, "must be a cookie's name");

/** As PHP calls it, which is how requests' names are read: another name would never match. */
const parameterName = something.superRefine((text, context) => {
  const { variable } = variableOf(text);
  if (variable === text) return;
  const message = `must be as PHP calls it, \`${variable}\`: that stands for \`${text}\` too`;
  context.addIssue({ code: "custom", message: variable === "" ? "must be a parameter's name" : message });
});

const valueTest = z.union([
  printable,
  z.strictObject({ prefix: listOf(something) }),
  z.strictObject({ present: z.literal(true) }),
]);
const headerTest = z.union([
  printable,
  z.strictObject({ prefix: listOf(something) }),
  z.strictObject({ contains: listOf(something) }),
  z.strictObject({ present: z.literal(true) }),
]);
const byName = <K extends z.ZodString, T extends z.ZodType>(name: K, test: T) =>
  z
    .record(name, listOf(test))
    .refine((tests) => Object.keys(tests).length > 0, "must not be empty")
    .optional();

/** A CIDR, or an address alone. */
const network = z.string().superRefine((text, { addIssue }) => {
  const digits = digitsOfNetwork(text);
  if (Array.isArray(digits)) return;
  const wayOut = digits === "no network" ? "an address or a network, as `10.0.0.0/8`" : null;
  const write = typeof digits === "object" ? `without bits behind its prefix: write \`${digits.write}\`` : "";
  addIssue(`must be ${wayOut ?? write}`);
});

const tests = {
  host: listOf(hostTest).optional(),
  path: listOf(pathTest).optional(),
  method: listOf(method).optional(),
  header: byName(lookedAt, headerTest),
  cookie: byName(cookieName, valueTest),
  query: byName(parameterName, valueTest),
  client: listOf(network).optional(),
};
const testsSchema = z.strictObject(tests);
export type Tests = z.infer<typeof testsSchema>;

const KEYS = Object.keys(tests) as (keyof Tests)[];

export const saysWhich = (one: Conditions): boolean =>
  one.not !== undefined || KEYS.some((key) => one[key] !== undefined);
export const MUST_SAY_WHICH = `must say which requests it is for: ${KEYS.map((key) => `\`${key}\``).join(", ")} or \`not\``;

/** All of these must hold; of `not`, none. */
export const conditions = {
  ...tests,
  not: testsSchema
    .refine((one) => KEYS.some((key) => one[key] !== undefined), "must not be empty")
    .optional(),
};
export type Conditions = Tests & { not?: Tests | undefined };

/** Of the requests that a rule is for, so many: 0…1. */
export const share = z
  .number()
  .min(0)
  .max(1)
  .refine(
    (share) => Number.isInteger(Number((share * SHARE_WHOLE).toFixed(6))),
    "must have at most 4 decimals",
  )
  .optional();
/** What a share is cut by. */
export const byCookie = z.strictObject({ cookie: cookieName });
export const CLIENT_ADDRESS = z.literal("client-address");
export const shareOfRule = {
  share,
  "share-by": z.union([CLIENT_ADDRESS, byCookie, z.strictObject({ header: lookedAt })]).optional(),
};
const shareSchema = z.strictObject(shareOfRule);
export type ShareSays = z.infer<typeof shareSchema>;

type One<T> = Exclude<T, readonly unknown[] | undefined>;
export type PathTest = One<Tests["path"]>;
export type ValueTest = z.infer<typeof headerTest>;
