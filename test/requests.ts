import fc from "fast-check";
import type { Request } from "../scripts/table/decide.ts";
import type { Plan } from "../scripts/table/plan.ts";

/**
 * Requests that a farm's table could get wrong: hosts and paths that it knows, and near misses of them.
 * Characters are bytes.
 */
export function requestsFor(plan: Plan): fc.Arbitrary<Request> {
  const ids = plan.wikis.map((wiki) => wiki.id);
  const suffixes = [
    ...plan.patterns.map((pattern) => pattern.suffix),
    ...plan.readAs.flatMap(({ from, to }) => [from, to]),
    ...plan.rules.flatMap(({ when }) => when.flatMap((test) => ("value" in test ? [test.value] : []))),
    ".wikibooks.org",
    ".a.b.org",
    "",
  ];
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
  const authority = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(host, fc.array(edit, { maxLength: 2 })).map(applyEdits) },
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
  const ruled = plan.rules.flatMap(({ when }) =>
    when.flatMap((t) => (t.subject === "path" ? [t.value] : [])),
  );
  const target = fc.oneof(
    fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`),
    fc.tuple(fc.constantFrom("/", ...ruled), fc.array(edit, { maxLength: 2 })).map(applyEdits),
    fc
      .tuple(fc.constantFrom("/", ...ruled), fc.constantFrom("?x=/w/api.php", "/", "/v1?a=b/c", "x", "%2F"))
      .map((parts) => parts.join("")),
    fc.string({ unit: byte, maxLength: 40 }),
  );
  return fc.record({ authority, target });
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
  text: fc.constantFrom(".", ":", ":80", ":x", "-", "_", "a", "\u00e9", "/", "?", " ", ".."),
});

function applyEdits([text, edits]: [string, Edit[]]): string {
  return edits.reduce((current, { at, kind, text: added }) => {
    const place = current.length === 0 ? 0 : at % (current.length + 1);
    if (kind === "upper") return current.slice(0, place).toUpperCase() + current.slice(place);
    if (kind === "remove") return current.slice(0, place) + current.slice(place + 1);
    return kind === "append" ? current + added : current.slice(0, place) + added + current.slice(place);
  }, text);
}
