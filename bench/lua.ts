/**
 * The farm's whole decision as a Lua filter, generated from the same plan as the table and written as one who knows
 * LuaJIT would: everything that can be known before is a table or an inlined comparison, a request that is nothing
 * special allocates no table and no closure, and a header is read only when a rule is about to look at it.
 *
 * Left out: what the filter says in responses and counts.
 */
import type { Listener, PathForm, Pattern, Plan } from "../scripts/plan.ts";
import { HELPERS } from "./lua-helpers.ts";
import { Predicates } from "./lua-predicates.ts";
import { pattern, quote, table } from "./lua-text.ts";

/**
 * @param hosts wiki → its own host: a look-up of the whole host then saves most requests the patterns
 * @param secondary the proxy is in a secondary data centre
 */
export function luaOf(
  plan: Plan,
  hosts: ReadonlyMap<string, string>,
  listener: Listener,
  secondary: boolean,
): string {
  return new Generator(plan, hosts, listener, secondary).text();
}

class Generator {
  private readonly predicates = new Predicates();

  constructor(
    private readonly plan: Plan,
    private readonly hosts: ReadonlyMap<string, string>,
    private readonly route: Listener,
    private readonly secondary: boolean,
  ) {}

  text(): string {
    const main = this.main();
    return [
      HELPERS,
      this.tables(),
      this.predicates.sets.join("\n"),
      this.plan.paths.map(pathForm).join("\n"),
      main,
    ].join("\n");
  }

  private tables(): string {
    const { wikis, hosts, clusters, deployments, emit, releases } = this.plan;
    const wikiOfHost = new Map<string, string>([...this.hosts].map(([wiki, host]) => [host, quote(wiki)]));
    const formOfHost: string[] = [];
    for (const { host, destination } of hosts) {
      if (destination === null) wikiOfHost.set(host, "false");
      else if ("wiki" in destination) wikiOfHost.set(host, quote(wikis[destination.wiki]!.id));
      else {
        if (destination.else !== undefined) throw new Error("not in this Lua");
        wikiOfHost.delete(host);
        formOfHost.push(`[${quote(host)}] = ${destination.path}`);
      }
    }
    const kinds = emit.map(({ kind }) => kind);
    return [
      table(
        "RELEASE",
        wikis.filter(({ installed }) => installed).map(({ id, release }) => `${id} = ${release + 1}`),
      ),
      table(
        "NOT_INSTALLED",
        wikis.filter(({ installed }) => !installed).map(({ id }) => `${id} = true`),
      ),
      table(
        "WIKI_OF_HOST",
        [...wikiOfHost].map(([host, wiki]) => `[${quote(host)}] = ${wiki}`),
      ),
      table("FORM_OF_HOST", formOfHost),
      table(
        "CLUSTERS",
        clusters.map((row) => `{ ${row.map((name) => quote(name)).join(", ")} }`),
      ),
      ...(kinds.includes("deployment")
        ? [
            table(
              "DEPLOYMENTS",
              deployments.map(({ name }) => quote(name)),
            ),
          ]
        : []),
      ...(kinds.includes("release")
        ? [
            table(
              "RELEASES",
              releases.map(({ name }) => quote(name)),
            ),
          ]
        : []),
      ...(kinds.includes("version")
        ? [
            table(
              "VERSIONS",
              releases.map(({ version }) => quote(version)),
            ),
          ]
        : []),
      ...(kinds.includes("group")
        ? [
            table(
              "GROUP",
              wikis.filter(({ group }) => group).map(({ id, group }) => `${id} = ${quote(group!)}`),
            ),
          ]
        : []),
      table(
        "READ_ONLY",
        deployments.flatMap(({ readOnly }, n) => (readOnly === null ? [] : [`[${n + 1}] = ${readOnly + 1}`])),
      ),
    ].join("\n");
  }

