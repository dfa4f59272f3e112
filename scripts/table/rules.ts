/** The one loop over rules, for deployments, assets and reads alike: predicates over the parts of a request. */
import type { Predicate, Rule } from "../plan.ts";
import { trimmed } from "./bytes.ts";
import { addressDigits } from "./client.ts";
import { cookieValues, pairOf, parameterValues, type RequestParts } from "./headers.ts";
import { isInShare } from "./share.ts";
import type { Range, Table } from "./table.ts";

/**
 * The first rule of a list whose predicates all hold, with its number in RULE; null: none.
 * @param outside gets those before it that do not hold for their share alone
 */
export function firstRule<Outcome extends Rule["outcome"]>(
  table: Table,
  range: Range,
  parts: RequestParts,
  outside: number[] = [],
): (Rule<Outcome> & { number: number }) | null {
  for (let number = range.first; number < range.first + range.count; number++) {
    const rule = table.rule(number);
    if (rule.when.every((predicate) => holds(predicate, parts))) {
      return { ...(rule as Rule<Outcome>), number };
    }
    const isCut = rule.when.some(({ test }) => test === "share");
    if (isCut && rule.when.every((one) => one.test === "share" || holds(one, parts))) outside.push(number);
  }
  return null;
}

export function holds(predicate: Predicate, parts: RequestParts): boolean {
  return passes(predicate, parts) !== predicate.not;
}

function passes(predicate: Predicate, parts: RequestParts): boolean {
  if (predicate.test === "address") return parts.address;
  if (predicate.test === "share") return isInShare(predicate, parts);
  const texts = textsOf(predicate, parts);
  if (predicate.test === "present") return texts.length > 0;
  if (predicate.test === "option") {
    const value = texts.length === 1 ? optionIn(texts[0]!, predicate.option) : null;
    return value !== null && predicate.values.includes(value);
  }
  const { subject, test, values } = predicate;
  if (subject === "host" && test === "suffix") return values.some((value) => isUnder(parts.host, value));
  return texts.some((text) => values.some((value) => FITS[test](text, value)));
}

/** Every text of that part of the request: any of them may hold. */
function textsOf(predicate: Predicate, parts: RequestParts): readonly string[] {
  switch (predicate.subject) {
    case "host":
      return [parts.host];
    case "path":
      return [parts.path];
    case "method":
      return [parts.method];
    case "header":
      return parts.headers.get(predicate.name) ?? [];
    case "cookie":
      return cookieValues(parts, predicate.name);
    case "query":
      return parameterValues(parts, predicate.name);
    case "client": {
      const digits = addressDigits(parts.client);
      return digits === null ? [] : [digits];
    }
  }
}

type TextTest = Exclude<Predicate["test"], "address" | "present" | "option" | "share">;

const FITS = {
  exact: (text, value) => text === value,
  prefix: (text, value) => text.startsWith(value),
  suffix: (text, value) => text.endsWith(value),
  under: (text, value) => text === value || text.startsWith(`${value}/`),
  contains: (text, value) => text.includes(value),
} satisfies Record<TextTest, (text: string, value: string) => boolean>;

/** Something, then the suffix: `*.a.example` is not `.a.example`. */
function isUnder(host: string, suffix: string): boolean {
  return host.length > suffix.length && host.endsWith(suffix);
}

/**
 * Value of an option in `a; b=c; d`. Where none is called so, a first option without `=` is the value; where two are,
 * there is none: which is meant, nobody knows.
 */
function optionIn(text: string, option: string): string | null {
  const options = text.split(";").map(pairOf);
  const named = options.filter(([name, value]) => value !== null && trimmed(name) === option);
  if (named.length > 0) return named.length === 1 ? trimmed(named[0]![1]!) : null;
  const [bare, value] = options[0]!;
  return value === null ? trimmed(bare) : null;
}
