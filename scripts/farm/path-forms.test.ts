/** Hosts whose wiki the path carries become forms of path in the table. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, warningsOf } from "../../test/support/farm-text.ts";

const hosts = (...rules: string[]) => ({ hosts: `[${rules.map((rule) => `{ ${rule} }`).join(", ")}]` });
const refused = (...rules: string[]) => problemsWith(hosts(...rules));

describe("path forms", () => {
  it("take the wiki from segments of the path, with replacements", () => {
    const { plan } = compileFarm(
      hosts(
        "host: up.example, path: '/{site}/{lang}', wiki: '{lang}{site}', replace: { site: { wikipedia: wiki } }, dashes: underscores",
        "host: auth.example, target: '/{wiki}/', wiki: '{wiki}'",
      ),
    );
    expect(plan.paths).toEqual([
      {
        target: false,
        segments: [null, null],
        closed: false,
        parts: [1, 0],
        dashes: true,
        lower: false,
        replacements: [{ segment: 0, from: "wikipedia", to: "wiki" }],
      },
      {
        target: true,
        segments: [null],
        closed: true,
        parts: [0],
        dashes: false,
        lower: false,
        replacements: [],
      },
    ]);
    expect(plan.hosts).toEqual([
      { host: "auth.example", destination: { path: 1 } },
      { host: "up.example", destination: { path: 0 } },
    ]);
  });

  it("that are the same are one, on a suffix as well", () => {
    const { plan } = compileFarm(
      hosts(
        "host: a.example, path: '/{wiki}', wiki: '{wiki}'",
        "host: '*.b.example', path: '/{wiki}', wiki: '{wiki}'",
      ),
    );
    expect(plan.paths).toHaveLength(1);
    expect(plan.hosts[0]!.destination).toEqual({ path: 0 });
    expect(plan.patterns[0]).toEqual({ kind: "fixed", suffix: ".b.example", destination: { path: 0 } });
  });

  it.each([
    [
      "path: 'x/{wiki}', wiki: '{wiki}'",
      "34: must be captures between slashes, names beside them or not, as `/{site}/{lang}`, `/w/{wiki}/`",
    ],
    [
      "path: '/w/', wiki: '{wiki}'",
      "34: must be captures between slashes, names beside them or not, as `/{site}/{lang}`, `/w/{wiki}/`",
    ],
    [
      "path: '/{a}{b}', wiki: '{a}'",
      "34: must be captures between slashes, names beside them or not, as `/{site}/{lang}`, `/w/{wiki}/`",
    ],
    ["path: '/{wiki}', wiki: '{lang}'", "51: must be made of the captures in `/{wiki}` alone"],
    ["path: '/{lang}', wiki: '{lang}wiki'", "51: must be made of the captures in `/{lang}` alone"],
    [
      "path: '/{wiki}', target: '/{wiki}', wiki: '{wiki}'",
      "34: a wiki is carried in the `path` or in the raw `target`, not in both",
    ],
    ["path: '/{wiki}', wiki: '{wiki}', replace: { site: { a: b } }", "72: `/{wiki}` has no capture `site`"],
  ])("refuse %s", (rule, problem) => {
    expect(refused(`host: a.example, ${rule}`)).toEqual([`farm.yaml:6:${problem}`]);
  });

  it("may have names beside the captures, lower-cased captures, and the host's own wiki", () => {
    const { plan } = compileFarm(
      hosts(
        "host: a.example, path: '/w/{wiki}/', wiki: '{wiki}', case: lower, else: bwiki",
        "host: b.example, path: '/w/{wiki}/', wiki: '{wiki}', case: lower, else: awiki",
        "host: '*.c.example', path: '/w/{wiki}/', wiki: '{wiki}', case: lower, else: awiki",
        "host: '{label}.d.example', path: '/w/{wiki}/', wiki: '{wiki}', case: lower, else: '{label}wiki', dashes: underscores",
        "host: '{label}.{family}.e.example', target: '/{wiki}', wiki: '{wiki}', else: '{label}{family}'",
        "host: 'x.{label}.f.example', labels: [a, b], target: '/{wiki}', wiki: '{wiki}', else: '{label}wiki'",
      ),
    );
    expect(plan.paths).toHaveLength(3);
    expect(plan.paths[0]).toMatchObject({ segments: ["w", null], parts: [1], closed: true, lower: true });
    expect(plan.hosts).toEqual([
      { host: "a.example", destination: { path: 0, else: 1 } },
      { host: "b.example", destination: { path: 0, else: 0 } },
      { host: "x.a.f.example", destination: { path: 2, else: 0 } },
      { host: "x.b.f.example", destination: { path: 2, else: 1 } },
    ]);
    expect(plan.patterns).toEqual([
      { kind: "fixed", suffix: ".c.example", destination: { path: 0, else: 0 } },
      { kind: "join", prefix: "", suffix: ".d.example", tail: "wiki", dashes: true, path: 1 },
      { kind: "family", prefix: "", suffix: ".e.example", dashes: false, path: 2 },
    ]);
  });

  it("are one for a thousand hosts, each with a wiki of its own", () => {
    const { plan } = compileFarm(
      hosts(
        ...Array.from(
          { length: 1000 },
          (_, i) =>
            `host: h${i}.example, path: '/{wiki}', wiki: '{wiki}', else: ${i % 2 ? "awiki" : "bwiki"}`,
        ),
      ),
    );
    expect(plan.paths).toHaveLength(1);
    expect(plan.hosts).toHaveLength(1000);
  });

  it("go with a label only where that is a wiki too", () => {
    expect(refused("host: '{label}.example', path: '/{wiki}', wiki: '{wiki}'")).toEqual([
      "farm.yaml:6:17: `{label}.example` with a path: say by `else` which wiki the host is where the path carries none, or write `*.example`",
    ]);
    expect(
      refused("host: '{label}.{family}.org', target: '/{wiki}', wiki: '{wiki}', else: '{label}wiki'"),
    ).toEqual([
      "farm.yaml:6:82: with the host `{label}.{family}.org` the wiki must be `{label}{family}`, not `{label}wiki`",
    ]);
    expect(refused("host: a.example, wiki: awiki, else: bwiki, case: lower")).toEqual([
      "farm.yaml:6:41: `else` needs a `path` or `target`: add one, or remove `else`",
      "farm.yaml:6:54: `case` needs a `path` or `target`: add one, or remove `case`",
    ]);
  });

  it("without the host's own wiki where that is gone, and with a warning", () => {
    const { plan, farm } = compileFarm(
      hosts("host: a.example, path: '/{wiki}', wiki: '{wiki}', else: gonewiki"),
    );
    expect(plan.hosts).toEqual([{ host: "a.example", destination: { path: 0 } }]);
    expect(warningsOf(farm)).toEqual([
      "farm.yaml:6:67: `gonewiki` is not in wikiversions, so its host has no wiki: remove the host, or correct the wiki's name",
    ]);
  });

  it("are what a replacement goes with", () => {
    expect(refused("host: a.example, wiki: awiki, replace: { site: { a: b } }")).toEqual([
      "farm.yaml:6:41: `replace` needs a `path` or `target`: add one, or remove `replace`",
    ]);
  });
});
