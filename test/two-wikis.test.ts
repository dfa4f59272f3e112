/** No request for a wiki in its path is read as one wiki by the filter and as another by any server in front of PHP. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { TWO_WIKIS_TEXT } from "../assembly/layout.ts";
import type { Answer } from "../scripts/table/request.ts";
import { compileFarm } from "./support/farm-text.ts";
import { FilterReader, tableOf } from "./support/farms.ts";

const WIKIS = ["dewiki", "enwiki", "demo", "wikienwiki"];
const { plan } = compileFarm({
  wikiversions: `{ ${WIKIS.map((wiki) => `${wiki}: v1`).join(", ")} }`,
  releases: "{ one: { version: v1 } }",
  hosts: `
    - { host: up.example, path: "/{site}/{lang}", wiki: "{lang}{site}", replace: { site: { wikipedia: wiki } } }
    - { host: own.example, path: "/{wiki}", wiki: "{wiki}", else: dewiki }
    - { host: raw.example, target: "/{wiki}/", wiki: "{wiki}" }`,
});
let filter: FilterReader;
beforeAll(async () => {
  filter = await FilterReader.on(tableOf(plan));
});

/** Paths full of what servers read in more than one way. */
const path = fc
  .array(
    fc.constantFrom(
      ...["/", "/", "/", "//", "%2F", "%2f", "/..", "/../", "/./", "%2e", "%2E%2e", "%252F", "%5C", "\\"],
      ...["wikipedia", "wiki", "en", "%65n", "de", "enwiki", "dewiki", "demo", "x"],
    ),
    { maxLength: 10 },
  )
  .map((parts) => `/${parts.join("")}`);

const decoded = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
const merged = (text: string) => text.replace(/\/+/g, "/");
/** Without `.` and `..`, which may be encoded. */
function resolved(text: string): string {
  const kept: string[] = [];
  const segments = text.split("/").slice(1);
  for (const [i, segment] of segments.entries()) {
    const name = segment.replace(/%2e/gi, ".");
    if (name === "..") kept.pop();
    else if (name !== ".") kept.push(segment);
    if (i === segments.length - 1 && (name === "." || name === "..")) kept.push("");
  }
  return `/${kept.join("/")}`;
}

/** What PHP may get as its path: servers decode, merge and resolve in this order or that, and keep `%2F` or do not. */
const SERVERS: Record<string, (raw: string) => string> = {
  "decodes, then resolves": (raw) => resolved(merged(decoded(raw))),
  "keeps %2F": (raw) => decoded(resolved(merged(raw)).replace(/%2(?=f)/gi, "%252")),
  "resolves, then decodes": (raw) => merged(decoded(resolved(merged(raw)))),
  "resolves, decodes, and merges first": (raw) => decoded(resolved(merged(raw))),
};

function expectNoOther(answer: Answer, wikis: (string | undefined)[]): void {
  if (answer.kind === "reply") {
    expect(answer).toEqual({ kind: "reply", status: 400, body: TWO_WIKIS_TEXT });
    return;
  }
  const own = answer.kind === "route" ? answer.wiki : null;
  for (const wiki of wikis) expect(WIKIS.includes(wiki!) ? wiki : null).toBe(own);
}

describe("a wiki in the path", () => {
  it("is the same to every server, or the request is refused", () => {
    const seen = { wiki: 0, refused: 0, none: 0 };
    fc.assert(
      fc.property(path, (target) => {
        const answer = filter.decide({ authority: "up.example", target });
        const wikis = Object.values(SERVERS).map((read) => {
          const [, site, lang] = read(target).split("/");
          return lang === undefined ? undefined : lang + (site === "wikipedia" ? "wiki" : site);
        });
        expectNoOther(answer, wikis);
        seen[
          answer.kind === "reply" ? "refused" : answer.kind === "route" && answer.wiki ? "wiki" : "none"
        ]++;
      }),
      { numRuns: 20_000 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it("or else of the host is the same to every server, or the request is refused", () => {
    fc.assert(
      fc.property(path, (target) => {
        const wikis = Object.values(SERVERS).map((read) => {
          const [, wiki] = read(target).split("/");
          return WIKIS.includes(wiki!) ? wiki : "dewiki";
        });
        expectNoOther(filter.decide({ authority: "own.example", target }), wikis);
      }),
      { numRuns: 20_000 },
    );
  });

  it("of the raw target is that of the path as rules see it, or the request is refused", () => {
    fc.assert(
      fc.property(path, fc.constantFrom("", "?", "?x=/../dewiki/", "?/"), (text, query) => {
        const target = text + query;
        const of = (one: string) => /^\/([^/]*)\//.exec(one)?.[1];
        const normal = SERVERS["decodes, then resolves"]!(text);
        expectNoOther(filter.decide({ authority: "raw.example", target }), [of(target), of(normal)]);
      }),
      { numRuns: 20_000 },
    );
  });
});
