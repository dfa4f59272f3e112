/** Plans for tests: small ones, and any that a farm could compile to. */
import fc from "fast-check";
import { Vm } from "../../host-sim/index.ts";
import { assemble } from "../../scripts/encode/container.ts";
import { encode, encodeUnchecked } from "../../scripts/encode/encode.ts";
import { filter } from "../../scripts/filter.ts";
import {
  type Destination,
  EMIT_KIND_NAMES,
  type Listener,
  type Plan,
  type Predicate,
  type ReadOutcome,
  type ReleaseOutcome,
  type Route,
  type Rule,
} from "../../scripts/plan.ts";
import { TableError } from "../../scripts/table/check.ts";
import type { Section } from "../../scripts/table/digest.ts";
import { Table } from "../../scripts/table/table.ts";

/** A listener without a rule, whose name is of no account. */
export function plainListener(parts: Partial<Listener> = {}): Listener {
  return {
    name: null,
    trust: "edge",
    trustedHops: 0,
    datacentre: null,
    deployment: 0,
    routes: [],
    assets: [],
    reads: [],
    ...parts,
  };
}

/** A rule for every request that has the outcome. */
export function plainRule<Outcome>(outcome: Outcome, ...when: Predicate[]): Rule<Outcome> {
  return { when, outcome, wiki: "host", debug: false };
}

/** What a worker may hold of jobs. */
export const HELD = { heldBytes: 2 ** 25, heldStreams: 100, heldSeconds: 30 };

/** A plan of one wiki, one release, one deployment and nothing else. */
export function plainPlan(parts: Partial<Plan> = {}): Plan {
  return {
    wikis: [{ id: "awiki", release: 0, group: null, installed: true }],
    hosts: [],
    rewrites: [],
    patterns: [],
    paths: [],
    listeners: [plainListener()],
    shareCookie: null,
    replies: [],
    deployments: [{ name: "web", readOnly: null }],
    releases: [{ name: "one", version: "1.0" }],
    defaultRelease: 0,
    wikiless: { unknownHost: { release: 0 }, missing: { release: 0 }, notInstalled: { release: 0 } },
    clusters: [["web-one"]],
    emit: [{ kind: "cluster", name: "x-cluster" }],
    jobs: null,
    canonical: { rules: [], exceptions: [] },
    ...parts,
  };
}

/** `plainPlan` with these routes. */
export function routedPlan(routes: Rule<Route>[], parts: Partial<Plan> = {}): Plan {
  return plainPlan({ listeners: [plainListener({ routes })], ...parts });
}

export const bytesOf = (plan: Plan, names: string | null = null): Uint8Array =>
  encode(plan, { generation: 1, names });

/** Of a plan whose table readers refuse. */
export const uncheckedBytesOf = (plan: Plan): Uint8Array =>
  encodeUnchecked(plan, { generation: 1, names: null });

/** The table with sections taken out, put in, or replaced; checksum and digest are true. */
export function rebuilt(bytes: Uint8Array, change: (sections: Section[]) => Section[]): Uint8Array {
  const table = new Table(bytes);
  return assemble(
    change(table.sections.map(({ name }) => ({ name, bytes: table.section(name)!.slice() }))),
    table.generation,
  );
}

/** The table with one section's bytes replaced. */
export function withSection(
  bytes: Uint8Array,
  name: number,
  change: (section: Uint8Array) => Uint8Array,
): Uint8Array {
  return rebuilt(bytes, (sections) =>
    sections.map((section) => (section.name === name ? { name, bytes: change(section.bytes) } : section)),
  );
}

let vm: Vm | undefined;

