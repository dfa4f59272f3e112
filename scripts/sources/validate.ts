/** Holds a YAML file against a schema, and says where it differs. */
import type { core, ZodType } from "zod";
import { LOST_KEY } from "./names.ts";
import { Problems, quote, quoteAll } from "./problem.ts";
import { formsAt, knownKeys } from "./schema-keys.ts";
import { suggestionFor } from "./suggestion.ts";
import type { YamlSource } from "./yaml.ts";

/** A problem before it has its place: `says` is the whole sentence, without the offending text. */
interface Finding {
  readonly path: Path;
  readonly at: "key" | "value";
  readonly says: string;
  /** Whether the sentence is followed by the text that stands there. */
  readonly showsText: boolean;
  /** For an unknown key that is like a known one: the known one, which is then not reported as missing as well. */
  readonly meant?: string;
  readonly isMissing?: boolean;
  /** A key of another form than the keys beside it. */
  readonly isOfOtherForm?: boolean;
}

type Path = readonly (string | number)[];
type Issue = core.$ZodIssue;

/**
 * The value of a YAML source in the shape of `schema`, or every problem with it, in the order of the file, as one
 * SourceError. A schema's own message continues a sentence that begins with the path: "must be a release's name".
 * @param renamed keys that had another name before, by their whole path: the name that each has now
 */
export function validate<T>(
  schema: ZodType<T>,
  yaml: YamlSource,
  renamed: Readonly<Record<string, string>> = {},
): T {
  refuseLostKeys(yaml);
  const result = schema.safeParse(yaml.value, { error: sentence });
  if (result.success) return result.data;
  const findings = new Findings(schema, yaml.value, renamed).all(result.error.issues);
  const placed = findings.map((finding) => ({
    finding,
    position: yaml.positionOf(finding.path, finding.at),
  }));
  placed.sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
  const problems = new Problems();
  for (const { finding, position } of placed) {
    const text = finding.showsText && position.text !== "" ? ` (${quote(position.text)})` : "";
    const { line, column } = position;
    problems.add({ file: yaml.file, line, column }, `${finding.says}${text}`);
  }
  problems.throwIfAny();
  throw result.error;
}

/** The value would not have what the file says. */
function refuseLostKeys(yaml: YamlSource): void {
  const problems = new Problems();
  for (const { key, line, column } of yaml.lostKeys) {
    const quoted = `put it in quotes, as \`${JSON.stringify(key)}\``;
    const what =
      key === LOST_KEY
        ? "cannot be a name here: choose another"
        : `is read as ${/\d/.test(key) ? "another number" : "a value that is not text"}: ${quoted}`;
    problems.add({ file: yaml.file, line, column }, `key ${quote(key)} ${what}`);
  }
  problems.throwIfAny();
}

class Findings {
  readonly #schema: ZodType;
  readonly #value: unknown;
  readonly #renamed: Readonly<Record<string, string>>;

  constructor(schema: ZodType, value: unknown, renamed: Readonly<Record<string, string>>) {
    this.#schema = schema;
    this.#value = value;
    this.#renamed = renamed;
  }

