/** What a diff finds between two plans, by itself and over any plans. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadFarm } from "../../test/support/farms.ts";
import { anyPlan, bytesOf, plainListener, plainPlan, plainRule } from "../../test/support/plans.ts";
import { decode } from "../encode/decode.ts";
import { VersionOrder } from "../farm/version-order.ts";
import type { Destination, Plan } from "../plan.ts";
import { Table } from "../table/table.ts";
import { diff } from "./diff.ts";
import { asMarkdown, asText, code, inShort } from "./formats.ts";
import { toJson } from "./json.ts";

const versions = new VersionOrder();
const between = (before: Plan, after: Plan) => diff(before, after, (a, b) => versions.tell(a, b));
const textOf = (before: Plan, after: Plan) => asText(between(before, after)).split("\n").slice(0, -1);

/** A plan of these wikis, each with its group and release, on these releases with their versions. */
function train(
  releases: Record<string, string>,
  wikis: Record<string, [group: string | null, release: string]>,
  parts: Partial<Plan> = {},
): Plan {
  const names = Object.keys(releases);
  return plainPlan({
    releases: names.map((name) => ({ name, version: releases[name]! })),
    clusters: [names.map((name) => `web-${name}`)],
    wikis: Object.keys(wikis)
      .sort()
      .map((id) => ({ id, group: wikis[id]![0], release: names.indexOf(wikis[id]![1]), installed: true })),
    ...parts,
  });
}

const OLD = { group1: "1.47.0-wmf.10", group2: "1.47.0-wmf.9" };
const WIKIS: Parameters<typeof train>[1] = {
  awiki: ["group1", "group1"],
  bwiki: ["group1", "group1"],
  cwiki: ["group2", "group2"],
  dwiki: ["group2", "group2"],
};
const before = train(OLD, WIKIS);

describe("releases", () => {
  it("are newer or OLDER by the one order of versions, with how many wikis they have", () => {
    expect(textOf(before, train({ ...OLD, group2: "1.47.0-wmf.10" }, WIKIS))).toEqual([
      "releases:",
      "  group2: 1.47.0-wmf.9 → 1.47.0-wmf.10, newer, 2 wikis",
    ]);
    expect(textOf(before, train({ ...OLD, group1: "1.47.0-wmf.9" }, WIKIS))[1]).toBe(
      "  group1: 1.47.0-wmf.10 → 1.47.0-wmf.9, OLDER: a rollback, 2 wikis",
    );
  });

  it("whose version has no place in the order are told so", () => {
    const { releases } = between(before, train({ ...OLD, group2: "master" }, WIKIS));
    expect(releases).toEqual([
      { release: "group2", before: "1.47.0-wmf.9", after: "master", direction: "changed", wikis: 2 },
    ]);
    expect(textOf(before, train({ ...OLD, group2: "master" }, WIKIS))[1]).toBe(
      "  group2: 1.47.0-wmf.9 → master, newer or older: nobody can tell, 2 wikis",
    );
  });

  it("come and go, and their clusters", () => {
    const next = { ...OLD, next: "1.48" };
    expect(textOf(before, train(next, WIKIS))).toEqual([
      "releases:",
      "  next: added, 1.48, no wikis",
      "clusters:",
      "  1 cluster added (`web-next`): proxies must have them first",
    ]);
    expect(textOf(train(next, WIKIS), before)).toEqual([
      "releases:",
      "  next: gone, ran 1.48, had no wikis",
      "clusters:",
      "  1 cluster gone (`web-next`)",
    ]);
  });

  it("that lost all wikis are named", () => {
    const moved = train(OLD, { ...WIKIS, cwiki: ["group2", "group1"], dwiki: ["group2", "group1"] });
    expect(textOf(before, moved)).toEqual([
      "releases:",
      "  group2 has no wikis left, and had 2",
      "moves:",
      "  2 wikis from group2 to group1: 1.47.0-wmf.9 → 1.47.0-wmf.10, newer (`cwiki`, `dwiki`)",
      "wikis:",
      "  off their group's release: 0 → 2 wikis",
    ]);
  });
});

