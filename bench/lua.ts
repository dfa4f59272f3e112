/**
 * The farm's whole decision as a Lua filter, generated from the same plan as the table and written as one who knows
 * LuaJIT would: everything that can be known before is a table or an inlined comparison, a request that is nothing
 * special allocates no table and no closure, and a header is read only when a rule is about to look at it.
 *
 * Left out: what the filter says in responses and counts.
 */
import type { Listener, PathForm, Pattern, Plan, Predicate, Rule } from "../scripts/plan.ts";

type Condition = Predicate;

/**
 * @param hosts wiki → its own host: a look-up of the whole host then saves most requests the patterns
 * @param near the proxy is not in the primary data centre
 */
export function luaOf(
  plan: Plan,
  hosts: ReadonlyMap<string, string>,
  listener: Listener,
  near: boolean,
): string {
  return new Generator(plan, hosts, listener, near).text();
}

const HELPERS = `local find, sub, byte, lower, gsub, match = string.find, string.sub, string.byte, string.lower, string.gsub, string.match
local char, tonumber = string.char, tonumber

local function decode(text)
  return (gsub(gsub(text, "+", " "), "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end))
end

-- Percent-decoded, // as /, without dot segments.
local function normal(path)
  path = gsub(path, "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end)
  path = gsub(path, "/+", "/")
  if not find(path, "/.", 1, true) then return path end
  local kept, count = {}, 0
  local closed = true
  for segment in string.gmatch(path, "[^/]+") do
    closed = segment == "." or segment == ".."
    if segment == ".." then count = count > 0 and count - 1 or 0
    elseif segment ~= "." then count = count + 1; kept[count] = segment end
  end
  local text = "/" .. table.concat(kept, "/", 1, count)
  if count > 0 and (closed or byte(path, -1) == 47) then text = text .. "/" end
  return text
end

-- The next value of a parameter from a place on, and the place after it; nil: no more.
local function parameter(query, name, from)
  local length = #query
  while from <= length do
    local stop = find(query, "&", from, true) or length + 1
    local equals = find(query, "=", from, true)
    if not equals or equals > stop then equals = stop end
    local own = sub(query, from, equals - 1)
    if own == name or (find(own, "[%%+]") and decode(own) == name) then
      local value = sub(query, equals + 1, stop - 1)
      if find(value, "[%%+]") then value = decode(value) end
      return value, stop + 1
    end
    from = stop + 1
  end
end

local function cookie(text, name, from)
  while true do
    local start, stop = find(text, name, from, true)
    if not start then return nil end
    local before = start == 1 and 59 or byte(text, start - 1)
    if before == 32 and start > 2 then before = byte(text, start - 2) end
    if before == 59 and byte(text, stop + 1) == 61 then
      local finish = find(text, ";", stop + 2, true) or #text + 1
      return sub(text, stop + 2, finish - 1), finish
    end
    from = stop + 1
  end
end

-- The option of a header that is a list of \`name\` and \`name=value\` between \`;\`.
local function option(text, name)
  local first = match(text, "^%s*([^;]-)%s*$") or match(text, "^%s*([^;]-)%s*;")
  for part in string.gmatch(text, "[^;]+") do
    local own, value = match(part, "^%s*([^=]-)%s*=%s*(.-)%s*$")
    if own == name then return value end
  end
  if first and not find(first, "=", 1, true) then return first end
end
`;

class Generator {
  private readonly sets: string[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly hosts: ReadonlyMap<string, string>,
    private readonly route: Listener,
    private readonly near: boolean,
  ) {}

  text(): string {
    const main = this.main();
    return [
      HELPERS,
      this.tables(),
      this.sets.join("\n"),
      this.plan.paths.map(pathForm).join("\n"),
      main,
    ].join("\n");
  }

