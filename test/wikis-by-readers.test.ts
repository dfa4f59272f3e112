/**
 * What a table says of each wiki, by every reader there is: the library, the reader in Python, and the filter. Whatever
 * else answers for a wiki belongs here too.
 */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { open } from "../scripts/table/library.ts";
import type { Request, Where } from "../scripts/table/request.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { FilterReader, loadFarm, tableOf } from "./support/farms.ts";
import { askPython } from "./support/python-reader.ts";

const WHERE: Where = { listener: null, secondary: false };

describe.skipIf(DATA_IS_ABSENT)(`for every wiki the readers agree${WHY_SKIPPED}`, () => {
  const states = DATA_IS_ABSENT ? [] : readdirSync(`${DATA}/trains`).map((state) => `trains/${state}`);

  it.each(["mediawiki-config", ...states])("of %s", async (source) => {
    const { farm, plan } = loadFarm("production", `${DATA}/${source}`);
    const table = tableOf(plan);
    const library = open(table.bytes);
    const ids = library.wikis();
    expect(ids).toEqual([...farm.wikis.keys()].sort());
    expect(ids.length).toBeGreaterThan(1_000);

    const facts = ids.map((id) => library.wiki(id)!);
    expect(facts.filter(({ wiki, version }) => farm.wikis.get(wiki)!.version !== version)).toEqual([]);

    const known = facts.filter(({ host, installed }) => host !== null && installed);
    expect(known.length).toBeGreaterThan(0.9 * ids.length);
    const requests = known.map(({ host }): Request => ({ authority: host, target: "/wiki/X" }));
    const answers = requests.map((request) => library.decide(request, WHERE));
    expect(answers).toMatchObject(
      known.map(({ wiki, group, release, version }) => ({ kind: "route", wiki, group, release, version })),
    );
    const byPython = askPython(
      table,
      requests.map((request) => [request, WHERE]),
    );
    expect(byPython).toEqual(answers);
    const filter = await FilterReader.on(table);
    expect(requests.map((request) => filter.decide(request, WHERE))).toEqual(answers);
  });
});