describe("wikis", () => {
  it("come, go, change group and are installed", () => {
    const after = train(OLD, { ...WIKIS, bwiki: ["group2", "group1"], ewiki: [null, "group1"] });
    after.wikis = after.wikis.filter(({ id }) => id !== "awiki");
    after.wikis.find(({ id }) => id === "dwiki")!.installed = false;
    expect(textOf(before, after)).toEqual([
      "wikis:",
      "  1 wiki added (`ewiki`)",
      "  1 wiki gone (`awiki`)",
      "  1 wiki not installed any more (`dwiki`)",
      "  off their group's release: 0 → 1 wiki",
      "groups:",
      "  in no group: 0 → 1 wiki, 1 joined (`ewiki`)",
      "  group1: 2 → 0 wikis, 2 left (`awiki`, `bwiki`)",
      "  group2: 2 → 3 wikis, 1 joined (`bwiki`)",
    ]);
    expect(toJson(between(before, after)).wikis).toEqual({ added: ["ewiki"], removed: ["awiki"] });
    expect(toJson(between(after, before)).hosts.notInstalled).toEqual({ added: [], removed: ["dwiki"] });
  });

  it("that move without another version are told so", () => {
    const same = { one: "1.0", two: "1.0" };
    const [old, next] = [train(same, { awiki: [null, "one"] }), train(same, { awiki: [null, "two"] })];
    expect(textOf(old, next)).toContain("  1 wiki from one to two: still 1.0 (`awiki`)");
    expect(toJson(between(old, next)).moves).toEqual([
      { from: "one", to: "two", before: "1.0", after: "1.0", wikis: ["awiki"] },
    ]);
  });
});

describe("hosts", () => {
  it("come, go, and lead elsewhere", () => {
    const hosts = (leads: Record<string, number>) =>
      train(OLD, WIKIS, {
        hosts: Object.keys(leads).map((host) => ({ host, destination: { wiki: leads[host]! } })),
      });
    expect(textOf(hosts({ "a.org": 0, "b.org": 1 }), hosts({ "b.org": 2, "c.org": 2 }))).toEqual([
      "hosts:",
      "  1 exact host added (`c.org`)",
      "  1 exact host gone (`a.org`)",
      "  b.org: bwiki → cwiki",
    ]);
  });

  it("are a wiki's own by another rule, or an exact host", () => {
    const own = (suffix: string, exceptions: Plan["canonical"]["exceptions"] = []) =>
      train(OLD, WIKIS, {
        canonical: {
          rules: [
            { tail: "wiki", suffix, dashes: false },
            { tail: "iki", suffix: ".net", dashes: false },
          ],
          exceptions,
        },
      });
    const after = own(".org", [
      { wiki: "awiki", host: null },
      { wiki: "bwiki", host: "b.example" },
      { wiki: "cwiki", host: 1 },
    ]);
    expect(textOf(own(".org"), after)).toEqual([
      "hosts:",
      "  own host of awiki: a.org → none",
      "  own host of bwiki: b.org → b.example",
      "  own host of cwiki: c.org → cw.net",
    ]);
    expect(textOf(own(".org"), own(".com")).length).toBe(5);
  });

  it("of patterns and rewrites are told where their order changes too", () => {
    const join = {
      kind: "join",
      prefix: "",
      suffix: ".x.org",
      tail: "wiki",
      dashes: false,
      path: null,
    } as const;
    const fixed = { kind: "fixed", suffix: ".org", destination: null } as const;
    const rewrite = { kind: "suffix", prefix: "", labels: 1, from: ".a", to: ".b" } as const;
    const at = (parts: Partial<Plan>) => train(OLD, WIKIS, parts);
    expect(textOf(at({ patterns: [join, fixed] }), at({ patterns: [fixed, join] }))).toEqual([
      "hosts:",
      "  patterns in another order: the first match counts",
    ]);
    expect(
      textOf(
        at({ patterns: [join] }),
        at({ patterns: [{ ...join, dashes: true }, fixed], rewrites: [rewrite] }),
      ),
    ).toEqual([
      "hosts:",
      "  pattern gone: {label}.x.org → {label}wiki",
      "  pattern added: {label}.x.org → {label}wiki with - as _",
      "  pattern added: *.org → no wiki",
      "  rewrite added: 1 labels and .a → .b",
    ]);
  });
});