  private tables(): string {
    const { wikis, hosts, clusters, deployments, emit, releases } = this.plan;
    const wikiOfHost = new Map<string, string>([...this.hosts].map(([wiki, host]) => [host, quote(wiki)]));
    const formOfHost: string[] = [];
    for (const { host, target } of hosts) {
      if (target === null) wikiOfHost.set(host, "false");
      else if ("wiki" in target) wikiOfHost.set(host, quote(wikis[target.wiki]!.id));
      else {
        wikiOfHost.delete(host);
        formOfHost.push(`[${quote(host)}] = ${target.path}`);
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
        "NEAR",
        deployments.flatMap(({ near }, n) => (near === null ? [] : [`[${n + 1}] = ${near + 1}`])),
      ),
    ].join("\n");
  }

  private main(): string {
    const { plan, route } = this;
    const read = new Set<string>();
    const reads = this.near && plan.deployments.some(({ near }) => near !== null) && route.reads.length > 0;
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
  local raw = path
  if find(path, "%", 1, true) or find(path, "//", 1, true) or find(path, "/.", 1, true) then path = normal(path) end
  local wiki, form = WIKI_OF_HOST[host], nil
  if wiki == nil then
    form = FORM_OF_HOST[host]
    if not form then
${this.readAs()}      wiki, form = WIKI_OF_HOST[host], FORM_OF_HOST[host]
    end
  end
${this.routes(read)}
  -- The wiki, and with it the release.
  local release
  if decides == "host" then
    if form then
      wiki = FORMS[form](${"raw, target"})
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
  private readAs(): string {
    let text = "";
    for (const one of this.plan.readAs) {
      if (one.kind !== "suffix") continue;
      const length = one.from.length;
      const labels = Array.from({ length: one.labels }, () => "[^.]+").join("%.");
      text += `      if sub(host, -${length}) == ${quote(one.from)} and find(host, "^${labels}${pattern(one.from)}$") then
        host = sub(host, 1, -${length + 1}) .. ${quote(one.to)}
      end
`;
    }
    for (const one of this.plan.readAs) {
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
          raw = match(raw, "^/[^/]+(/?.*)$") or raw
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
    text += this.readHeaders(routes, read, "  ");
    for (const [n, rule] of routes.entries()) {
      text += `  ${n === 0 ? "if" : "elseif"} ${this.all(rule.when)} then\n`;
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
        const { target } = one;
        if (target === null) text += "        wiki = false\n";
        else if ("wiki" in target) text += `        wiki = ${quote(this.plan.wikis[target.wiki]!.id)}\n`;
        else text += `        wiki = FORMS[${target.path}](raw, target)\n`;
        continue;
      }
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
    const { noHost, missing, notInstalled } = this.plan.wikiless;
    const what = (outcome: typeof noHost) =>
      "reply" in outcome ? `do return ${this.reply(outcome.reply)} end` : `release = ${outcome.release + 1}`;
    return `      if wiki and NOT_INSTALLED[wiki] then ${what(notInstalled)}
      elseif wiki then ${what(missing)}
      else ${what(noHost)} end`;
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
    let text = this.readHeaders(assets, read, "  ");
    for (const [n, rule] of assets.entries()) {
      text += `  ${n === 0 ? "if" : "elseif"} ${this.all(rule.when)} then release = ${rule.outcome.release + 1}\n`;
    }
    return `${text}  end\n`;
  }

  /** Only a whole share or none: a part of it would need the hash of a cookie. */
  private reads(read: Set<string>): string {
    const { reads } = this.route;
    let text = "  local near = NEAR[deployment]\n  if near then\n";
    text += this.readHeaders(reads, new Set(read), "    ");
    for (const [n, rule] of reads.entries()) {
      const { near } = rule.outcome;
      text += `    ${n === 0 ? "if" : "elseif"} ${this.all(rule.when)} then${near > 0 ? " deployment = near" : ""}\n`;
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

  // ---- Predicates ---------------------------------------------------------------------------------------

  /** Locals for the headers that these rules look at, where they are not read yet. */
  private readHeaders(rules: readonly Rule[], read: Set<string>, indent: string): string {
    let text = "";
    for (const { subject, ...rest } of rules.flatMap(({ when }) => when)) {
      const name =
        subject === "header" && "name" in rest
          ? rest.name
          : subject === "cookie"
            ? "cookie"
            : subject === "method"
              ? ":method"
              : null;
      if (name === null || read.has(name)) continue;
      read.add(name);
      text += `${indent}local ${local(name)} = headers:get(${quote(name)})\n`;
    }
    return text;
  }

  private all(when: readonly Condition[]): string {
    if (when.length === 0) return "true";
    return when.map((one) => (one.not ? `not (${this.holds(one)})` : this.holds(one))).join(" and ");
  }

  private holds(one: Condition): string {
    if (one.test === "address") return "address";
    if (one.subject === "host") {
      return one.test === "exact"
        ? this.equals("host", one.values)
        : any(one.values, (v) => `(#host > ${v.length} and sub(host, -${v.length}) == ${quote(v)})`);
    }
    if (one.subject === "path") {
      if (one.test === "exact") return this.equals("path", one.values);
      if (one.test === "prefix") return any(one.values, (v) => starts("path", v));
      return any(
        one.values,
        (v) => `(${starts("path", v)} and (#path == ${v.length} or byte(path, ${v.length + 1}) == 47))`,
      );
    }
    if (one.subject === "method") {
      return one.test === "exact"
        ? this.equals(local(":method"), one.values)
        : any(one.values, (v) => starts(local(":method"), v));
    }
    if (one.subject === "header") {
      const name = local(one.name);
      if (one.test === "present") return name;
      if (one.test === "exact") return this.equals(name, one.values);
      if (one.test === "option")
        return `(${name} and ${this.equals(`option(${name}, ${quote(one.option)})`, one.values)})`;
      const test =
        one.test === "prefix"
          ? (v: string) => starts(name, v)
          : (v: string) => `find(${name}, ${quote(v)}, 1, true)`;
      return `(${name} and ${any(one.values, test)})`;
    }
    const [text, reader] = one.subject === "cookie" ? [local("cookie"), "cookie"] : ["query", "parameter"];
    const some = one.subject === "cookie" ? `${text} and ` : `query ~= "" and `;
    // The name as it stands, first: most queries and cookies do not have it in any form.
    const there = `(${some}${one.subject === "cookie" ? `find(${text}, ${quote(one.name)}, 1, true)` : `(find(query, ${quote(one.name)}, 1, true) or find(query, "%", 1, true))`})`;
    if (one.test === "present") return `(${there} and ${reader}(${text}, ${quote(one.name)}, 1) ~= nil)`;
    const value = `${reader}(${text}, ${quote(one.name)}, 1)`;
    if (one.test === "exact") return `(${there} and ${this.equals(value, one.values)})`;
    return `(${there} and ${any(one.values, (v) => starts(`(${value} or "")`, v))})`;
  }

  private equals(text: string, values: readonly string[]): string {
    if (values.length <= 2) return any(values, (v) => `${text} == ${quote(v)}`);
    const name = `SET${this.sets.length + 1}`;
    this.sets.push(
      table(
        name,
        values.map((v) => `[${quote(v)}] = true`),
      ),
    );
    return `${name}[${text} or ""]`;
  }
}

function pathForm(form: PathForm, number: number): string {
  const captures = Array.from({ length: form.segments }, () => "/([^/]*)").join("");
  const names = Array.from({ length: form.segments }, (_, n) => `s${n}`);
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

function table(name: string, entries: readonly string[]): string {
  return `local ${name} = {\n${entries.map((entry) => `  ${entry},\n`).join("")}}`;
}

function any<T>(values: readonly T[], test: (value: T) => string): string {
  return values.length === 1 ? test(values[0]!) : `(${values.map(test).join(" or ")})`;
}

function starts(text: string, value: string): string {
  return `sub(${text}, 1, ${value.length}) == ${quote(value)}`;
}

/** The name of the local with a header's value. */
function local(header: string): string {
  return `h_${header.replaceAll(/[^a-z0-9]/g, "_")}`;
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** The text as a Lua pattern that matches it alone. */
function pattern(text: string): string {
  return text.replaceAll(/[^a-z0-9]/g, "%$&");
}
