/** The naive reference: what a plan decides, written as plainly as possible. */
import { isIPv4, isIPv6 } from "node:net";
import type {
  Destination,
  Listener,
  PathForm,
  Pattern,
  Plan,
  Predicate,
  Rewrite,
  Rule,
  WikilessOutcome,
} from "../scripts/plan.ts";
import type { Answer, Request, Where } from "../scripts/table/request.ts";

/**
 * The naive reader: plain Maps and regular expressions over the plan, written to be obviously right, not fast.
 * It shares no code with the encoder, the decoder or the filter.
 */
export function reference(plan: Plan): (request: Request, where?: Where) => Answer {
  const wikis = new Map(plan.wikis.map((wiki) => [wiki.id, wiki]));
  const hosts = new Map(plan.hosts.map(({ host, destination }) => [host, destination]));

  return (request, where = { listener: null, secondary: false }) => {
    const listener =
      plan.listeners.find(({ name }) => name === null || name === where.listener) ?? plan.listeners[0]!;
    const parts = partsOf(plan, request, listener);
    const route = firstOf(listener.routes, parts);
    const outcome = route?.outcome ?? { deployment: listener.deployment };
    if (outcome === "pass") return { kind: "pass" };
    if ("reply" in outcome) return { kind: "reply", ...plan.replies[outcome.reply]! };

    const asset = route?.wiki === "body" ? undefined : firstOf(listener.assets, parts);
    const found = wikiOf(route?.wiki ?? "host", parts, request, where.bodiless);
    if (found === TWO_WIKIS)
      return { kind: "reply", status: 400, body: "the request's path can be read as that of two wikis\n" };
    const known = "id" in found ? wikis.get(found.id)! : null;
    const release = asset?.outcome ?? (known ? { release: known.release } : (found as WikilessOutcome));
    if ("reply" in release) return { kind: "reply", ...plan.replies[release.reply]! };

    const deployment = where.secondary ? readOnlyOr(listener, outcome.deployment, parts) : outcome.deployment;
    return {
      kind: "route",
      wiki: known?.id ?? null,
      group: known?.group ?? null,
      release: plan.releases[release.release]!.name,
      version: plan.releases[release.release]!.version,
      deployment: plan.deployments[deployment]!.name,
      cluster: plan.clusters[deployment]![release.release]!,
      host: route?.wiki === "body" && known && !where.bodiless ? hostOfJob(known.id, parts) : null,
      debug: route?.debug ?? false,
    };
  };

  /** The wiki, or what becomes of a request without one. */
  function wikiOf(
    from: "host" | "body" | "none",
    parts: Parts,
    request: Request,
    bodiless = false,
  ): { id: string } | WikilessOutcome | typeof TWO_WIKIS {
    const byDefault = { release: plan.defaultRelease };
    if (from === "none") return byDefault;
    if (from === "body") {
      const id = bodiless ? (wikiId(parts) ?? null) : wikiOfBody(request.body ?? "", plan.jobs!.field);
      return id !== null && wikis.has(id) ? { id } : byDefault;
    }
    const id = wikiId(parts);
    if (id === TWO_WIKIS) return TWO_WIKIS;
    if (id === undefined) return plan.wikiless.unknownHost;
    const wiki = id === null ? undefined : wikis.get(id);
    if (!wiki) return plan.wikiless.missing;
    return wiki.installed ? { id: wiki.id } : plan.wikiless.notInstalled;
  }

  function hostOfJob(id: string, parts: Parts): string | null {
    const mode = plan.jobs!.host;
    if (mode === "never") return null;
    const own = wikiId(parts);
    if (mode === "if-unknown" && own !== undefined && own !== null && wikis.has(own)) return null;
    const byRule = (number: number) => {
      const { tail, suffix, dashes } = plan.canonical.rules[number]!;
      const match = new RegExp(`^(.+)${escaped(tail)}$`).exec(id);
      return match ? (dashes ? match[1]!.replace(/_/g, "-") : match[1]!) + suffix : null;
    };
    const exception = plan.canonical.exceptions.find(({ wiki }) => wiki === id);
    if (exception) return typeof exception.host === "number" ? byRule(exception.host) : exception.host;
    return plan.canonical.rules.map((_, number) => byRule(number)).find((host) => host !== null) ?? null;
  }

  function readOnlyOr(listener: Listener, deployment: number, parts: Parts): number {
    const { readOnly } = plan.deployments[deployment]!;
    const share = firstOf(listener.reads, parts)?.outcome.readOnly ?? 0;
    if (readOnly === null || share === 0) return deployment;
    const cookie = parts.cookies.find(({ name }) => name === plan.shareCookie)?.value;
    return isInShare(share, cookie || parts.client) ? readOnly : deployment;
  }

  /** undefined: the host says no wiki; null: it is known to have none. */
  function wikiId(parts: Parts): string | null | undefined {
    const raw = parts.target.replace(/\?.*$/s, "");
    const kept = pathOf(raw.replace(/%2(?=f)/gi, "%252"));
    const id = wikiIdBy(parts.host, parts.path, parts.target);
    if (raw === parts.path) return id;
    const other = wikiIdBy(parts.host, /%2f/i.test(raw) ? KEPT + kept : parts.path, parts.path);
    if (other === TWO_WIKIS) return TWO_WIKIS;
    const known = (one: typeof id) => (wikis.has(one ?? "") ? one : null);
    return known(id) === known(other) ? id : TWO_WIKIS;
  }

  function wikiIdBy(host: string, path: string, target: string): string | null | undefined {
    if (hosts.has(host)) return follow(hosts.get(host)!, path, target);
    for (const pattern of plan.patterns) {
      const match = regExpOf(pattern).exec(host);
      if (!match) continue;
      if (pattern.kind === "fixed") return follow(pattern.destination, path, target);
      const carried = pattern.path === null ? null : follow({ path: pattern.path }, path, target);
      if (carried && (wikis.has(carried) || carried === TWO_WIKIS)) return carried;
      const id = match[1]! + (pattern.kind === "join" ? pattern.tail : match[2]!);
      return pattern.dashes ? id.replace(/-/g, "_") : id;
    }
    return undefined;
  }

  function follow(destination: Destination, path: string, target: string): string | null | undefined {
    if (destination === null) return null;
    if ("wiki" in destination) return plan.wikis[destination.wiki]!.id;
    const form = plan.paths[destination.path]!;
    const id = wikiOfPath(form, form.target ? target : path);
    if (destination.else === undefined || wikis.has(id ?? "") || id === TWO_WIKIS) return id;
    return plan.wikis[destination.else]!.id;
  }
}

