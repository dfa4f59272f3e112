/** Requests that tests send to a farm. */
import fc from "fast-check";
import { shownByAts } from "../../host-sim/profiles/ats-headers.ts";
import { receiveInAts } from "../../host-sim/profiles/ats-request.ts";
import type { PathForm, Plan, Predicate, Rule } from "../../scripts/plan.ts";
import type { Answer, Request, Where } from "../../scripts/table/request.ts";

/** Every listener of a farm, in the primary data centre and in another. */
export function wheresFor(plan: Plan): Where[] {
  return plan.listeners.flatMap(({ name }) =>
    [false, true].map((secondary) => ({ listener: name, secondary })),
  );
}

/**
 * Requests that a farm's table could get wrong: hosts, paths, headers and bodies that it knows, and near misses of
 * them. Characters are bytes.
 */
export function requestsFor(plan: Plan): fc.Arbitrary<Request> {
  const ids = plan.wikis.map((wiki) => wiki.id);
  const tests = testsOf(plan);
  const valuesFor = (subject: string) =>
    tests.flatMap((test) => (test.subject === subject && "values" in test ? test.values : []));
  const suffixes = [
    ...plan.patterns.map((pattern) => pattern.suffix),
    ...plan.rewrites.flatMap((one) => (one.kind === "suffix" ? [one.from, one.to] : [one.from])),
    ...valuesFor("host"),
    ".wikibooks.org",
    ".a.b.org",
    "",
  ];
  const prefixes = [
    ...plan.patterns.map((pattern) => (pattern.kind === "fixed" ? "" : pattern.prefix)),
    ...plan.rewrites.map((one) => (one.kind === "suffix" ? one.prefix : "")),
  ].filter((prefix) => prefix !== "");
  const label = fc.oneof(
    fc.constantFrom(...ids),
    fc.constantFrom(...ids).chain((id) => fc.nat(id.length).map((n) => id.slice(0, n).replaceAll("_", "-"))),
    fc.string({ unit: fc.constantFrom(..."abw-_.1"), maxLength: 6 }),
  );
  // A wiki ID cut anywhere into label and family: `e` + `nwiki` is enwiki as well.
  const cut = fc
    .constantFrom(...ids)
    .chain((id) => fc.nat(id.length).map((n) => `${id.slice(0, n).replaceAll("_", "-")}.${id.slice(n)}.org`));
  const host = fc.oneof(
    fc.constantFrom(
      ...plan.hosts.map((one) => one.host),
      "localhost",
      "10.0.0.1",
      "[::1]",
      "1.2.3",
      "256.1.1.1111",
    ),
    cut,
    fc.tuple(label, fc.constantFrom(...suffixes)).map((parts) => parts.join("")),
    fc.tuple(label, label, fc.constantFrom(...suffixes)).map(([a, b, suffix]) => `${a}.${b}${suffix}`),
  );
  const prefixed = fc.tuple(fc.constantFrom("", ...prefixes), host).map((parts) => parts.join(""));
  const authority = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(prefixed, fc.array(edit, { maxLength: 2 })).map(applyEdits) },
    { weight: 1, arbitrary: fc.string({ unit: byte, maxLength: 300 }) },
    { weight: 1, arbitrary: fc.constant(null) },
  );

  const segment = fc.oneof(
    fc.constantFrom(
      ...ids,
      "wikipedia",
      "wikibooks",
      "commons",
      "en",
      "",
      "w",
      "api.php",
      "wiki",
      "rpc",
      "?",
      "-",
    ),
    fc.string({ unit: fc.constantFrom(..."a-_?/.%w"), maxLength: 5 }),
  );
  const ruled = valuesFor("path");
  const query = queryFor(tests);
  const target = fc.oneof(
    fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`),
    ...carrying(plan, segment),
    fc.tuple(fc.constantFrom("/", ...ruled), fc.array(edit, { maxLength: 2 })).map(applyEdits),
    fc
      .tuple(fc.constantFrom("/", ...ruled), fc.constantFrom("?x=/w/api.php", "/", "/v1?a=b/c", "x", "%2F"))
      .map((parts) => parts.join("")),
    fc
      .tuple(fc.constantFrom("/", "//", "/./", "/x/../", "/%2F"), fc.constantFrom("w/api.php", ...ruled))
      .map(([before, path]) => before + path.slice(1)),
    fc.tuple(host, fc.constantFrom("/", ...ruled)).map(([segment, path]) => `/${segment}${path}`),
    fc.string({ unit: byte, maxLength: 40 }),
  );
  const targetAndQuery = fc
    .tuple(target, fc.oneof({ weight: 3, arbitrary: fc.constant("") }, { weight: 1, arbitrary: query }))
    .map((parts) => parts.join(""));
  const request = fc.record({
    authority,
    target: targetAndQuery,
    method: fc.constantFrom("GET", "POST", "HEAD", "PUT", ...valuesFor("method")),
    headers: headersFor(plan, tests),
    client: fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom("10.1.2.3", "192.0.2.7", "2001:db8::7", "::ffff:10.0.0.1"),
    ),
    body: bodyFor(plan),
  });
  const endpoints = pathsOfJobs(plan);
  if (endpoints.length === 0) return request;
  const job = fc
    .record({ request, target: fc.constantFrom(...endpoints) })
    .map(({ request, target }) => ({ ...request, target, method: "POST" }));
  return fc.oneof({ weight: 19, arbitrary: request }, { weight: 1, arbitrary: job });
}

/** Paths that carry a wiki, or nearly. */
function carrying({ paths }: Plan, segment: fc.Arbitrary<string>): fc.Arbitrary<string>[] {
  if (paths.length === 0) return [];
  const known = (form: PathForm, i: number) =>
    form.replacements.filter((one) => one.segment === i).map(({ from }) => from);
  const path = fc.constantFrom(...paths).chain((form) => {
    const segments = form.segments.map((literal, i) =>
      literal === null
        ? fc.oneof(segment, ...known(form, i).map((text) => fc.constant(text)))
        : fc.constant(literal),
    );
    const rest = fc.constantFrom("", "/", "/x", "/../x/y");
    return fc.tuple(...segments, rest).map((parts) => `/${parts.slice(0, -1).join("/")}${parts.at(-1)}`);
  });
  return [fc.tuple(path, fc.array(edit, { maxLength: 1 })).map(applyEdits)];
}

/** Where a body says the wiki. */
function pathsOfJobs(plan: Plan): string[] {
  const rules = plan.listeners.flatMap(({ routes }) => routes).filter(({ wiki }) => wiki === "body");
  return rules.flatMap(({ when }) => when.flatMap((test) => (test.subject === "path" ? test.values : [])));
}

/** Each test of a rule, once. */
function testsOf(plan: Plan): Predicate[] {
  const rules: Rule[] = plan.listeners.flatMap(({ routes, assets, reads }) => [
    ...routes,
    ...assets,
    ...reads,
  ]);
  return [...new Map(rules.flatMap(({ when }) => when).map((test) => [JSON.stringify(test), test])).values()];
}

function queryFor(tests: Predicate[]): fc.Arbitrary<string> {
  const known = tests.flatMap((test) =>
    test.subject === "query"
      ? [test.name, ...("values" in test ? test.values : []).map((value) => `${test.name}=${value}`)]
      : [],
  );
  const parameter = fc
    .tuple(
      fc.constantFrom(
        "a=b",
        "",
        "title=Foo=action=rollback",
        ".a",
        "a.b=a",
        "a[b]=b",
        "a[b=a",
        "+a=b",
        "a%00b=b",
        ...known,
      ),
      fc.array(edit, { maxLength: 1 }),
    )
    .chain((parts) => percentEncoded(applyEdits(parts)));
  return fc.array(parameter, { maxLength: 3 }).map((parameters) => `?${parameters.join("&")}`);
}

/** The same text with some of its characters as `%XX`. */
function percentEncoded(text: string): fc.Arbitrary<string> {
  const encode = (c: string) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return fc
    .array(fc.nat(9), { minLength: text.length, maxLength: text.length })
    .map((dice) => [...text].map((c, i) => (dice[i] === 0 ? encode(c) : c)).join(""));
}

function headersFor(plan: Plan, tests: Predicate[]): fc.Arbitrary<[string, string][]> {
  const values = (test: Predicate & { name: string }) => ("values" in test ? test.values : [""]);
  const known = tests.flatMap((test): [string, string][] => {
    if (test.subject === "cookie") return values(test).map((value) => ["cookie", `${test.name}=${value}`]);
    if (test.subject !== "header") return [];
    if (test.test !== "option") return values(test).map((value) => [test.name, value]);
    const options = test.values.flatMap((value) => [
      value,
      `${test.option}=${value}; log`,
      `a;${test.option}=${value}`,
    ]);
    return options.map((value) => [test.name, value]);
  });
  const emitted = plan.emit.map(({ name }): [string, string] => [name, plan.clusters[0]![0]!]);
  const sessions = ["enwikiSession=x", "a=b; enwikiToken=y", "UseDC=master", "session", "cpPosIndex=1"];
  const others: [string, string][] = [
    ["x-forwarded-for", "192.0.2.1, 198.51.100.2"],
    ["x-forwarded-for", " "],
    ["x-forwarded-for", "10.0.0.9"],
    ["x-forwarded-for", "2001:DB8::9%1, 10.0.0.1"],
    ["x-forwarded-for", "unknown"],
    ["X-Forwarded-For", "198.51.100.3,\t192.0.2.4 "],
    ["x-forwarded-for", "198.51.100.5,"],
    ["accept", "*/*"],
    ...sessions.map((value): [string, string] => ["cookie", value]),
  ];
  const header = fc
    .tuple(fc.constantFrom(...known, ...emitted, ...others), fc.array(edit, { maxLength: 1 }), fc.nat(5))
    .map(([[name, value], edits, die]): [string, string] => [
      die === 0 ? name.toUpperCase() : name,
      die < 2 ? applyEdits([value, edits]).replace(/^[ \t]+|[ \t]+$/g, "") : value,
    ]);
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<[string, string][]>([]) },
    { weight: 1, arbitrary: fc.array(header, { maxLength: 5 }) },
  );
}

/** JSON in which no name stands twice: of such the naive reader knows the wiki. */
function bodyFor(plan: Plan): fc.Arbitrary<string | null> {
  const ids = plan.wikis.map((wiki) => wiki.id);
  const field = plan.jobs?.field ?? "database";
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("latin1");
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...ids).map((id) => text({ type: "x", [field]: id, y: { [field]: 1 } })),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom("", "[]", "x", text({ a: { [field]: ids[0] } }), text({ [field]: 1 }))
        .map((body) => body),
    },
  );
}

/** Any byte that may stand in a header's value. */
const byte = fc
  .integer({ min: 1, max: 255 })
  .map((code) => String.fromCharCode(code === 10 || code === 13 ? 9 : code));

interface Edit {
  at: number;
  kind: "insert" | "remove" | "upper" | "append";
  text: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(40),
  kind: fc.constantFrom("insert", "remove", "upper", "append"),
  text: fc.constantFrom(".", "[", "]", "+", ":", ":80", ":x", "-", "_", "a", "\u00e9", "/", "?", " ", ".."),
});

function applyEdits([text, edits]: [string, Edit[]]): string {
  return edits.reduce((current, { at, kind, text: added }) => {
    const place = current.length === 0 ? 0 : at % (current.length + 1);
    if (kind === "upper") return current.slice(0, place).toUpperCase() + current.slice(place);
    if (kind === "remove") return current.slice(0, place) + current.slice(place + 1);
    return kind === "append" ? current + added : current.slice(0, place) + added + current.slice(place);
  }, text);
}

/** What ATS answers by itself, before the filter is asked. */
export const REFUSED_BY_ATS: Answer = { kind: "reply", status: 400, body: "" };

/**
 * What the filter learns of it in ATS: of a list that came in several headers no more than how each begins. null: ATS
 * answers it by itself.
 */
export function asInAts(request: Request): Request | null {
  const { authority, headers = [], target } = request;
  const line = { method: "GET", scheme: "http", host: authority ?? "", path: target };
  if (receiveInAts(line, []) !== null) return null;
  const names = headers.map(([name]) => name.toLowerCase());
  const isCut = (name: string) =>
    name !== "x-forwarded-for" && names.indexOf(name) !== names.lastIndexOf(name);
  return {
    ...request,
    authority: authority === null && line.host === "" ? null : line.host,
    target: line.path,
    headers: headers.map(([name, value]) => [
      name,
      isCut(name.toLowerCase()) ? shownByAts(name, value) : value,
    ]),
  };
}