describe("rules", () => {
  const api = plainRule({ deployment: 0 }, { not: false, subject: "path", test: "under", values: ["/api"] });
  const all = plainRule({ reply: 0 });
  const listeners = (...lists: Plan["listeners"][number]["routes"][]) =>
    plainPlan({
      replies: [{ status: 404, body: "no" }],
      listeners: lists.map((routes, i) => plainListener({ name: `l${i}`, routes })),
    });

  it("are told once for all listeners that have them, with what is replied", () => {
    expect(textOf(listeners([], []), listeners([api, all], [api]))).toEqual([
      "rules:",
      "  added, l0, l1: path at or under /api → web",
      "  added, l0: every request → reply 404 (no)",
    ]);
    expect(textOf(listeners([api, all]), listeners([all, api]))).toEqual([
      "rules:",
      "  routes of l0 in another order: the first match counts",
    ]);
  });

  it("are not told one by one of a listener that comes", () => {
    expect(textOf(listeners([api]), listeners([api], [api, all]))).toEqual([
      "rules:",
      "  listener l1: none → edge, else web",
    ]);
  });

  it("come with headers and settings", () => {
    const after = plainPlan({
      emit: [
        { kind: "cluster", name: "x-other" },
        { kind: "wiki", name: "x-wiki" },
      ],
      wikiless: { ...plainPlan().wikiless, missing: { reply: 0 } },
      replies: [{ status: 404, body: "no such wiki" }],
      jobs: { field: "database", limit: 1024, host: "never", heldBytes: 1, heldStreams: 2, heldSeconds: 3 },
    });
    expect(textOf(plainPlan(), after)).toEqual([
      "rules:",
      "  header gone: x-cluster: the cluster",
      "  header added: x-other: the cluster",
      "  header added: x-wiki: the wiki",
      "  missing wikis: release one → reply 404 (no such wiki)",
      "  jobs: none → field database, limit 1024, host never, heldBytes 1, heldStreams 2, heldSeconds 3",
    ]);
  });
});

it("clusters that change places are no addition", () => {
  const swapped = { ...before, clusters: [["web-group2", "web-group1"]] };
  expect(textOf(before, swapped)).toEqual([
    "clusters:",
    "  web of group1: web-group1 → web-group2",
    "  web of group2: web-group2 → web-group1",
  ]);
  expect(toJson(between(before, swapped)).clusters).toEqual({ added: [], removed: [] });
});

it("says the first of many lines and names, and counts the others", () => {
  const many = Object.fromEntries(
    Array.from({ length: 30 }, (_, i): [string, [null, string]] => [`x${i}wiki`, [null, "group1"]]),
  );
  const lines = textOf(before, train(OLD, { ...WIKIS, ...many }));
  expect(lines[1]).toBe(
    "  30 wikis added (`x0wiki`, `x10wiki`, `x11wiki`, `x12wiki`, `x13wiki` and 25 more)",
  );
  const hosts = (wiki: number) =>
    train(OLD, WIKIS, {
      hosts: Array.from({ length: 20 }, (_, i) => ({ host: `h${10 + i}`, destination: { wiki } })),
    });
  expect(textOf(hosts(0), hosts(1)).slice(-2)).toEqual(["  h16: awiki → bwiki", "  and 13 more"]);
});

it("finds nothing between a farm's plan and its table's", () => {
  const { plan } = loadFarm("small");
  expect(between(plan, decode(bytesOf(plan))).same).toBe(true);
});

it("in short says what releases run, then counts", () => {
  const after = train(
    { ...OLD, group2: "1.47.0-wmf.10", next: "1.48" },
    { ...WIKIS, bwiki: ["group1", "next"], ewiki: [null, "group1"] },
  );
  expect(inShort(between(before, after))).toEqual([
    "group2: 1.47.0-wmf.9 → 1.47.0-wmf.10, newer, 2 wikis; next: added, 1.48, 1 wiki",
    "1 wiki moves; 1 wiki added; 1 group changes; 1 new cluster, which proxies must have first",
  ]);
  expect(inShort(between(after, before))[1]).toMatch(
    /^1 wiki moves \(1 to an OLDER version\); 1 wiki gone; /,
  );
  expect(inShort(between(before, before))).toEqual([]);
});

it("of a farm without groups tells of none", () => {
  const wiki = { release: 0, group: null, installed: true };
  const more = plainPlan({ wikis: ["awiki", "bwiki"].map((id) => ({ id, ...wiki })) });
  expect(inShort(between(plainPlan(), more))).toEqual(["1 wiki added"]);
  expect(asText(between(plainPlan(), more))).toBe("wikis:\n  1 wiki added (`bwiki`)\n");
});

it("of a listener tells how many hops it trusts", () => {
  const trusting = (trustedHops: number) =>
    plainPlan({ listeners: [plainListener({ trust: "internal", trustedHops })] });
  expect(asText(between(trusting(0), trusting(2)))).toBe(
    "rules:\n  every listener: internal, else web → internal, 2 trusted hops, else web\n",
  );
});

