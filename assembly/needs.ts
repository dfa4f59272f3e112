// What a request must have for a rule to hold at all, worked out once a table: of the rules of a farm most ask for
// a header, a parameter or a method that most requests do not have, and are then passed over at a glance.

import * as L from "./layout";
import { stringAt, stringLength, Table, zeroed } from "./table";

/** Of each rule: the headers of HDRS that must be there, a bit each; then the traits that must not. */
export const NEEDS_HEADERS: u32 = 0;
export const NEEDS_TRAITS: u32 = 4;
export const NEEDS_ENTRY: u32 = 8;

// Traits of a request.
export const NO_QUERY: u32 = 1;
const GET: u32 = 2;
const HEAD: u32 = 4;
const POST: u32 = 8;
const OTHER_METHOD: u32 = 16;
const METHODS: u32 = GET | HEAD | POST | OTHER_METHOD;

/** The trait that a method is; none where the method is not known yet. */
export function traitOf(method: usize, length: u32): u32 {
  if (length == 0) return 0;
  if (length == 3 && load<u16>(method) == 0x4547 && load<u8>(method, 2) == 0x54) return GET;
  if (length == 4 && load<u32>(method) == 0x44414548) return HEAD;
  if (length == 4 && load<u32>(method) == 0x54534f50) return POST;
  return OTHER_METHOD;
}

/** For a table whose rules have been checked. */
export function workOutNeeds(table: Table): void {
  table.needs = zeroed(table.ruleCount * NEEDS_ENTRY + 1);
  for (let i: u32 = 0; i < table.ruleCount; i++) {
    const rule = table.rules + i * L.RULE_ENTRY;
    const needs = table.needs + i * NEEDS_ENTRY;
    let predicate = table.predicates + load<u16>(rule + L.RULE_FIRST_PREDICATE) * L.PREDICATE_ENTRY;
    for (let left: u32 = load<u8>(rule + L.RULE_PREDICATES); left > 0; left--) {
      // What must not hold asks for nothing.
      if ((load<u8>(predicate + L.PREDICATE_TEST) & L.TEST_NOT) == 0) need(table, predicate, needs);
      predicate += L.PREDICATE_ENTRY;
    }
  }
}

function need(table: Table, predicate: usize, needs: usize): void {
  const subject: u32 = load<u8>(predicate + L.PREDICATE_SUBJECT);
  const isHeader = subject == L.SUBJECT_HEADER;
  if (isHeader || subject == L.SUBJECT_COOKIE) {
    const header: u32 = isHeader ? load<u16>(predicate + L.PREDICATE_NAME) : table.cookieHeader;
    store<u32>(needs, load<u32>(needs, NEEDS_HEADERS) | (1 << header), NEEDS_HEADERS);
  } else if (subject == L.SUBJECT_QUERY) {
    store<u32>(needs, load<u32>(needs, NEEDS_TRAITS) | NO_QUERY, NEEDS_TRAITS);
  } else if (subject == L.SUBJECT_METHOD && load<u8>(predicate + L.PREDICATE_TEST) == L.TEST_EXACT) {
    store<u32>(
      needs,
      load<u32>(needs, NEEDS_TRAITS) | (METHODS & ~methodsOf(table, predicate)),
      NEEDS_TRAITS,
    );
  }
}

function methodsOf(table: Table, predicate: usize): u32 {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  let methods: u32 = 0;
  for (let value = first; value < after; value++) {
    const length = stringLength(table, value);
    // An empty one is that of a request without a method, whose trait is none.
    methods |= length == 0 ? METHODS : traitOf(stringAt(table, value), length);
  }
  return methods;
}
