/** Which rule, which list, which pin led to an answer, in a sentence or two. */
import { describeOutcome, describePath, describePattern, describeRule } from "../describe.ts";
import type { Names } from "../farm/names.ts";
import type { Trail } from "../table/decide.ts";
import type { Answer, RouteAnswer } from "../table/request.ts";
import type { Range, Table } from "../table/table.ts";

/** @param names null for a stripped table: then without the places in the farm file, lists and pins */
export function why(table: Table, names: Names | null, answer: Answer, trail: Trail): string {
  const steps = [...whichRequest(names, trail)];
  for (const rule of trail.outside) steps.push(`not in the share of: ${routeOf(table, names, trail, rule)}`);
  const rule = trail.rule === null ? null : routeOf(table, names, trail, trail.rule);
  if (answer.kind === "pass") return [...steps, `not ours, passes through: ${rule}`].join("; ");
  if (answer.kind === "reply")
    return [...steps, whichReply(table, names, answer.status, trail, rule)].join("; ");
  steps.push(whichWiki(table, names, answer, trail), whichRelease(table, names, answer, trail));
  if (trail.readOnly || trail.read !== null) steps.push(whichDataCentre(table, names, trail));
  steps.push(`deployment ${answer.deployment}: ${rule ?? "no rule matches, the default"}`);
  if (answer.host !== null) steps.push(`Host becomes ${answer.host}`);
  return steps.join("; ");
}

function whichRequest(names: Names | null, trail: Trail): string[] {
  const steps: string[] = [];
  if (trail.pathRewrite !== null)
    steps.push(`the path's first segment is the host${at(names?.rewrites[trail.pathRewrite])}`);
  if (trail.suffixRewrite !== null)
    steps.push(`the host is rewritten to ${trail.host}${at(names?.rewrites[trail.suffixRewrite])}`);
  return steps;
}

/** A rule that may choose the deployment, and where it stands in the farm file. */
function routeOf(table: Table, names: Names | null, trail: Trail, rule: number): string {
  return describeRule(table.rule(rule)) + place(table, names, trail, "routes", rule);
}

/** A rule may be that of several listeners: its place is told as this one's. */
function place(
  table: Table,
  names: Names | null,
  trail: Trail,
  list: "routes" | "assets" | "reads",
  rule: number,
): string {
  const listener = table.listeners.findIndex(({ name }) => name === trail.listener);
  const range: Range = table.listeners[listener]![list];
  return at(names?.listeners[listener]?.[list][rule - range.first]);
}

function at(place: string | null | undefined): string {
  return place ? ` (${place})` : "";
}

function whichReply(
  table: Table,
  names: Names | null,
  status: number,
  trail: Trail,
  rule: string | null,
): string {
  if (trail.body === "conflict") return `the body names two different wikis: answered with ${status}`;
  if (trail.wrong === "twoWikis") {
    const what = "which can be read as another wiki's, or as none's, by other rules for `%XX`, `//` and dots";
    return `${whatIsThere(table, names, trail)}, ${what}: answered with ${status}`;
  }
  if (trail.wrong !== null) {
    const wrong = {
      unknownHost: "no wiki",
      missing: "a missing wiki",
      notInstalled: isStranded(table, names, trail.key ?? "")
        ? "such a wiki"
        : "a wiki that is not installed",
    };
    return `${whatIsThere(table, names, trail)}; ${wrong[trail.wrong]} is answered with ${status}`;
  }
  return `answered with ${status}: ${rule}`;
}

function whichWiki(table: Table, names: Names | null, { wiki }: RouteAnswer, trail: Trail): string {
  if (trail.wikiFrom === "none") return "the rule takes no wiki";
  if (trail.wikiFrom === "body") {
    if (wiki !== null) return `the body names the wiki ${wiki}`;
    return trail.key === null
      ? "the body names no wiki"
      : `the body names ${trail.key}, which is no wiki of the table`;
  }
  return whatIsThere(table, names, trail, wiki);
}

/** What the host or the path says. */
function whatIsThere(table: Table, names: Names | null, trail: Trail, wiki: string | null = null): string {
  let how = "no rule knows the host";
  if (trail.source.kind === "host") how = `the host is a fixed one${at(own(names?.hosts, trail.host))}`;
  if (trail.source.kind === "pattern") {
    const { pattern } = trail.source;
    how = `the host matches ${describePattern(table, table.pattern(pattern))}${at(names?.patterns[pattern])}`;
  }
  if (trail.path !== null)
    how += `, read from ${describePath(table.path(trail.path))}${at(names?.paths[trail.path])}`;
  if (trail.wrong === "twoWikis") return how;
  if (wiki !== null) return `${how}: wiki ${wiki}`;
  if (trail.wrong === "notInstalled") {
    const why = isStranded(table, names, trail.key!)
      ? "has no release that runs its version"
      : "is not installed";
    return `${how}: ${trail.key} ${why}`;
  }
  if (trail.key !== null) return `${how}: ${trail.key || "an empty name"} is no wiki of the table`;
  return `${how}: no wiki`;
}

function whichRelease(
  table: Table,
  names: Names | null,
  { wiki, group, release, version }: RouteAnswer,
  trail: Trail,
): string {
  if (trail.asset !== null) {
    const rule = describeRule(table.rule(trail.asset)) + place(table, names, trail, "assets", trail.asset);
    return `release ${release} for ${rule}`;
  }
  if (wiki === null) {
    const isDefault = release === table.release(table.defaultRelease).name;
    return isDefault ? `the default release ${release}` : `release ${release}, as the farm says`;
  }
  const pin = own(names?.pins, wiki);
  if (pin) return `pinned to release ${release} until ${pin.expires}: ${pin.reason}`;
  const list = group === null ? "in no group" : `in ${group}${at(own(names?.groups, group))}`;
  const moved = own(names?.moved, wiki);
  if (moved)
    return `${list}, but release ${moved.from} does not run its version ${version}: release ${release} does`;
  return `${list}: release ${release}, which runs its version ${version}`;
}

/** The farm has the proxies answer for a wiki that is on none of its releases, as for one that is not installed. */
function isStranded(table: Table, names: Names | null, wiki: string): boolean {
  const slot = table.find(table.wikis, wiki);
  if (slot === -1 || !own(names?.moved, wiki)) return false;
  const { name, version } = table.release(table.releaseOf(slot));
  return name === version;
}

function whichDataCentre(table: Table, names: Names | null, trail: Trail): string {
  const rule = trail.read!;
  const how = describeRule(table.rule(rule)) + place(table, names, trail, "reads", rule);
  if (trail.readOnly) return `read in this data centre: ${how}`;
  const { outcome } = table.rule(rule);
  const isNever = typeof outcome === "object" && "readOnly" in outcome && outcome.readOnly === 0;
  return isNever
    ? `read in the primary data centre: ${how}`
    : `not in the share of ${describeOutcome(table, table.rule(rule))}: ${how}`;
}

/** A wiki, a host or a group may well be called `constructor`. */
function own<T>(record: Record<string, T> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