  private main(): string {
    const { plan, route } = this;
    const read = new Set<string>();
    const reads =
      this.secondary && plan.deployments.some(({ readOnly }) => readOnly !== null) && route.reads.length > 0;
    return `
function envoy_on_request(handle)
  local headers = handle:headers()
  local target = headers:get(":path") or "/"
  local host = headers:get(":authority") or ""
  local address = host == "" or byte(host) == 91
  if not address then
    if find(host, "%u") then host = lower(host) end
    if find(host, ":", 1, true) then host = gsub(host, ":%d*$", "") end
    if byte(host, -1) == 46 then host = sub(host, 1, -2) end
    local first = byte(host) or 48
    address = host == "" or (first < 58 and find(host, "^%d%d?%d?%.%d%d?%d?%.%d%d?%d?%.%d%d?%d?$") ~= nil)
  end
  local path, query = target, ""
  local mark = find(target, "?", 1, true)
  if mark then path, query = sub(target, 1, mark - 1), sub(target, mark + 1) end
  if find(path, "%", 1, true) or find(path, "//", 1, true) or find(path, "/.", 1, true) then path = normal(path) end
  local wiki, form = WIKI_OF_HOST[host], nil
  if wiki == nil then
    form = FORM_OF_HOST[host]
    if not form then
${this.rewrite()}      wiki, form = WIKI_OF_HOST[host], FORM_OF_HOST[host]
    end
  end
${this.routes(read)}
  -- The wiki, and with it the release.
  local release
  if decides == "host" then
    if form then
      wiki = FORMS[form](path, target)
    elseif wiki == nil then
${this.patterns()}
    end
    if wiki then release = RELEASE[wiki] end
    if not release then
${this.wikiless()}
    end
  elseif decides == "body" then
${this.body()}
  end
  release = release or ${plan.defaultRelease + 1}
${this.assets(read)}${reads ? this.reads(read) : ""}${this.write()}
end
`;
  }

  /** Hosts in the path come first, then other suffixes. */
  private rewrite(): string {
    let text = "";
    for (const one of this.plan.rewrites) {
      if (one.kind !== "suffix") continue;
      const length = one.from.length;
      const labels = Array.from({ length: one.labels }, () => "[^.]+").join("%.");
      text += `      if sub(host, -${length}) == ${quote(one.from)} and find(host, "^${labels}${pattern(one.from)}$") then
        host = sub(host, 1, -${length + 1}) .. ${quote(one.to)}
      end
`;
    }
    for (const one of this.plan.rewrites) {
      if (one.kind !== "path") continue;
      const asked = one.from.startsWith(".")
        ? `sub(host, -${one.from.length}) == ${quote(one.from)}`
        : `host == ${quote(one.from)}`;
      const under =
        one.under === ""
          ? "true"
          : `(rest == ${quote(one.under)} or sub(rest, 1, ${one.under.length + 1}) == ${quote(`${one.under}/`)})`;
      text = `      if ${asked} then
        local inner, rest = match(path, "^/([^/]+)(/?.*)$")
        if inner and ${under} then
          host, path = lower(inner), rest
          target = match(target, "^/[^/?]+(.*)$") or target
        end
      end
${text}`;
    }
    return text;
  }

  private routes(read: Set<string>): string {
    const { routes, deployment } = this.route;
    let text = `  local deployment, decides = ${deployment + 1}, "host"\n`;
    text += this.predicates.readHeaders(routes, read, "  ");
    for (const [n, rule] of routes.entries()) {
      text += `  ${n === 0 ? "if" : "elseif"} ${this.predicates.all(rule.when)} then\n`;
      const { outcome } = rule;
      if (outcome === "pass") text += "    do return end\n";
      else if ("reply" in outcome) text += `    do return ${this.reply(outcome.reply)} end\n`;
      else {
        text += `    deployment = ${outcome.deployment + 1}\n`;
        if (rule.wiki !== "host") text += `    decides = ${quote(rule.wiki)}\n`;
      }
    }
    return routes.length > 0 ? `${text}  end\n` : text;
  }

  private reply(number: number): string {
    const { status, body } = this.plan.replies[number]!;
    return `handle:respond({ [":status"] = "${status}" }, ${quote(body)})`;
  }

  private patterns(): string {
    let text = "      local key\n";
    for (const [n, one] of this.plan.patterns.entries()) {
      const length = one.suffix.length;
      text += `      ${n === 0 ? "if" : "elseif"} ${this.matches(one)} then\n`;
      if (one.kind === "fixed") {
        const { destination } = one;
        if (destination === null) text += "        wiki = false\n";
        else if ("wiki" in destination)
          text += `        wiki = ${quote(this.plan.wikis[destination.wiki]!.id)}\n`;
        else text += `        wiki = FORMS[${destination.path}](path, target)\n`;
        continue;
      }
      if (one.prefix !== "" || one.path !== null) throw new Error("not in this Lua");
      if (one.kind === "join") text += `        key = sub(host, 1, -${length + 1}) .. ${quote(one.tail)}\n`;
      else text += `        key = gsub(sub(host, 1, -${length + 1}), "%.([a-z]+)$", "%1")\n`;
      if (one.dashes) text += `        if find(key, "-", 1, true) then key = gsub(key, "%-", "_") end\n`;
      text += "        wiki = key\n";
    }
    return this.plan.patterns.length > 0 ? `${text}      end` : "";
  }