/** The path can be read in two ways, and one of them names a wiki that the other does not. */
const TWO_WIKIS = "two wikis";

/** Stands before a path in which each `%2F` is as it was. */
const KEPT = "\0";

/** A request taken apart, as rules see it. */
interface Parts {
  host: string;
  isAddress: boolean;
  target: string;
  path: string;
  method: string;
  headers: { name: string; value: string }[];
  cookies: { name: string; value: string }[];
  parameters: { name: string; value: string }[];
  /** Address of who asks. */
  client: string;
}

function partsOf(plan: Plan, request: Request, listener: Listener): Parts {
  const { authority, target } = readHostOfPath(plan, request.authority, request.target);
  const headers = (request.headers ?? []).map(([name, value]) => ({ name: name.toLowerCase(), value }));
  // One list, read from its end: those that we trust go first, and the next one is the client.
  const copies = headers.filter(({ name }) => name === "x-forwarded-for").map(({ value }) => value);
  const entries = copies.join(",").split(",").map(trimmed);
  const fromTheRight = entries.filter((entry) => entry !== "").reverse();
  const forwarded = listener.trust === "internal" ? fromTheRight[listener.trustedHops] : undefined;
  return {
    host: rewritten(plan, hostOf(authority)),
    isAddress: addressOf(authority),
    target,
    path: pathOf(target.replace(/\?.*$/s, "")),
    method: request.method ?? "GET",
    headers,
    cookies: headers
      .filter(({ name }) => name === "cookie")
      .flatMap(({ value }) => value.split(";"))
      .map((text) => pairOf(text, trimmed)),
    parameters: (/\?([^#]*)/s.exec(target)?.[1] ?? "").split("&").map((text) => pairOf(text, parameterText)),
    client: forwarded || request.client || "",
  };
}

function pairOf(text: string, read: (text: string) => string): { name: string; value: string } {
  const equals = text.indexOf("=");
  return equals === -1
    ? { name: read(text), value: "" }
    : { name: read(text.slice(0, equals)), value: read(text.slice(equals + 1)) };
}

const trimmed = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");
const parameterText = (text: string): string => percentDecoded(text.replace(/\+/g, " "));
const percentDecoded = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));

function pathOf(raw: string): string {
  if (!raw.startsWith("/")) return raw;
  const kept: string[] = [];
  const segments = percentDecoded(raw).split("/").slice(1);
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const isOpen = ["", ".", ".."].includes(segments.at(-1)!) && kept.length > 0;
  return `/${kept.join("/")}${isOpen ? "/" : ""}`;
}

function firstOf<Outcome>(rules: Rule<Outcome>[], parts: Parts): Rule<Outcome> | undefined {
  return rules.find(({ when }) => when.every((test) => holds(test, parts) !== test.not));
}

function holds(test: Predicate, parts: Parts): boolean {
  if (test.test === "address") return parts.isAddress;
  if (test.test === "share") {
    const own = test.subject === "client" ? undefined : valuesOf(test, parts)[0];
    return isInShare(test.share, test.salt + (own || parts.client));
  }
  const values = valuesOf(test, parts);
  if (test.test === "present") return values.length > 0;
  if (test.test === "option")
    return values.length === 1 && test.values.includes(optionOf(values[0]!, test.option)!);
  const isSuffixOfHost = test.subject === "host" && test.test === "suffix";
  const kind = isSuffixOfHost ? "after something" : test.test;
  return values.some((value) => test.values.some((wanted) => passes(kind, value, wanted)));
}

/** All that the request has of what the test is about. */
function valuesOf(test: Predicate, parts: Parts): string[] {
  const called = (list: { name: string; value: string }[], name: string) =>
    list.filter((one) => one.name === name).map(({ value }) => value);
  if (test.subject === "host") return [parts.host];
  if (test.subject === "path") return [parts.path];
  if (test.subject === "method") return [parts.method];
  if (test.subject === "client") return addressBits(parts.client);
  if (test.subject === "header") return called(parts.headers, test.name);
  if (test.subject === "cookie") return called(parts.cookies, test.name);
  return parts.parameters
    .filter(({ name }) => variablesOf(name).includes(test.name))
    .map(({ value }) => value);
}

/** What PHP may call a parameter: `a.b` is `a_b`, `a[b]` is `a`. */
function variablesOf(parameter: string): string[] {
  const name = parameter.replace(/^ */, "").replace(/\0.*$/s, "");
  const ends = [...name].flatMap((character, i) => (character === "[" ? [i] : []));
  return [...ends, name.length].map((end) => name.slice(0, end).replace(/[ .[]/g, "_"));
}

function passes(test: string, value: string, wanted: string): boolean {
  const text = escaped(wanted);
  const form = {
    exact: `^${text}$`,
    "after something": `^.+${text}$`,
    suffix: `${text}$`,
    prefix: `^${text}`,
    under: `^${text}(/|$)`,
    contains: text,
  };
  return new RegExp(form[test as keyof typeof form], "s").test(value);
}

function optionOf(header: string, option: string): string | undefined {
  const options = header.split(";").map((text) => ({ ...pairOf(text, trimmed), bare: !text.includes("=") }));
  const named = options.filter(({ name, bare }) => name === option && !bare);
  if (named.length > 0) return named.length === 1 ? named[0]!.value : undefined;
  return options[0]!.bare ? options[0]!.name : undefined;
}

/** Of a body no longer than the limit, in which no name stands twice: the other two readers know more. */
function wikiOfBody(body: string, field: string): string | null {
  try {
    const value = JSON.parse(Buffer.from(body, "latin1").toString("utf8"))?.[field];
    return typeof value === "string" ? Buffer.from(value, "utf8").toString("latin1") : null;
  } catch {
    return null;
  }
}

function isInShare(share: number, text: string): boolean {
  return Math.floor((hash(text) * 10000) / 2 ** 32) < share;
}

/** By the URL parser of the platform, which writes an address of IPv6 in one way. */
function addressBits(text: string): string[] {
  const zoneless = text.replace(/%.*$/s, "");
  const hex = (numbers: number[], digits: number) =>
    numbers.map((number) => number.toString(16).padStart(digits, "0")).join("");
  if (isIPv4(text)) return [`4${hex(text.split(".").map(Number), 2)}`];
  if (!isIPv6(zoneless)) return [];
  const [before, after] = new URL(`http://[${zoneless}]`).hostname.slice(1, -1).split("::");
  const groups = (part = "") => (part === "" ? [] : part.split(":").map((one) => Number.parseInt(one, 16)));
  const [head, tail] = [groups(before), groups(after)];
  const digits = hex([...head, ...Array(8 - head.length - tail.length).fill(0), ...tail], 4);
  return [digits.startsWith(`${"0".repeat(20)}ffff`) ? `4${digits.slice(24)}` : `6${digits}`];
}

/** MurmurHash3's finaliser after one lane of multiply-xor, as docs/table-format.md has it. */
function hash(text: string): number {
  let h = 0x9e3779b9;
  for (const byte of Buffer.from(text, "latin1")) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function readHostOfPath(plan: Plan, authority: string | null, target: string) {
  const host = hostOf(authority);
  for (const rewrite of plan.rewrites) {
    if (rewrite.kind !== "path") continue;
    const { from, under } = rewrite;
    const isMeant = from.startsWith(".") ? host.endsWith(from) && host !== from : host === from;
    const match = new RegExp(`^/([^/?]+)(${escaped(under)}(?:[/?].*)?)$`, "s").exec(target);
    if (isMeant && match && match[2]!.startsWith("/")) return { authority: match[1]!, target: match[2]! };
  }
  return { authority, target };
}

function hostOf(authority: string | null): string {
  const lower = (authority ?? "").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return lower.startsWith("[") ? lower : lower.replace(/:\d*$/, "").replace(/\.$/, "");
}

function addressOf(authority: string | null): boolean {
  const host = hostOf(authority);
  return host === "" || host.startsWith("[") || /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function rewritten(plan: Plan, host: string): string {
  const suffixes = plan.rewrites.filter((one): one is Rewrite & { kind: "suffix" } => one.kind === "suffix");
  for (const { prefix, labels, from, to } of suffixes) {
    const match = new RegExp(
      `^${escaped(prefix)}([^.]+(?:\\.[^.]+){${labels - 1}})${escaped(from)}$`,
      "s",
    ).exec(host);
    if (match) return match[1]! + to;
  }
  return host;
}

function regExpOf(pattern: Pattern): RegExp {
  const suffix = escaped(pattern.suffix);
  if (pattern.kind === "fixed") return new RegExp(`^.+${suffix}$`, "s");
  const prefix = escaped(pattern.prefix);
  if (pattern.kind === "join") return new RegExp(`^${prefix}(.*)${suffix}$`, "s");
  return new RegExp(`^${prefix}(.*)\\.([a-z]+)${suffix}$`, "s");
}

/** undefined: the path does not fit. */
function wikiOfPath(form: PathForm, text: string): string | undefined {
  const segments = form.segments
    .map((literal) => (literal === null ? "/([^/]*)" : `/(${escaped(literal)})`))
    .join("");
  const kept = text.startsWith(KEPT);
  const read = text.split("/").slice(1, 1 + form.segments.length);
  if (kept && read.some((segment) => /%2f/i.test(segment))) return TWO_WIKIS;
  const match = new RegExp(`^(?:${KEPT})?${segments}${form.closed ? "/" : "(?:/|$)"}`, "s").exec(text);
  if (!match) return undefined;
  const id = form.parts
    .map((part) => {
      const found = match[part + 1]!;
      const segment = form.lower ? found.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : found;
      const replacement = form.replacements.find(({ segment: of, from }) => of === part && from === segment);
      return replacement ? replacement.to : segment;
    })
    .join("");
  return form.dashes ? id.replace(/-/g, "_") : id;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