  all(issues: readonly Issue[]): Finding[] {
    return withoutMisspelt(issues.flatMap((issue) => this.#of(issue, [])));
  }

  /** @param base the path that the issue's own path goes on from, inside a union */
  #of(issue: Issue, base: Path): Finding[] {
    const path = [...base, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => this.#unknownKey(path, key));
    if (path.length > 0 && isTypeIssue(issue) && valueAt(this.#value, path) === undefined) {
      return [missing(path, ownMessage(issue))];
    }
    if (issue.code === "invalid_union" && issue.errors.length > 0) return this.#union(issue, path);
    if (issue.code === "invalid_key") {
      const why = issue.issues.map((inner) => inner.message).join(" and ");
      return [{ path, at: "key", says: `key ${quote(String(path.at(-1)))} ${why}`, showsText: false }];
    }
    return [{ path, at: "value", says: `${show(path)} ${issue.message}`, showsText: true }];
  }

  #unknownKey(path: Path, key: string): Finding {
    const known = knownKeys(this.#schema, path);
    const at: Finding = { path: [...path, key], at: "key", says: "", showsText: false };
    const unknown = `unknown key ${quote(key)}${path.length === 0 ? "" : ` in ${show(path)}`}`;
    if (key === "<<") return { ...at, says: `${unknown}: merge keys are not supported, write the keys out` };
    const now = this.#renamed[[...path, key].join(".")];
    if (now !== undefined) return { ...at, says: `${unknown}: it is called ${quote(now)} now`, meant: now };
    const forms = formsAt(this.#schema, path);
    const apart = Object.keys(Object(valueAt(this.#value, path))).filter(
      (one) => known.includes(one) && !forms.some((keys) => keys.includes(key) && keys.includes(one)),
    );
    if (known.includes(key) && apart.length > 0) {
      const says = `key ${quote(key)} in ${show(path)} does not go together with ${quoteAll(apart)}: keep the one or the other`;
      return { ...at, says, isOfOtherForm: true };
    }
    const others = known.filter((one) => one !== key);
    const suggestion = suggestionFor(key, others);
    if (suggestion !== undefined) {
      return { ...at, says: `${unknown}; did you mean ${quote(suggestion)}?`, meant: suggestion };
    }
    return { ...at, says: others.length === 0 ? unknown : `${unknown}; known keys: ${quoteAll(others)}` };
  }

  /** What is wrong in the alternative that was most likely meant; or in short, what each one asks for. */
  #union(issue: core.$ZodIssueInvalidUnion, path: Path): Finding[] {
    const alternatives: readonly Issue[][] = issue.errors;
    const value = valueAt(this.#value, path);
    const fitting = alternatives.filter((issues) => !issues.some((issue) => isWrongKind(issue, value)));
    if (fitting.length === 0) {
      const nouns = alternatives.flatMap((issues) =>
        issues.filter((issue) => isWrongKind(issue, value)).flatMap(nounsOf),
      );
      const must = ownMessage(issue) ?? `must be ${join(nouns)}`;
      const wayOut = nouns.includes(NOUNS.string!) ? quotesFor(value) : "";
      const says = `${show(path)} ${must}, not ${kindOf(value)}${wayOut}`;
      return [{ path, at: "value", says, showsText: true }];
    }
    const tried = fitting.map((issues) => issues.flatMap((issue) => this.#of(issue, path)));
    const fewest = Math.min(...tried.map((findings) => findings.length));
    const nearestOnes = tried.filter((findings) => findings.length === fewest);
    // Two keys that do not go together are said once, not from the side of each.
    const isClash = nearestOnes.every((findings) => findings.every((finding) => finding.isOfOtherForm));
    if (nearestOnes.length === 1 || isClash) return nearestOnes[0]!;
    const forms = [
      ...new Set(nearestOnes.map((findings) => findings.map((finding) => finding.says).join(" and "))),
    ];
    const says = `${show(path)} fits none of the forms it may have: ${forms.join(", or ")}`;
    return [{ path, at: "value", says, showsText: true }];
  }
}

function withoutMisspelt(findings: readonly Finding[]): Finding[] {
  const meant = new Set<string>();
  for (const { path, meant: key } of findings) {
    if (key !== undefined) meant.add([...path.slice(0, -1), key].join("."));
  }
  return findings.filter(({ isMissing, path }) => isMissing !== true || !meant.has(path.join(".")));
}

function missing(path: Path, must: string | null): Finding {
  const parent = path.slice(0, -1);
  const where = parent.length === 0 ? "" : ` in ${show(parent)}`;
  const what = must === null ? "" : `, which ${must}`;
  const says = `missing key ${quote(String(path.at(-1)))}${where}${what}`;
  return { path, at: "key", says, showsText: false, isMissing: true };
}

/** What the schema itself says of a value that is none of several kinds. */
function ownMessage(issue: Issue): string | null {
  return issue.code === "invalid_union" && issue.message.startsWith("must ") ? issue.message : null;
}

function isTypeIssue(issue: Issue): boolean {
  return issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union";
}

/** Whether an alternative of a union asks for another kind of value altogether. */
function isWrongKind(issue: Issue, value: unknown): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union" && issue.errors.length > 0)
    return issue.errors.every((issues) => issues.some((inner) => isWrongKind(inner, value)));
  if (issue.code === "invalid_value") return issue.values.every((one) => typeof one !== typeof value);
  return issue.code === "invalid_type";
}

/** The predicate of zod's own issues, "must be …"; undefined leaves zod's message. */
function sentence(issue: core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type": {
      const wayOut = issue.expected === "string" ? quotesFor(issue.input) : "";
      return `must be ${noun(issue.expected)}, not ${kindOf(issue.input)}${wayOut}`;
    }
    case "invalid_value": {
      const values = issue.values.map(String);
      const meant = typeof issue.input === "string" ? suggestionFor(issue.input, values) : undefined;
      return `must be ${join(values.map(quote))}${meant === undefined ? "" : `; did you mean ${quote(meant)}?`}`;
    }
    case "invalid_union":
      if (issue.options === undefined || !Array.isArray(issue.options)) return undefined;
      return `must be ${join(issue.options.map((option) => quote(String(option))))}`;
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return "must not be empty";
      return `must ${amount(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
    case "too_big":
      return `must ${amount(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`;
    case "invalid_format":
      return issue.pattern === undefined ? undefined : `must have the form ${issue.pattern}`;
    default:
      return undefined;
  }
}

/** The way out where text is wanted. */
function quotesFor(value: unknown): string {
  return ["number", "boolean"].includes(typeof value) ? ": put it in quotes" : "";
}

function amount(origin: string, bound: string, limit: number | bigint): string {
  const one = Number(limit) === 1;
  if (origin === "string") return `have ${bound} ${limit} ${one ? "character" : "characters"}`;
  if (origin === "number" || origin === "int") return `be ${bound} ${limit}`;
  return `have ${bound} ${limit} ${one ? "entry" : "entries"}`;
}

const NOUNS: Record<string, string> = {
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a mapping",
  record: "a mapping",
  null: "null",
};

function noun(expected: string): string {
  return NOUNS[expected] ?? expected;
}

function nounsOf(issue: Issue): string[] {
  if (issue.code === "invalid_union") return issue.errors.flat().flatMap(nounsOf);
  if (issue.code === "invalid_value") return issue.values.map((value) => quote(String(value)));
  return issue.code === "invalid_type" ? [noun(issue.expected)] : [];
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "an empty value";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${value}`;
  return typeof value === "string" ? "text" : "a mapping";
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
}

function show(path: Path): string {
  return path.length === 0 ? "the file" : quote(path.join("."));
}

/** `a`, `a or b`, `a, b or c`, without repeats. */
function join(names: readonly string[]): string {
  const unique = [...new Set(names)];
  if (unique.length < 2) return unique.join("");
  return `${unique.slice(0, -1).join(", ")} or ${unique.at(-1)}`;
}
