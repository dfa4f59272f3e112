import type { Names } from "../farm/names.ts";
import type { Decision, Trail } from "../table/decide.ts";
import type { Table } from "../table/decode.ts";
import { describePath, describePattern, describeRule } from "./describe.ts";

/**
 * Which rule, which list, which pin led to a decision, in a sentence or two.
 * @param names null for a stripped table: then without the places in the farm file, lists and pins
 */
export function why(table: Table, names: Names | null, decision: Decision | null, trail: Trail): string {
  const at = (place: string | null | undefined) => (place ? ` (${place})` : "");
  const steps: string[] = [];
  if (trail.readAs !== null)
    steps.push(`the host is read as ${trail.host}${at(names?.readAs[trail.readAs])}`);
  const rule =
    trail.rule === null ? null : `${describeRule(table, trail.rule)}${at(names?.rules[trail.rule])}`;
  if (decision === null) return [...steps, `not ours, passes through: ${rule}`].join("; ");
  steps.push(whichWiki(table, names, decision, trail), whichRelease(names, decision));
  steps.push(`deployment ${decision.deployment}: ${rule ?? "no rule matches, the default"}`);
  return steps.join("; ");
}

function whichWiki(table: Table, names: Names | null, { wiki }: Decision, trail: Trail): string {
  const at = (place: string | undefined) => (place ? ` (${place})` : "");
  let how = "no rule knows the host";
  if (trail.source.kind === "host") how = `the host is a fixed one${at(names?.hosts[trail.host])}`;
  if (trail.source.kind === "pattern") {
    const { pattern } = trail.source;
    how = `the host matches ${describePattern(table, pattern)}${at(names?.patterns[pattern])}`;
  }
  if (trail.path !== null)
    how += `, read from ${describePath(table, trail.path)}${at(names?.paths[trail.path])}`;
  if (wiki !== null) return `${how}: wiki ${wiki}`;
  if (trail.key !== null) return `${how}: ${trail.key || "an empty name"} is no wiki of the table`;
  return `${how}: no wiki`;
}

function whichRelease(names: Names | null, { wiki, group, release, version }: Decision): string {
  if (wiki === null) return `the default release ${release}`;
  const pin = own(names?.pins, wiki);
  if (pin) return `pinned to release ${release} until ${pin.expires}: ${pin.reason}`;
  const list =
    group === null ? "in no group" : `in ${group}${names?.groups[group] ? ` (${names.groups[group]})` : ""}`;
  const moved = own(names?.moved, wiki);
  if (moved)
    return `${list}, but release ${moved.from} does not run its version ${version}: release ${release} does`;
  return `${list}: release ${release}, which runs its version ${version}`;
}

/** A wiki may well be called `constructor`. */
function own<T>(record: Record<string, T> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
