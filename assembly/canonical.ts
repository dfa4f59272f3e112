// From a wiki to its canonical host: by rules, and by exceptions where the rules would say another.

import * as C from "./characters";
import * as L from "./layout";
import { endsWithString, KEY_ROOM, Table, writeKey } from "./table";

/** Writes the wiki's host to `to`, which has room for MAX_HOST. @returns its length, 0 where it has none */
export function writeHost(table: Table, slot: u32, to: usize): u32 {
  const exception = findException(table, slot);
  if (exception != 0) {
    const value = load<u32>(exception + L.EXCEPTION_VALUE);
    if (value == L.NO_CANONICAL_HOST) return 0;
    if (value >= table.canonicalRuleCount) {
      return writeKey(table, table.hosts, value - table.canonicalRuleCount, to);
    }
    const length = writeKey(table, table.wikis, slot, to);
    return writeByRule(table, table.canonicalRules + value * L.CANONICAL_RULE, to, length);
  }
  const length = writeKey(table, table.wikis, slot, to);
  let rule = table.canonicalRules;
  for (let i = table.canonicalRuleCount; i > 0; i--) {
    const written = writeByRule(table, rule, to, length);
    if (written > 0) return written;
    rule += L.CANONICAL_RULE;
  }
  return 0;
}

/** A stem takes the place of a wiki ID at most. */
export const MAX_HOST: u32 = KEY_ROOM + L.MAX_STRING_BYTES;

/** The exceptions are sorted by slot. */
function findException(table: Table, slot: u32): usize {
  let from: u32 = 0;
  let to = table.exceptionCount;
  while (from < to) {
    const middle = (from + to) >> 1;
    const at = table.exceptions + middle * L.EXCEPTION_ENTRY;
    const found = load<u32>(at + L.EXCEPTION_SLOT);
    if (found == slot) return at;
    if (found < slot) from = middle + 1;
    else to = middle;
  }
  return 0;
}

/** Makes the host of the wiki ID that stands at `to`; 0: the rule does not fit, and nothing was changed. */
function writeByRule(table: Table, rule: usize, to: usize, length: u32): u32 {
  const tail: u32 = load<u16>(rule + L.CANONICAL_TAIL);
  const stem = length - table.stringLength(tail);
  if (!endsWithString(table, tail, to, length) || stem == 0) return 0;
  if ((load<u8>(rule + L.CANONICAL_FLAGS) & L.CANONICAL_FLAG_DASHES) != 0) {
    for (let i: u32 = 0; i < stem; i++) {
      if (load<u8>(to + i) == C.UNDERSCORE) store<u8>(to + i, <u8>C.DASH);
    }
  }
  const suffix: u32 = load<u16>(rule + L.CANONICAL_SUFFIX);
  memory.copy(to + stem, table.stringAt(suffix), table.stringLength(suffix));
  return stem + table.stringLength(suffix);
}