  private matches(one: Pattern): string {
    const suffix = `sub(host, -${one.suffix.length}) == ${quote(one.suffix)}`;
    if (one.kind === "fixed") return `#host > ${one.suffix.length} and ${suffix}`;
    return one.kind === "join" ? suffix : `${suffix} and find(host, "%.[a-z]+${pattern(one.suffix)}$")`;
  }

  private wikiless(): string {
    const { unknownHost, missing, notInstalled } = this.plan.wikiless;
    const what = (outcome: typeof unknownHost) =>
      "reply" in outcome ? `do return ${this.reply(outcome.reply)} end` : `release = ${outcome.release + 1}`;
    return `      if wiki and NOT_INSTALLED[wiki] then ${what(notInstalled)}
      elseif wiki then ${what(missing)}
      else ${what(unknownHost)} end`;
  }

  private body(): string {
    const { jobs } = this.plan;
    if (!jobs) return "    wiki = nil";
    return `    local body = handle:body()
    wiki = body and match(body:getBytes(0, body:length()), ${quote(`"${jobs.field}"%s*:%s*"([^"\\]*)"`)})
    release = wiki and RELEASE[wiki]`;
  }

  private assets(read: Set<string>): string {
    const { assets } = this.route;
    if (assets.length === 0) return "";
    let text = this.predicates.readHeaders(assets, read, "  ");
    for (const [n, rule] of assets.entries()) {
      text += `  ${n === 0 ? "if" : "elseif"} ${this.predicates.all(rule.when)} then release = ${rule.outcome.release + 1}\n`;
    }
    return `${text}  end\n`;
  }

  /** Only a whole share or none: a part of it would need the hash of a cookie. */
  private reads(read: Set<string>): string {
    const { reads } = this.route;
    let text = "  local read_only = READ_ONLY[deployment]\n  if read_only then\n";
    text += this.predicates.readHeaders(reads, new Set(read), "    ");
    for (const [n, rule] of reads.entries()) {
      const { readOnly } = rule.outcome;
      text += `    ${n === 0 ? "if" : "elseif"} ${this.predicates.all(rule.when)} then${readOnly > 0 ? " deployment = read_only" : ""}\n`;
    }
    return `${text}    end\n  end\n`;
  }

  private write(): string {
    const values = {
      cluster: "CLUSTERS[deployment][release]",
      release: "RELEASES[release]",
      version: "VERSIONS[release]",
      deployment: "DEPLOYMENTS[deployment]",
      wiki: "wiki",
      group: "GROUP[wiki]",
    };
    return this.plan.emit
      .map(({ kind, name }) => {
        const write = `headers:replace(${quote(name)}, ${values[kind]})`;
        return kind === "wiki" || kind === "group"
          ? `  if wiki and ${values[kind]} then ${write} end`
          : `  ${write}`;
      })
      .join("\n");
  }
}

function pathForm(form: PathForm, number: number): string {
  if (form.lower || form.segments.some((literal) => literal !== null)) throw new Error("not in this Lua");
  const captures = form.segments.map(() => "/([^/]*)").join("");
  const names = form.segments.map((_, n) => `s${n}`);
  const replaced = form.replacements
    .map(
      ({ segment, from, to }) => `  if s${segment} == ${quote(from)} then s${segment} = ${quote(to)} end\n`,
    )
    .join("");
  return `${number === 0 ? "local FORMS = {}\n" : ""}FORMS[${number}] = function(path, target)
  local ${names.join(", ")} = match(${form.target ? "target" : "path"}, "^${captures}${form.closed ? "/" : ""}")
  if not s0 then return nil end
${replaced}  local key = ${form.parts.map((part) => `s${part}`).join(" .. ")}
${form.dashes ? '  if find(key, "-", 1, true) then key = gsub(key, "%-", "_") end\n' : ""}  return key
end`;
}