/** Why decoder and filter refuse the bytes, null where they accept them; fails where they do not say the same. */
export async function verdictOn(bytes: Uint8Array): Promise<string | null> {
  vm ??= await Vm.load(filter);
  vm.logs.length = 0;
  // Without a name: the first listener.
  const root = vm.createRoot({ rootId: "", configuration: bytes });
  const ofFilter =
    root.refused === null ? null : vm.logs.at(-1)?.text.replace("pointsman: table refused: ", "");
  root.retire();
  let ofDecoder: string | null = null;
  try {
    new Table(bytes);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    ofDecoder = error.message;
  }
  if (ofFilter !== ofDecoder) throw new Error(`the filter says ${ofFilter}, the decoder says ${ofDecoder}`);
  return ofDecoder;
}

const letters = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength });
const token = letters("abc1.-", 1, 5);
const wikiId = fc
  .tuple(letters("abde_1", 1, 4), fc.constantFrom("wiki", "wikibooks", "", "_x"))
  .map((parts) => parts.join(""));
const suffix = fc.constantFrom(".org", ".wiki.org", ".b.org", ".example", ".b.example", ".a");
const prefix = fc.constantFrom("", "", "m.", "a.b.");
const host = fc.tuple(letters("abx-_", 0, 4), suffix).map((parts) => parts.join(""));
const pathText = letters("/abw.", 0, 6).map((text) => `/${text}`);
const text = fc.oneof(letters("ab=; ", 0, 3), wikiId);
const unique = <T, K>(item: fc.Arbitrary<T>, key: (item: T) => K, minLength: number, maxLength: number) =>
  fc.uniqueArray(item, { selector: key, minLength, maxLength });

const values = (value: fc.Arbitrary<string>) => fc.array(value, { minLength: 1, maxLength: 3 });
const is = <T extends string>(one: T): fc.Arbitrary<T> => fc.constant(one);
/** None of those whose copies Envoy joins. */
const headerName = fc.constantFrom("x-a", "x-b", "x-debug", "x-wiki");
/** Names of cookies and parameters. */
const name = fc.constantFrom("a", "b", "a b", "a_b", "_", "A");

const shareOfAll = fc.constantFrom(0, 1, 2500, 5000, 9999, 10000);
const shared = { salt: fc.constantFrom("", "web", "api"), share: shareOfAll };

/** Any test that can be put to a request. */
export const anyPredicate: fc.Arbitrary<Predicate> = fc
  .oneof(
    fc.record({ subject: is("host"), test: is("address") }),
    fc.record({ subject: is("host"), test: fc.constantFrom("exact", "suffix"), values: values(host) }),
    fc.record({ subject: is("host"), test: is("suffix"), values: values(suffix) }),
    fc.record({
      subject: is("path"),
      test: fc.constantFrom("exact", "prefix", "under", "suffix", "contains"),
      values: values(pathText),
    }),
    fc.record({
      subject: is("path"),
      test: fc.constantFrom("suffix", "contains"),
      values: values(letters("/abw.=", 0, 3)),
    }),
    fc.record({
      subject: is("method"),
      test: fc.constantFrom("exact", "prefix"),
      values: values(fc.constantFrom("GET", "POST", "P", "")),
    }),
    fc.record({
      subject: is("header"),
      name: headerName,
      test: fc.constantFrom("exact", "prefix", "contains"),
      values: values(text),
    }),
    fc.record({
      subject: fc.constantFrom("cookie", "query"),
      name,
      test: fc.constantFrom("exact", "prefix"),
      values: values(text),
    }),
    fc.record({
      subject: is("header"),
      name: fc.oneof(headerName, fc.constantFrom("cookie", "x-forwarded-for")),
      test: is("present"),
    }),
    fc.record({ subject: fc.constantFrom("cookie", "query"), name, test: is("present") }),
    fc.record({
      subject: is("header"),
      name: headerName,
      test: is("option"),
      option: name,
      values: values(text),
    }),
    fc.record({
      subject: is("client"),
      test: is("prefix"),
      values: values(fc.constantFrom("4", "40a", "4c00002", "6", "620010db8", "60", "")),
    }),
    fc.record({ subject: is("client"), test: is("share"), ...shared }),
    fc.record({ subject: is("cookie"), name, test: is("share"), ...shared }),
    fc.record({ subject: is("header"), name: headerName, test: is("share"), ...shared }),
  )
  .chain((predicate) => fc.boolean().map((not) => ({ ...predicate, not }) as Predicate));

