/** The suite's files: readable cases, each a request and where it has to go. A mistake in one names its file and line. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { Problems } from "../../scripts/sources/problem.ts";
import { validate } from "../../scripts/sources/validate.ts";
import { loadYaml } from "../../scripts/sources/yaml.ts";
import type { Request, Where } from "../../scripts/table/request.ts";
import { projectPath } from "../support/data.ts";

const answer = {
  /** The deployment that the request goes to, in the primary data centre. */
  to: z.string().optional(),
  /** The deployment outside the primary data centre: such a case is asked in both. */
  secondary: z.string().optional(),
  /** Left out: the request has no wiki. */
  wiki: z.string().optional(),
  /** Left out: that of the wiki's group; without a wiki the default one. */
  release: z.string().optional(),
  /** Left out: `{deployment}-{release}`. */
  cluster: z.string().optional(),
  /** What Host becomes; left out: it stays. */
  host: z.string().optional(),
  /** The response says what was decided. */
  debug: z.literal(true).optional(),
  /** It passes through. */
  pass: z.literal(true).optional(),
  /** The proxy answers itself, with this status and text. */
  status: z.int().optional(),
  says: z.string().optional(),
};
const OUTCOME = "must have one of `to`, `pass` and `status`, and `says` with `status` alone";

function hasOutcome({ to, pass, status, says, ...more }: Expected): boolean {
  const outcomes = [to, pass, status].filter((one) => one !== undefined).length;
  const isBare = ["secondary", "wiki", "release", "cluster", "host", "debug"].every((key) => !(key in more));
  return outcomes === 1 && (status === undefined) === (says === undefined) && (to !== undefined || isBare);
}

const expected = z.strictObject(answer);
export type Expected = z.infer<typeof expected>;

const headers = z.record(
  z.string().regex(/^[A-Za-z0-9-]+$/, "must be a header's name"),
  z.union([z.string(), z.array(z.string()).min(2)]),
);

const listeners = z.union([z.string(), z.array(z.string()).min(2)]);

const oneCase = z
  .strictObject({
    /** Method, and host and target: `GET en.wikipedia.org/wiki/X`; without a host it has none. */
    ask: z.string().regex(/^[A-Z]+ [^ /?]*\/[^ ]*$/, "must be as `GET en.wikipedia.org/wiki/X`"),
    /** The whole target, where it is no path. */
    target: z.string().optional(),
    /** A list is that many headers of one name. */
    headers: headers.optional(),
    cookie: z.string().optional(),
    body: z.string().optional(),
    /** The client's address. */
    client: z.string().optional(),
    /** The listener, or several that are all asked; default: the file's. */
    at: listeners.optional(),
    ...answer,
    /** In ATS, where the filter sees no body; `refused`: ATS answers 400 by itself; left out: the same. */
    "on-ats": z.union([z.literal("refused"), expected.refine(hasOutcome, OUTCOME)]).optional(),
    /** Envoy alone makes it what the filter sees. */
    only: z.literal("envoy").optional(),
    /** The naive reference does not read bodies so closely. */
    reference: z.literal(false).optional(),
    why: z.string().min(1),
  })
  .refine(hasOutcome, OUTCOME);
type Says = z.infer<typeof oneCase>;

const suiteFile = z.strictObject({
  /** What these cases are about. */
  about: z.string().min(1),
  /** `production` and `labs` are Wikimedia's; any other is in `farms/`. */
  farm: z.string(),
  /** The listener, or several; default: the farm's first. */
  at: listeners.optional(),
  cases: z.array(oneCase).min(1),
});

export interface Case extends Omit<Says, "ask" | "headers" | "cookie" | "at"> {
  /** `hosts.yaml:12` */
  place: string;
  /** As the file has it. */
  ask: string;
  method: string;
  authority: string | null;
  path: string;
  headers: [name: string, value: string][];
  listeners: (string | null)[];
}

export interface Suite {
  /** `hosts.yaml` */
  file: string;
  about: string;
  farm: string;
  cases: Case[];
}

export const SUITE = projectPath("test/suite");

/** Every file of the suite. Throws SourceError. */
export function loadSuites(): Suite[] {
  const files = readdirSync(SUITE).filter((file) => file.endsWith(".yaml"));
  return files.sort().map((file) => loadSuite(join(SUITE, file)));
}

/** Throws SourceError. @param text what the file says, where it is not read */
export function loadSuite(path: string, text?: string): Suite {
  const yaml = loadYaml(path, text);
  const { about, farm, at, cases } = validate(suiteFile, yaml);
  const file = basename(path);
  const all = cases.map(({ ask, headers = {}, cookie, ...more }, i): Case => {
    const [, method, host, path] = /^([A-Z]+) ([^/]*)(.*)$/.exec(ask)!;
    return {
      ...more,
      place: `${file}:${yaml.positionOf(["cases", i]).line}`,
      ask,
      method: method!,
      authority: host || null,
      path: more.target ?? path!,
      headers: [
        ...Object.entries(headers).flatMap(([name, values]) =>
          [values].flat().map((value): [string, string] => [name, value]),
        ),
        ...(cookie === undefined ? [] : ([["cookie", cookie]] as [string, string][])),
      ],
      listeners: [more.at ?? at ?? null].flat(),
    };
  });
  const problems = new Problems();
  const seen = new Map<string, string>();
  for (const [i, { place, why, ...asked }] of all.entries()) {
    const key = JSON.stringify(asked);
    const first = seen.get(key);
    if (first !== undefined) problems.add(yaml.placeOf(["cases", i]), `the same case as ${first}`);
    seen.set(key, place);
  }
  problems.throwIfAny();
  return { file, about, farm, cases: all };
}

export function requestOf({ authority, path, method, headers, body, client }: Case): Request {
  return { authority, target: path, method, headers, body: body ?? null, client: client ?? null };
}

/** Everywhere that a case is asked. */
export function wheresOf({ listeners, secondary }: Case): Where[] {
  const places = secondary === undefined ? [false] : [false, true];
  return listeners.flatMap((listener) => places.map((isSecondary) => ({ listener, secondary: isSecondary })));
}
