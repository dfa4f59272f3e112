import fc from "fast-check";
import * as L from "../../assembly/layout.ts";
import { Vm } from "../../host-sim/index.ts";
import { filter } from "../filter.ts";
import { TableError } from "./check.ts";
import { assemble, type Section } from "./container.ts";
import { Table } from "./decode.ts";
import { encode } from "./encode.ts";
import { EMIT_KIND_NAMES, type Pattern, type Plan, type Predicate, type Target } from "./plan.ts";

/** A plan of one wiki, one release, one deployment and nothing else. */
export function plainPlan(parts: Partial<Plan> = {}): Plan {
  return {
    wikis: [{ id: "awiki", release: 0, group: null }],
    hosts: [],
    readAs: [],
    patterns: [],
    paths: [],
    rules: [],
    deployments: ["web"],
    defaultDeployment: 0,
    releases: [{ name: "one", version: "1.0" }],
    defaultRelease: 0,
    clusters: [["web-one"]],
    emit: [{ kind: "cluster", name: "x-cluster" }],
    ...parts,
  };
}

export const bytesOf = (plan: Plan, names: string | null = null): Uint8Array =>
  encode(plan, { generation: 1, names });

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
  const root = vm.createRoot({ rootId: "test", configuration: bytes });
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

/** The plan that a table says. */
export function planOf(table: Table): Plan {
  const list = <T>(count: number, entry: (number: number) => T) =>
    Array.from({ length: count }, (_, i) => entry(i));
  const sorted = (set: Table["wikis"]) => [...table.keys(set)].sort((a, b) => (a.key < b.key ? -1 : 1));
  const target = (number: number): Target => {
    if (number < table.wikis.slots) return { wiki: table.key(table.wikis, number)! };
    const path = number - table.wikis.slots;
    return path < table.pathCount ? { path } : null;
  };
  const pattern = (number: number): Pattern => {
    const { kind, suffix, dashes, tail, target: fixed } = table.pattern(number);
    if (kind === L.PATTERN_FIXED) return { kind: "fixed", suffix, target: target(fixed) };
    return kind === L.PATTERN_JOIN
      ? { kind: "join", suffix, tail: tail!, dashes }
      : { kind: "family", suffix, dashes };
  };
  const tests = { [L.TEST_EXACT]: "exact", [L.TEST_PREFIX]: "prefix", [L.TEST_UNDER]: "under" } as const;
  const predicate = ({ subject, test, value }: { subject: number; test: number; value: string | null }) => {
    if (test === L.TEST_ADDRESS) return { subject: "host", test: "address" };
    if (test === L.TEST_SUFFIX) return { subject: "host", test: "suffix", value };
    return { subject: subject === L.SUBJECT_HOST ? "host" : "path", test: tests[test as 1], value };
  };
  return {
    wikis: sorted(table.wikis).map(({ key, slot }) => ({
      id: key,
      ...table.placement(table.value(table.wikis, slot)),
    })),
    hosts: sorted(table.hosts).map(({ key, slot }) => ({
      host: key,
      target: target(table.value(table.hosts, slot)),
    })),
    readAs: list(table.readAsCount, (i) => table.readAs(i)),
    patterns: list(table.patternCount, pattern),
    paths: list(table.pathCount, (i) => {
      const { flags, segments, parts, replacements } = table.path(i);
      return {
        target: (flags & L.FLAG_TARGET) !== 0,
        segments,
        closed: (flags & L.FLAG_CLOSED) !== 0,
        parts,
        dashes: (flags & L.FLAG_DASHES) !== 0,
        replacements,
      };
    }),
    rules: list(table.ruleCount, (i) => {
      const { when, outcome, value } = table.rule(i);
      return {
        when: when.map((one) => predicate(one) as Predicate),
        outcome: outcome === L.OUTCOME_PASS ? "pass" : { deployment: value },
      };
    }),
    deployments: list(table.deploymentCount, (i) => table.deployment(i)),
    defaultDeployment: table.defaultDeployment,
    releases: list(table.releaseCount, (i) => table.release(i)),
    defaultRelease: table.defaultRelease,
    clusters: list(table.deploymentCount, (d) => list(table.releaseCount, (r) => table.cluster(d, r))),
    emit: list(table.emitCount, (i) => {
      const { kind, name } = table.emit(i);
      return { kind: EMIT_KIND_NAMES[kind]!, name };
    }),
  };
}

