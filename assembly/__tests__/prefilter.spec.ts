/** By which tests the filter passes a rule over: by those that prefilter.ts names, and by no other. */
import { testsOf } from "../check";
import * as L from "../layout";
import { PREFILTER_ENTRY, workOutPrefilters } from "../prefilter";
import { newTable } from "../table";
import { bytesOf } from "./ascii";

const VALUE = "/a/long/value";
/** Tests are told by a bit each. */
const TESTS: u32 = 32;
/** More than there are, so that a new one is asked about too. */
const SUBJECTS: u32 = 32;

/** The prefilter of a rule of one predicate; of none where the subject is 0. */
function prefilterOf(subject: u32, test: u32): usize {
  const table = newTable();
  table.strings = heap.alloc(8);
  store<u32>(table.strings, <u32>bytesOf(VALUE));
  store<u32>(table.strings, load<u32>(table.strings) + VALUE.length, 4);
  table.ruleCount = 1;
  table.rules = filled(L.RULE_ENTRY);
  store<u8>(table.rules + L.RULE_PREDICATES, subject == 0 ? 0 : 1);
  table.predicateCount = 1;
  table.predicates = filled(L.PREDICATE_ENTRY);
  store<u8>(table.predicates + L.PREDICATE_SUBJECT, subject);
  store<u8>(table.predicates + L.PREDICATE_TEST, test);
  store<u16>(table.predicates + L.PREDICATE_VALUES, 1);
  workOutPrefilters(table);
  return table.prefilters;
}

function filled(length: u32): usize {
  const at = heap.alloc(length);
  memory.fill(at, 0, length);
  return at;
}

function narrows(subject: u32, test: u32): bool {
  return memory.compare(prefilterOf(subject, test), prefilterOf(0, 0), PREFILTER_ENTRY) != 0;
}

/** Pairs of a subject and a test, which a table may have or not, that narrow or do not. */
function pairs(isKnown: bool, doesNarrow: bool): string {
  let found = "";
  for (let subject: u32 = 1; subject < SUBJECTS; subject++) {
    for (let test: u32 = 0; test < TESTS; test++) {
      if (((testsOf(subject) & (1 << test)) != 0) != isKnown) continue;
      if (narrows(subject, test) == doesNarrow) found += `${subject}:${test} `;
    }
  }
  return found;
}

describe("the prefilter", () => {
  it("is narrowed by each test that a table may have, but by those that are listed here", () => {
    const path = `${L.SUBJECT_PATH}:${L.TEST_SUFFIX} ${L.SUBJECT_PATH}:${L.TEST_CONTAINS} `;
    const method = `${L.SUBJECT_METHOD}:${L.TEST_PREFIX} `;
    // A share is cut by the client's address where there is no such header or cookie.
    const shares = `${L.SUBJECT_HEADER}:${L.TEST_SHARE} ${L.SUBJECT_COOKIE}:${L.TEST_SHARE} `;
    const client = `${L.SUBJECT_CLIENT}:${L.TEST_PREFIX} ${L.SUBJECT_CLIENT}:${L.TEST_SHARE} `;
    expect(pairs(true, false)).toBe(path + method + shares + client);
  });

  it("is narrowed by no other test: who adds one that is forgotten here routes slower, not wrongly", () => {
    expect(pairs(false, true)).toBe("");
  });

  it("is not narrowed by what must not hold", () => {
    for (let subject: u32 = 1; subject < SUBJECTS; subject++) {
      expect(narrows(subject, L.TEST_EXACT | L.TEST_NOT)).toBe(false);
    }
  });
});
