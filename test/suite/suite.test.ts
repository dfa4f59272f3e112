/** Every case of every file, asked of the filter in both proxies, the decoder and the naive reference. */
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { ats102, envoy140 } from "../../host-sim/index.ts";
import { decode } from "../../scripts/encode/decode.ts";
import { decide } from "../../scripts/table/decide.ts";
import type { Answer, Request, Where } from "../../scripts/table/request.ts";
import { reference } from "../reference.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { FilterReader, tableOf } from "../support/farms.ts";
import { asInAts, REFUSED_BY_ATS } from "../support/requests.ts";
import { type Case, loadSuite, loadSuites, requestOf, wheresOf } from "./cases.ts";
import { needsData, SuiteFarm } from "./farms.ts";

interface Reader {
  name: string;
  /** It decides before there is a body. */
  ats: boolean;
  ask(request: Request, where: Where): Answer;
}

const suites = loadSuites();
const farms = new Map<string, { farm: SuiteFarm; readers: Reader[] }>();

beforeAll(async () => {
  for (const name of new Set(suites.map(({ farm }) => farm))) {
    if (needsData(name) && DATA_IS_ABSENT) continue;
    const farm = new SuiteFarm(name);
    farms.set(name, { farm, readers: await readersOf(farm) });
  }
});

async function readersOf({ plan, table }: SuiteFarm): Promise<Reader[]> {
  const naive = reference(plan);
  const inEnvoy = await FilterReader.on(table, envoy140);
  const filterInAts = await FilterReader.on(table, ats102);
  return [
    { name: "the filter in Envoy", ats: false, ask: (request, where) => inEnvoy.decide(request, where) },
    { name: "the filter in ATS", ats: true, ask: (request, where) => filterInAts.decide(request, where) },
    ...[false, true].flatMap((ats): Reader[] => {
      const suffix = ats ? ", as in ATS" : "";
      const beforeBody = (where: Where) => ({ ...where, bodiless: ats });
      const shown = (request: Request) => (ats ? asInAts(request) : request);
      const unless = (request: Request, answer: (shown: Request) => Answer): Answer => {
        const seen = shown(request);
        return seen === null ? REFUSED_BY_ATS : answer(seen);
      };
      return [
        {
          name: `the decoder${suffix}`,
          ats,
          ask: (request, where) => unless(request, (seen) => decide(table, seen, beforeBody(where)).answer),
        },
        {
          name: `the reference${suffix}`,
          ats,
          ask: (request, where) => unless(request, (seen) => naive(seen, beforeBody(where))),
        },
      ];
    }),
  ];
}

it.each([...new Set(suites.map(({ farm }) => farm))])(
  "the table of %s is the same bytes again, decoded and encoded",
  (name) => {
    const farm = farms.get(name);
    if (!farm) return expect(DATA_IS_ABSENT).toBe(true);
    const { bytes } = farm.farm.table;
    expect(Buffer.compare(tableOf(decode(bytes)).bytes, bytes)).toBe(0);
  },
);

/** What is wrong with the readers' answers: a line for each wrong answer, with all who gave it. */
function failures(one: Case, { farm, readers }: { farm: SuiteFarm; readers: Reader[] }): string[] {
  const request = requestOf(one);
  const wrong = new Map<string, string[]>();
  for (const where of wheresOf(one)) {
    for (const { name, ats, ask } of readers) {
      if (one.reference === false && name === "the reference") continue;
      const onAts = ats ? one["on-ats"] : undefined;
      const expected = onAts === "refused" ? REFUSED_BY_ATS : farm.answer(onAts ?? one, where.secondary);
      const got = attempt(() => ask(request, where));
      if (isDeepStrictEqual(got, expected)) continue;
      const at = where.listener === null ? "" : ` at ${where.listener}`;
      const line = `${show(got, expected)}, not ${show(expected, got)}`;
      const outside = where.secondary ? ", in a secondary data centre" : "";
      wrong.set(line, [...(wrong.get(line) ?? []), `${name}${at}${outside}`]);
    }
  }
  return [...wrong].map(([line, names]) => `${line}\n    say ${names.join("; ")}`);
}

function attempt(ask: () => Answer): Answer | string {
  try {
    return ask();
  } catch (error) {
    return String(error);
  }
}

/** What an answer says otherwise than the other one. */
function show(answer: Answer | string, other: Answer | string): string {
  if (typeof answer === "string") return answer;
  if (answer.kind === "pass") return "passes through";
  const differs = ([key, value]: [string, unknown]) =>
    typeof other === "string" || value !== Object(other)[key];
  const parts = Object.entries(answer).filter(differs);
  return parts.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(", ");
}

for (const { file, about, farm, cases } of suites) {
  const isSkipped = needsData(farm) && DATA_IS_ABSENT;
  describe.skipIf(isSkipped)(`${file}: ${about}${isSkipped ? WHY_SKIPPED : ""}`, () => {
    for (const one of cases) {
      if (one.only) continue;
      it(`${one.place} ${one.ask}: ${one.why}`, () => {
        const wrong = failures(one, farms.get(farm)!);
        if (wrong.length > 0) expect.fail(`${one.place}: ${one.why}\n  ${wrong.join("\n  ")}`);
      });
    }
  });
}

describe("the suite", () => {
  it.for([...new Set(suites.map(({ farm }) => farm))])(
    `has a case for each rule of the farm: %s`,
    (name, { skip }) => {
      const known = farms.get(name);
      if (!known) return skip("its data is not here");
      const { table } = known.farm;
      const used = new Set<number | null>();
      for (const one of suites.flatMap(({ farm, cases }) => (farm === name ? cases : []))) {
        for (const where of one.only ? [] : wheresOf(one)) {
          const { trail } = decide(table, requestOf(one), where);
          for (const rule of [trail.rule, trail.asset, trail.read]) used.add(rule);
        }
      }
      // Listeners share lists that are the same: a rule's number says which it is.
      const unused = Array.from({ length: table.ruleCount }, (_, rule) => rule).filter(
        (rule) => !used.has(rule),
      );
      expect(unused).toEqual([]);
    },
  );

  it.each([
    ["a case with a misspelt key", "{ ask: GET a/, too: web, why: x }", /x\.yaml:4:\d+: unknown key `too`/],
    [
      "a case without an outcome",
      "{ ask: GET a/, why: x }",
      /^x\.yaml:4:\d+: .*one of `to`, `pass` and `status`/,
    ],
    ["a case with two outcomes", "{ ask: GET a/, to: web, pass: true, why: x }", /^x\.yaml:4:/],
    ["a case that says no why", "{ ask: GET a/, to: web }", /^x\.yaml:4:\d+: missing key `why`/],
    [
      "a case twice",
      "{ ask: GET a/, to: web, why: x }\n  - { ask: GET a/, to: web, why: y }",
      /^x\.yaml:5:\d+: the same case as x\.yaml:4/,
    ],
  ])("refuses %s, and says where it stands", (_, line, message) => {
    expect(() => loadSuite("x.yaml", `about: x\nfarm: x\ncases:\n  - ${line}\n`)).toThrow(message);
  });
});
