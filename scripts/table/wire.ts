/** The numbers by which a table says what a plan says in words; each list is whole, or it does not compile. */
import * as L from "../../assembly/layout.ts";
import type { EmitKind, Jobs, Predicate, Wikiless } from "../plan.ts";

export const SUBJECTS = {
  host: L.SUBJECT_HOST,
  path: L.SUBJECT_PATH,
  method: L.SUBJECT_METHOD,
  header: L.SUBJECT_HEADER,
  cookie: L.SUBJECT_COOKIE,
  query: L.SUBJECT_QUERY,
  client: L.SUBJECT_CLIENT,
} satisfies Record<Predicate["subject"], number>;

export const TESTS = {
  exact: L.TEST_EXACT,
  prefix: L.TEST_PREFIX,
  suffix: L.TEST_SUFFIX,
  under: L.TEST_UNDER,
  address: L.TEST_ADDRESS,
  present: L.TEST_PRESENT,
  contains: L.TEST_CONTAINS,
  option: L.TEST_OPTION,
  share: L.TEST_SHARE,
} satisfies Record<Predicate["test"], number>;

export const EMIT_KINDS = {
  cluster: L.EMIT_CLUSTER,
  release: L.EMIT_RELEASE,
  wiki: L.EMIT_WIKI,
  group: L.EMIT_GROUP,
  version: L.EMIT_VERSION,
  deployment: L.EMIT_DEPLOYMENT,
} satisfies Record<EmitKind, number>;

export const HOST_MODES = {
  never: L.HOST_NEVER,
  "if-unknown": L.HOST_IF_UNKNOWN,
  always: L.HOST_ALWAYS,
} satisfies Record<Jobs["host"], number>;

/** Where in RLSE each outcome stands. */
export const WIKILESS = {
  unknownHost: L.RELEASES_UNKNOWN_HOST,
  missing: L.RELEASES_MISSING,
  notInstalled: L.RELEASES_NOT_INSTALLED,
} satisfies Record<Wikiless, number>;

/** The name of a number that has been checked. */
export function nameOf<Name extends string>(numbers: Record<Name, number>, number: number): Name {
  const found = (Object.keys(numbers) as Name[]).find((name) => numbers[name] === number);
  if (found === undefined) throw new Error(`a number that was checked has no name: ${number}`);
  return found;
}
