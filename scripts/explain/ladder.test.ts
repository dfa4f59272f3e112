/** The ladder of a request: each rung, where the farm says it, and the bytes that answered. */
import { beforeAll, describe, expect, it } from "vitest";
import { compileFarm } from "../../test/support/farm-text.ts";
import { bytesOf } from "../../test/support/plans.ts";
import { type Names, parseNames } from "../farm/names.ts";
import { filter } from "../filter.ts";
import { Table } from "../table/table.ts";
import { type Span, WatchedBytes } from "../table/watched-bytes.ts";
import { Explainer } from "./explainer.ts";
import { ladderOf, type Rung } from "./ladder.ts";
import { type Question, questionOfUrl } from "./question.ts";

/** A key a line from line 1 on. */
const FARM = {
  wikiversions: "{ awiki: v1, bwiki: v2, cwiki: v2, pinned: v2 }",
  releases: "{ one: { version: v1 }, two: { version: v2 }, three: { version: v2 } }",
  "default-release": "two",
  deployments: `{ default: web, rules: [{ path: { under: /w/api.php }, deployment: api }, { path: /some, share: 0.1, share-by: { cookie: who }, deployment: some }] }`,
  jobs: "{ field: database, rules: [{ path: { under: /rpc }, deployment: jobs }] }",
  groups: "{ one: { wikis: [awiki] }, two: { wikis: [bwiki, cwiki, pinned] } }",
  pins: "[{ wiki: pinned, release: three, reason: 'T1, a test', expires: 2026-12-31 }]",
  rewrite: '{ "{a}.beta.example": "{a}.example" }',
  hosts: `
  - { host: fixed.example, wiki: bwiki }
  - { host: "*.under.example", wiki: awiki }
  - { host: "{label}.example", wiki: "{label}wiki" }`,
  "pass-through": "[localhost]",
  "without-wiki": "{ missing: { status: 404, body: no such wiki } }",
  headers: "{ cluster: x-cluster, wiki: x-wiki }",
};

let bytes: Uint8Array;
let explainer: Explainer;
let names: Names | null;
const raw = () => new WatchedBytes(bytes);

beforeAll(async () => {
  const compiled = compileFarm(FARM);
  bytes = bytesOf(compiled.plan, JSON.stringify(compiled.names));
  explainer = await Explainer.create(bytes, filter);
  names = parseNames(new Table(bytes).names!);
});

function climb(url: string, more: Partial<Question> = {}): Rung[] {
  const { decided } = explainer.compare({ ...questionOfUrl(url), ...more });
  const read = raw();
  return ladderOf(new Table(bytes, read), read, names, decided!);
}

const shown = ({ step, text, holds, failed, place }: Rung): string => {
  const mark = { true: "✓ ", false: "✗ ", null: "" }[String(holds)];
  return `${step}: ${mark}${text}${failed === null ? "" : ` [${failed}]`}${place === null ? "" : ` (${place})`}`;
};

/** Rungs that every ladder below has. */
const NOT_BETA = "rewrite: ✗ 1 labels and .beta.example → .example [the host is another one] (farm.yaml:9)";
const NOT_UNDER = "host: ✗ *.under.example → awiki [{} does not fit] (farm.yaml:12)";
const NOT_BY_NAME = "host: ✗ the host {} by its whole name [no such host in the table]";
const BY_LABEL = "host: ✓ {label}.example → {label}wiki (farm.yaml:13)";
const NO_JOB =
  "rule: ✗ path at or under /rpc → jobs, wiki from the body [path at or under /rpc] (farm.yaml:6)";
const NO_ADDRESS = "rule: ✗ no host name, or an IP address → passes through [no host name, or an IP address]";
const NOT_LOCAL = "rule: ✗ host localhost → passes through [host localhost] (farm.yaml:14)";
const NOT_API = "rule: ✗ path at or under /w/api.php → api [path at or under /w/api.php] (farm.yaml:5)";