const letters = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength });
const token = letters("abc1.-", 1, 5);
const wikiId = fc
  .tuple(letters("abde_1", 1, 4), fc.constantFrom("wiki", "wikibooks", "", "_x"))
  .map((parts) => parts.join(""));
const suffix = fc.constantFrom(".org", ".wiki.org", ".b.org", ".example", ".b.example", ".a");
const host = fc.tuple(letters("abx-_", 0, 4), suffix).map((parts) => parts.join(""));
const pathText = letters("/abw.", 0, 6).map((text) => `/${text}`);
const unique = <T, K>(item: fc.Arbitrary<T>, key: (item: T) => K, minLength: number, maxLength: number) =>
  fc.uniqueArray(item, { selector: key, minLength, maxLength });

/** Any plan that a farm could compile to, and some that none does. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    ids: unique(wikiId, (id) => id, 1, 12),
    releases: unique(fc.record({ name: token, version: token }), ({ name }) => name, 1, 4),
    deployments: unique(token, (name) => name, 1, 3),
    paths: fc.array(
      fc.integer({ min: 1, max: 4 }).chain((segments) =>
        fc.record({
          target: fc.boolean(),
          segments: fc.constant(segments),
          closed: fc.boolean(),
          parts: fc.array(fc.nat(segments - 1), { minLength: 1, maxLength: 4 }),
          dashes: fc.boolean(),
          replacements: fc.array(
            fc.record({ segment: fc.nat(segments - 1), from: letters("ab", 0, 2), to: wikiId }),
            { maxLength: 3 },
          ),
        }),
      ),
      { maxLength: 3 },
    ),
    kinds: fc.subarray([...EMIT_KIND_NAMES]),
  })
  .chain(({ ids, releases, deployments, paths, kinds }) => {
    const release = fc.nat(releases.length - 1);
    const group = fc.constantFrom(null, "g0", "g1");
    const targets: Target[] = [null, ...ids.map((wiki) => ({ wiki })), ...paths.map((_, path) => ({ path }))];
    const target = fc.constantFrom(...targets);
    const predicate: fc.Arbitrary<Predicate> = fc.oneof(
      fc.constant({ subject: "host", test: "address" } as const),
      fc.record({ subject: fc.constant("host" as const), test: fc.constant("exact" as const), value: host }),
      fc.record({
        subject: fc.constant("host" as const),
        test: fc.constant("suffix" as const),
        value: suffix,
      }),
      fc.record({
        subject: fc.constant("path" as const),
        test: fc.constantFrom("exact" as const, "prefix" as const, "under" as const),
        value: pathText,
      }),
    );
    return fc.record<Plan>({
      wikis: fc.tuple(...[...ids].sort().map((id) => fc.record({ id: fc.constant(id), release, group }))),
      hosts: unique(fc.record({ host, target }), (one) => one.host, 0, 10).map((hosts) =>
        hosts.sort((a, b) => (a.host < b.host ? -1 : 1)),
      ),
      readAs: fc.array(fc.record({ labels: fc.integer({ min: 1, max: 3 }), from: suffix, to: suffix }), {
        maxLength: 2,
      }),
      patterns: fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant("fixed" as const), suffix, target }),
          fc.record({
            kind: fc.constant("join" as const),
            suffix,
            tail: fc.constantFrom("", "wiki", "_x"),
            dashes: fc.boolean(),
          }),
          fc.record({ kind: fc.constant("family" as const), suffix, dashes: fc.boolean() }),
        ),
        { maxLength: 4 },
      ),
      paths: fc.constant(paths),
      rules: fc.array(
        fc.record({
          when: fc.array(predicate, { maxLength: 3 }),
          outcome: fc.oneof(
            fc.constant("pass" as const),
            fc.record({ deployment: fc.nat(deployments.length - 1) }),
          ),
        }),
        { maxLength: 4 },
      ),
      deployments: fc.constant(deployments),
      defaultDeployment: fc.nat(deployments.length - 1),
      releases: fc.constant(releases),
      defaultRelease: release,
      clusters: fc.constant(
        deployments.map((deployment) => releases.map(({ name }) => `${deployment}|${name}`)),
      ),
      emit: fc.constant(
        EMIT_KIND_NAMES.filter((kind) => kind === "cluster" || kinds.includes(kind)).map((kind) => ({
          kind,
          name: `x-${kind}`,
        })),
      ),
    });
  });