/** Any plan that a farm could compile to, and some that none does. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    ids: unique(wikiId, (id) => id, 1, 12),
    releases: unique(fc.record({ name: token, version: token }), ({ name }) => name, 1, 4),
    deployments: unique(token, (name) => name, 1, 4),
    replies: fc.array(fc.record({ status: fc.integer({ min: 400, max: 599 }), body: text }), {
      maxLength: 3,
    }),
    paths: fc.array(
      fc.integer({ min: 1, max: 4 }).chain((segments) =>
        fc.record({
          target: fc.boolean(),
          segments: fc.array(fc.constantFrom(null, null, null, "w", "en", ""), {
            minLength: segments,
            maxLength: segments,
          }),
          closed: fc.boolean(),
          parts: fc.array(fc.nat(segments - 1), { minLength: 1, maxLength: 4 }),
          dashes: fc.boolean(),
          lower: fc.boolean(),
          replacements: fc.array(
            fc.record({ segment: fc.nat(segments - 1), from: letters("ab", 0, 2), to: wikiId }),
            { maxLength: 3 },
          ),
        }),
      ),
      { maxLength: 3 },
    ),
    kinds: fc.subarray([...EMIT_KIND_NAMES]),
    jobs: fc.option(
      fc.record({
        field: fc.constantFrom("database", "a", ""),
        limit: fc.constantFrom(65536, 524288),
        host: fc.constantFrom("never", "if-unknown", "always"),
        heldBytes: fc.constantFrom(2 ** 20, 2 ** 30),
        heldStreams: fc.constantFrom(1, 65535),
        heldSeconds: fc.constantFrom(1, 3600),
      }),
    ),
    canonicalRules: fc.array(
      fc.record({ tail: fc.constantFrom("wiki", "", "_x", "b"), suffix, dashes: fc.boolean() }),
      { maxLength: 3 },
    ),
  })
  .chain(({ ids, releases, deployments, replies, paths, kinds, jobs, canonicalRules }) => {
    const release = fc.nat(releases.length - 1);
    const deployment = fc.nat(deployments.length - 1);
    const group = fc.constantFrom(null, "g0", "g1");
    const destinations: Destination[] = [
      null,
      ...ids.map((_, wiki) => ({ wiki })),
      ...paths.map((_, path) => ({ path })),
      ...paths.flatMap((_, path) => ids.map((_, wiki) => ({ path, else: wiki }))),
    ];
    const carried = fc.constantFrom(null, ...paths.keys());
    const destination = fc.constantFrom(...destinations);
    const reply = replies.length > 0 ? [fc.record({ reply: fc.nat(replies.length - 1) })] : [];
    const wikiless = fc.oneof(fc.record({ release }), ...reply);
    const rules = <Outcome>(outcome: fc.Arbitrary<Outcome>, wiki: fc.Arbitrary<Rule["wiki"]>) =>
      fc.array(
        fc.record<Rule<Outcome>>({
          when: fc.array(anyPredicate, { maxLength: 3 }),
          outcome,
          wiki,
          debug: fc.boolean(),
        }),
        { maxLength: 4 },
      );
    const wiki = jobs === null ? fc.constantFrom("host", "none") : fc.constantFrom("host", "body", "none");
    const routes = fc
      .tuple(
        rules<Route>(fc.oneof(fc.constant("pass" as const), ...reply), is("host")),
        rules<Route>(fc.record({ deployment }), wiki as fc.Arbitrary<Rule["wiki"]>),
        fc.boolean(),
      )
      .map(([others, deploying, first]) => (first ? [...others, ...deploying] : [...deploying, ...others]));
    const trusted = [
      { trust: "edge", trustedHops: 0 },
      { trust: "internal", trustedHops: 0 },
      { trust: "internal", trustedHops: 1 },
    ] as const;
    const listener = fc
      .record<Omit<Listener, "trust" | "trustedHops">>({
        name: is("only"),
        datacentre: fc.constantFrom(null, "here", "there"),
        deployment,
        routes,
        assets: rules<ReleaseOutcome>(fc.record({ release }), is("host")),
        reads: rules<ReadOutcome>(fc.record({ readOnly: shareOfAll }), is("host")),
      })
      .chain((rest) => fc.constantFrom(...trusted).map((one) => ({ ...rest, ...one })));
    // Only what is no read-only deployment has one.
    const readOnlyOf = deployments.map((_, i) => (i === 0 ? fc.constant(null) : fc.constantFrom(null, 0)));
    return fc
      .record({
        hosts: unique(fc.record({ host, destination }), (one) => one.host, 0, 10).map((hosts) =>
          hosts.sort((a, b) => (a.host < b.host ? -1 : 1)),
        ),
        listeners: fc.oneof(
          listener.map((one) => [{ ...one, name: null }]),
          fc
            .array(listener, { minLength: 1, maxLength: 3 })
            .map((list) => list.map((one, i) => ({ ...one, name: `listener-${i}` }))),
        ),
        readOnlyOf: fc.tuple(...readOnlyOf),
      })
      .chain(({ hosts, listeners, readOnlyOf }) => {
        const own = [null, ...hosts.map((one) => one.host), ...canonicalRules.keys()];
        return fc.record<Plan>({
          wikis: fc.tuple(
            ...[...ids]
              .sort()
              .map((id) => fc.record({ id: fc.constant(id), release, group, installed: fc.boolean() })),
          ),
          hosts: fc.constant(hosts),
          rewrites: fc
            .tuple(
              fc.array(
                fc.record({
                  kind: is("path"),
                  from: fc.oneof(host, suffix),
                  under: fc.constantFrom("", "/a", "/w/b"),
                }),
                { maxLength: 2 },
              ),
              fc.array(
                fc.record({
                  kind: is("suffix"),
                  prefix,
                  labels: fc.integer({ min: 1, max: 3 }),
                  from: suffix,
                  to: suffix,
                }),
                { maxLength: 2 },
              ),
            )
            .map((lists) => lists.flat()),
          patterns: fc.array(
            fc.oneof(
              fc.record({ kind: is("fixed"), suffix, destination }),
              fc.record({
                kind: is("join"),
                prefix,
                suffix,
                tail: fc.constantFrom("", "wiki", "_x"),
                dashes: fc.boolean(),
                path: carried,
              }),
              fc.record({ kind: is("family"), prefix, suffix, dashes: fc.boolean(), path: carried }),
            ),
            { maxLength: 4 },
          ),
          paths: fc.constant(paths),
          listeners: fc.constant(listeners),
          shareCookie: fc.constantFrom(null, "a", "b"),
          replies: fc.constant(replies),
          deployments: fc.constant(deployments.map((name, i) => ({ name, readOnly: readOnlyOf[i] ?? null }))),
          releases: fc.constant(releases),
          defaultRelease: release,
          wikiless: fc.record({ unknownHost: wikiless, missing: wikiless, notInstalled: wikiless }),
          clusters: fc.constant(
            deployments.map((deployment) => releases.map(({ name }) => `${deployment}|${name}`)),
          ),
          emit: fc.constant(
            EMIT_KIND_NAMES.filter((kind) => kind === "cluster" || kinds.includes(kind)).map((kind) => ({
              kind,
              name: `x-${kind}`,
            })),
          ),
          jobs: fc.constant(jobs),
          canonical: fc.record({
            rules: fc.constant(canonicalRules),
            exceptions: unique(
              fc.record({ wiki: fc.constantFrom(...ids), host: fc.constantFrom(...own) }),
              (one) => one.wiki,
              0,
              4,
            ).map((list) => list.sort((a, b) => (a.wiki < b.wiki ? -1 : 1))),
          }),
        });
      });
  });
