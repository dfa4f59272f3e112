/** A rule as RULE has it: its predicates, and what becomes of the requests that it matches. */
import * as L from "../../assembly/layout.ts";
import type { Predicate, Rule } from "../plan.ts";
import type { TableBytes } from "./table-bytes.ts";
import { nameOf, SUBJECTS, TESTS } from "./wire.ts";

/**
 * @param raw a table that was checked
 * @param headers the names in HDRS, by number
 * @param number of the rule, less than the section's count
 */
export function readRule(raw: TableBytes, headers: readonly string[], number: number): Rule {
  const section = raw.area(L.SECTION_RULES).start;
  const at = section + L.RULES_BODY + number * L.RULE_ENTRY;
  const first = raw.u16(at + L.RULE_FIRST_PREDICATE);
  const predicates = section + L.RULES_BODY + raw.u32(section) * L.RULE_ENTRY + first * L.PREDICATE_ENTRY;
  const flags = raw.u8(at + L.RULE_FLAGS);
  return {
    when: Array.from({ length: raw.u8(at + L.RULE_PREDICATES) }, (_, i) =>
      readPredicate(raw, headers, predicates + i * L.PREDICATE_ENTRY),
    ),
    outcome: readOutcome(raw.u8(at + L.RULE_OUTCOME), raw.u16(at + L.RULE_VALUE)),
    wiki: flags & L.RULE_FLAG_BODY ? "body" : flags & L.RULE_FLAG_NO_WIKI ? "none" : "host",
    debug: (flags & L.RULE_FLAG_DEBUG) !== 0,
  };
}

function readOutcome(outcome: number, value: number): Rule["outcome"] {
  switch (outcome) {
    case L.OUTCOME_DEPLOYMENT:
      return { deployment: value };
    case L.OUTCOME_RELEASE:
      return { release: value };
    case L.OUTCOME_REPLY:
      return { reply: value };
    case L.OUTCOME_READ_ONLY:
      return { readOnly: value };
    default:
      return "pass";
  }
}

function readPredicate(raw: TableBytes, headers: readonly string[], at: number): Predicate {
  const subject = nameOf(SUBJECTS, raw.u8(at + L.PREDICATE_SUBJECT));
  const code = raw.u8(at + L.PREDICATE_TEST);
  const test = nameOf(TESTS, code & ~L.TEST_NOT);
  const number = raw.u16(at + L.PREDICATE_NAME);
  const name = subject === "header" ? headers[number]! : raw.string(number);
  const is = { not: (code & L.TEST_NOT) !== 0, subject, test, ...(name !== null && { name }) };
  if (test === "share") {
    const salt = raw.string(raw.u16(at + L.PREDICATE_SALT))!;
    return { ...is, salt, share: raw.u16(at + L.PREDICATE_SHARE) } as Predicate;
  }
  const first = raw.u16(at + L.PREDICATE_FIRST_VALUE);
  const values = Array.from({ length: raw.u16(at + L.PREDICATE_VALUES) }, (_, i) => raw.string(first + i)!);
  const [option, ...wanted] = values;
  // The checker knows which tests go with which subject, and the compiler does not.
  return {
    ...is,
    ...(test === "option" ? { option, values: wanted } : values.length > 0 && { values }),
  } as Predicate;
}
