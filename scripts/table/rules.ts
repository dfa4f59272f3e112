import * as L from "../../assembly/layout.ts";
import type { Range } from "../encode/rule-lists.ts";
import { cookieValues, pairOf, parameterValues, type RequestParts, trimmed } from "./headers.ts";
import type { Table, TablePredicate, TableRule } from "./table.ts";

/** The first rule of a list whose predicates all hold, with its number in RULE; null: none. */
export function firstRule(
  table: Table,
  { first, count }: Range,
  parts: RequestParts,
): (TableRule & { number: number }) | null {
  for (let number = first; number < first + count; number++) {
    const rule = table.rule(number);
    if (rule.when.every((predicate) => holds(predicate, parts))) return { ...rule, number };
  }
  return null;
}

export function holds(predicate: TablePredicate, parts: RequestParts): boolean {
  return passes(predicate, parts) !== predicate.not;
}

function passes({ subject, test, name, values }: TablePredicate, parts: RequestParts): boolean {
  if (test === L.TEST_ADDRESS) return parts.address;
  const texts = textsOf(subject, name, parts);
  if (test === L.TEST_PRESENT) return texts.length > 0;
  if (test === L.TEST_OPTION) {
    const [option, ...wanted] = values;
    const value = texts.length === 1 ? optionIn(texts[0]!, option!) : null;
    return value !== null && wanted.includes(value);
  }
  return texts.some((text) => values.some((value) => fits(test, text, value)));
}

/** Every text of that part of the request: any of them may hold. */
function textsOf(subject: number, name: string | null, parts: RequestParts): readonly string[] {
  switch (subject) {
    case L.SUBJECT_HOST:
      return [parts.host];
    case L.SUBJECT_PATH:
      return [parts.path];
    case L.SUBJECT_METHOD:
      return [parts.method];
    case L.SUBJECT_HEADER:
      return parts.headers.get(name!) ?? [];
    case L.SUBJECT_COOKIE:
      return cookieValues(parts, name!);
    default:
      return parameterValues(parts, name!);
  }
}

function fits(test: number, text: string, value: string): boolean {
  switch (test) {
    case L.TEST_PREFIX:
      return text.startsWith(value);
    case L.TEST_SUFFIX:
      return text.length > value.length && text.endsWith(value);
    case L.TEST_UNDER:
      return text === value || text.startsWith(`${value}/`);
    case L.TEST_CONTAINS:
      return text.includes(value);
    default:
      return text === value;
  }
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