describe("the ladder", () => {
  it.each<[string, string, Partial<Question>, string[]]>([
    [
      "by a pattern, and outside of a share",
      "https://c.example/some",
      {},
      [
        NOT_BETA,
        NOT_BY_NAME.replace("{}", "c.example"),
        NOT_UNDER.replace("{}", "c.example"),
        BY_LABEL,
        "wiki: ✓ the wiki cwiki",
        "placement: ✓ in two: release two, version v2 (farm.yaml:7)",
        NO_JOB,
        NO_ADDRESS,
        NOT_LOCAL,
        NOT_API,
        "rule: ✗ path /some and 10 % by cookie who → some [10 % by cookie who] (farm.yaml:5)",
        "rule: ✓ no rule matches: the default, web",
        "cluster: ✓ deployment web, release two: cluster web-two",
        "header: x-cluster: web-two",
        "header: x-wiki: cwiki",
      ],
    ],
    [
      "whose host is rewritten",
      "https://a.beta.example/w/api.php",
      {},
      [
        "rewrite: ✓ 1 labels and .beta.example → .example (farm.yaml:9)",
        NOT_BY_NAME.replace("{}", "a.example"),
        NOT_UNDER.replace("{}", "a.example"),
        BY_LABEL,
        "wiki: ✓ the wiki awiki",
        "placement: ✓ in one: release one, version v1 (farm.yaml:7)",
        NO_JOB,
        NO_ADDRESS,
        NOT_LOCAL,
        "rule: ✓ path at or under /w/api.php → api (farm.yaml:5)",
        "cluster: ✓ deployment api, release one: cluster api-one",
        "header: x-cluster: api-one",
        "header: x-wiki: awiki",
      ],
    ],
    [
      "that is a job",
      "https://x/rpc",
      { method: "POST", body: '{"database":"pinned"}' },
      [
        NOT_BETA,
        "host: ✓ `database` in the first 524288 bytes of the body says pinned",
        "wiki: ✓ the wiki pinned",
        "placement: ✓ in two: release three, version v2; pinned until 2026-12-31: T1, a test (farm.yaml:7)",
        "rule: ✓ path at or under /rpc → jobs, wiki from the body (farm.yaml:6)",
        "cluster: ✓ deployment jobs, release three: cluster jobs-three",
        "header: x-cluster: jobs-three",
        "header: x-wiki: pinned",
      ],
    ],
    [
      "for a wiki that is missing",
      "https://no.example/",
      {},
      [
        NOT_BETA,
        NOT_BY_NAME.replace("{}", "no.example"),
        NOT_UNDER.replace("{}", "no.example"),
        BY_LABEL,
        "wiki: ✗ the wiki nowiki [no such wiki in the table]",
        "placement: a missing wiki: reply 404",
        NO_JOB,
        NO_ADDRESS,
        NOT_LOCAL,
        NOT_API,
        "rule: ✗ path /some and 10 % by cookie who → some [path /some] (farm.yaml:5)",
        "rule: ✓ no rule matches: the default, web",
        "cluster: ✓ answered with 404: no such wiki",
      ],
    ],
    [
      "that passes through",
      "https://localhost/",
      {},
      [
        NOT_BETA,
        NO_JOB,
        NO_ADDRESS,
        "rule: ✓ host localhost → passes through (farm.yaml:14)",
        "cluster: ✓ not ours: passes through, our headers taken away",
      ],
    ],
  ])("of a request %s", (_, url, more, expected) => {
    expect(climb(url, more).map(shown)).toEqual(expected);
  });

  it("names the bytes that answered: the texts of the farm are among them", () => {
    const found = climb("https://c.example/w/api.php").filter(({ holds }) => holds !== false);
    const textsOf = (step: string) => found.find((rung) => rung.step === step)!.bytes.map(textAt);
    expect(textsOf("wiki")).toEqual(expect.arrayContaining(["wiki", "c"]));
    expect(textsOf("placement")).toEqual(expect.arrayContaining([expect.stringContaining("two")]));
    expect(textsOf("rule")).toContain("/w/api.php");
    expect(textsOf("cluster")).toEqual(expect.arrayContaining(["api", "api-two"]));
    expect(textsOf("header")).toContain("x-cluster");
  });
});

const textAt = ({ start, end }: Span): string => String.fromCharCode(...bytes.subarray(start, end));
