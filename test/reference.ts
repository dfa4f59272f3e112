import type { Decision, Request } from "../scripts/table/decide.ts";
import type { PathForm, Pattern, Plan, Predicate, Target } from "../scripts/table/plan.ts";

/**
 * The naive reader: plain Maps and regular expressions over the plan, written to be obviously right, not fast.
 * It shares no code with the encoder, the decoder or the filter.
 * @returns null for a request that passes through
 */
export function reference(plan: Plan): (request: Request) => Decision | null {
  const wikis = new Map(plan.wikis.map((wiki) => [wiki.id, wiki]));
  const hosts = new Map(plan.hosts.map(({ host, target }) => [host, target]));

  return ({ authority, target }) => {
    const isAddress = addressOf(authority);
    const host = readAs(plan, hostOf(authority));
    const path = target.replace(/\?.*$/s, "");
    const rule = plan.rules.find(({ when }) => when.every((test) => holds(test, host, isAddress, path)));
    if (rule?.outcome === "pass") return null;

    const deployment =
      rule === undefined ? plan.defaultDeployment : (rule.outcome as { deployment: number }).deployment;
    const id = wikiId(host, path, target);
    const wiki = id === null ? undefined : wikis.get(id);
    const release = wiki?.release ?? plan.defaultRelease;
    return {
      wiki: wiki?.id ?? null,
      group: wiki?.group ?? null,
      release: plan.releases[release]!.name,
      version: plan.releases[release]!.version,
      deployment: plan.deployments[deployment]!,
      cluster: plan.clusters[deployment]![release]!,
    };
  };

  function wikiId(host: string, path: string, target: string): string | null {
    if (hosts.has(host)) return follow(hosts.get(host)!, path, target);
    for (const pattern of plan.patterns) {
      const match = regExpOf(pattern).exec(host);
      if (!match) continue;
      if (pattern.kind === "fixed") return follow(pattern.target, path, target);
      const id = match[1]! + (pattern.kind === "join" ? pattern.tail : match[2]!);
      return pattern.dashes ? id.replace(/-/g, "_") : id;
    }
    return null;
  }

  function follow(target: Target, path: string, rawTarget: string): string | null {
    if (target === null) return null;
    if ("wiki" in target) return target.wiki;
    const form = plan.paths[target.path]!;
    return wikiOfPath(form, form.target ? rawTarget : path);
  }
}

function hostOf(authority: string | null): string {
  const lower = (authority ?? "").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return lower.startsWith("[") ? lower : lower.replace(/:\d*$/, "").replace(/\.$/, "");
}

function addressOf(authority: string | null): boolean {
  const host = hostOf(authority);
  return host === "" || host.startsWith("[") || /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function readAs(plan: Plan, host: string): string {
  for (const { labels, from, to } of plan.readAs) {
    const match = new RegExp(`^([^.]+(?:\\.[^.]+){${labels - 1}})${escaped(from)}$`, "s").exec(host);
    if (match) return match[1]! + to;
  }
  return host;
}

function regExpOf(pattern: Pattern): RegExp {
  const suffix = escaped(pattern.suffix);
  if (pattern.kind === "fixed") return new RegExp(`^.+${suffix}$`, "s");
  if (pattern.kind === "join") return new RegExp(`^(.*)${suffix}$`, "s");
  return new RegExp(`^(.*)\\.([a-z]+)${suffix}$`, "s");
}

function holds(test: Predicate, host: string, isAddress: boolean, path: string): boolean {
  if (test.test === "address") return isAddress;
  const text = test.subject === "host" ? host : path;
  const value = escaped(test.value);
  const form = { exact: `^${value}$`, suffix: `^.+${value}$`, prefix: `^${value}`, under: `^${value}(/|$)` }[
    test.test
  ];
  return new RegExp(form, "s").test(text);
}

function wikiOfPath(form: PathForm, text: string): string | null {
  const segments = "/([^/]*)".repeat(form.segments);
  const match = new RegExp(`^${segments}${form.closed ? "/" : "(?:/|$)"}`, "s").exec(text);
  if (!match) return null;
  const id = form.parts
    .map((part) => {
      const segment = match[part + 1]!;
      const replacement = form.replacements.find(({ segment: of, from }) => of === part && from === segment);
      return replacement ? replacement.to : segment;
    })
    .join("");
  return form.dashes ? id.replace(/-/g, "_") : id;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
