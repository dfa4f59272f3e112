/** `debug` of farm.yaml: the backends that a header may choose. */
import type { Predicate, Route } from "../plan.ts";
import { Problems, quote, SourceError } from "../sources/problem.ts";
import type { Deployments } from "./deployments.ts";
import type { Farm } from "./farm.ts";
import type { Replies } from "./replies.ts";
import type { Placed } from "./rules.ts";

/** A rule for each backend that the header may name, and one that refuses whatever else it says. */
export function debugRules(farm: Farm, deployments: Deployments, replies: Replies): Placed<Route>[] {
  const { debug } = farm.says;
  if (!debug) return [];
  const { header: name, option, backends, unknown } = debug;
  checkValues(farm);
  const rules = farm.keys(["debug", "backends"]).map((backend): Placed<Route> => {
    const path = ["debug", "backends", backend];
    const says = backends[backend]!;
    if (says["any-version"] && deployments.has(backend)) {
      const what = `${quote(backend)} is also a deployment, whose clusters run one version each: give the backend another name`;
      throw new SourceError(farm.place(path, "key"), what);
    }
    const deployment = says["any-version"]
      ? deployments.addAnyVersion(backend, says.cluster ?? backend)
      : deployments.number(backend);
    const named: Predicate = {
      not: false,
      subject: "header",
      name,
      test: "option",
      option,
      values: says.values ?? [backend],
    };
    return { rule: { when: [named], outcome: { deployment }, wiki: "host", debug: true }, path };
  });
  const present: Predicate = { not: false, subject: "header", name, test: "present" };
  const outcome = { reply: replies.number(unknown) };
  return [
    ...rules,
    { rule: { when: [present], outcome, wiki: "host", debug: false }, path: ["debug", "unknown"] },
  ];
}

/** A value leads to one backend, or nobody knows to which. */
function checkValues(farm: Farm): void {
  const problems = new Problems();
  const seen = new Map<string, string>();
  for (const [backend, { values = [backend] }] of Object.entries(farm.says.debug!.backends)) {
    for (const value of values) {
      const other = seen.get(value);
      seen.set(value, backend);
      if (other === undefined) continue;
      const who = other === backend ? "twice" : `of ${quote(other)} already`;
      problems.add(farm.place(["debug", "backends", backend]), `the value ${quote(value)} is ${who}`);
    }
  }
  problems.throwIfAny();
}