it("as Markdown, names are code, whatever is in them", () => {
  expect(asMarkdown(between(before, train({ ...OLD, group2: "1.0_b*|`c" }, WIKIS)))).toBe(
    "### releases\n\n- `group2`: `1.47.0-wmf.9` → ``1.0_b*|`c``, OLDER: a rollback, 2 wikis\n",
  );
  expect(["a", "`a", "a``b", ""].map(code)).toEqual(["`a`", "`` `a ``", "```a``b```", "``"]);
});

describe("any two plans", () => {
  // fast-check's objects have no prototype.
  const plans = anyPlan.map((plan) => structuredClone(plan));
  const digestOf = (plan: Plan) => new Table(bytesOf(plan)).digest;
  /** The same plan with its wikis and hosts the other way round. */
  const turned = (plan: Plan): Plan => {
    const last = plan.wikis.length - 1;
    const lead = (found: Destination): Destination => {
      if (found === null) return null;
      if ("wiki" in found) return { wiki: last - found.wiki };
      return found.else === undefined ? found : { ...found, else: last - found.else };
    };
    return {
      ...plan,
      wikis: plan.wikis.toReversed(),
      hosts: plan.hosts.toReversed().map((one) => ({ ...one, destination: lead(one.destination) })),
      patterns: plan.patterns.map((one) =>
        one.kind === "fixed" ? { ...one, destination: lead(one.destination) } : one,
      ),
    };
  };

  it("are the same exactly where their tables have one digest", () => {
    fc.assert(
      fc.property(plans, plans, (one, other) => {
        expect(between(one, one).same).toBe(true);
        expect(between(decode(bytesOf(one)), one).same).toBe(true);
        expect(between(one, other).same).toBe(digestOf(one) === digestOf(other));
      }),
    );
  });

  it("differ the same way round, whatever order their lists have", () => {
    fc.assert(
      fc.property(plans, plans, (one, other) => {
        const found = between(one, other);
        expect(between(turned(one), turned(other))).toEqual(found);
        expect(between(turned(one), other)).toEqual(found);
        const back = toJson(between(other, one));
        const there = toJson(found);
        expect(back.wikis).toEqual({ added: there.wikis.removed, removed: there.wikis.added });
        expect(back.clusters).toEqual({ added: there.clusters.removed, removed: there.clusters.added });
        expect(back.moves.length).toBe(there.moves.length);
      }),
    );
  });

  it("differ by one change, which is told where it belongs", () => {
    const change = fc.constantFrom(
      "version",
      "release",
      "group",
      "installed",
      "wiki",
      "host",
      "cluster",
      "default",
    );
    fc.assert(
      fc.property(plans, change, fc.nat(), (plan, what, random) => {
        const after = structuredClone(plan);
        const wiki = after.wikis[random % after.wikis.length]!;
        const { name } = plan.releases[wiki.release]!;
        const next = (wiki.release + 1) % plan.releases.length;
        fc.pre(plan.releases.length > 1 || !["release", "default"].includes(what));
        if (what === "version") after.releases[wiki.release]!.version += "x";
        if (what === "release") wiki.release = next;
        if (what === "group") wiki.group = "another";
        if (what === "installed") wiki.installed = !wiki.installed;
        if (what === "wiki") after.wikis.push({ ...wiki, id: "zzzz" });
        if (what === "host") after.hosts.push({ host: "zzzz.example", destination: null });
        if (what === "cluster") after.clusters[0]![0] = "another";
        if (what === "default") after.defaultRelease = (plan.defaultRelease + 1) % plan.releases.length;
        const found = toJson(between(plan, after));
        expect(found.same).toBe(false);
        expect(asText(between(plan, after))).not.toBe("");
        expect(inShort(between(plan, after))).not.toEqual([]);
        const told: Record<typeof what, unknown> = {
          version: found.releases.map(({ release }) => release),
          release: found.moves.map(({ from, to, wikis }) => [from, to, wikis]),
          group: found.groups.find(({ group }) => group === "another")?.added,
          installed: [...found.hosts.notInstalled.added, ...found.hosts.notInstalled.removed],
          wiki: found.wikis.added,
          host: found.hosts.added,
          cluster: found.clusters.added,
          default: found.rules.settings.map(({ what }) => what),
        };
        const expected: Record<typeof what, unknown> = {
          version: [name],
          release: [[name, plan.releases[next]!.name, [wiki.id]]],
          group: [wiki.id],
          installed: [wiki.id],
          wiki: ["zzzz"],
          host: ["zzzz.example"],
          cluster: ["another"],
          default: ["default release"],
        };
        expect(told[what]).toEqual(expected[what]);
      }),
    );
  });
});
