/** Hosts of the real farms, through the filter's look-up. */
import { describe, expect, it } from "vitest";
import { FilterReader, tableOf } from "./support/farms.ts";
import { plainPlan } from "./support/plans.ts";

/** Around the filter's steps of four and eight bytes, and the longest. */
const LENGTHS = [...Array.from({ length: 40 }, (_, n) => n + 1), 100, 253, 254, 255];

describe("the look-up of a host", () => {
  it.each(LENGTHS)("of %i bytes finds it, and none that differs in a byte or in length", async (length) => {
    const host = "abcdefg".repeat(40).slice(-length);
    // One key has two slots: half of the others are compared with it.
    const wikiOf = await lookUpIn(host);
    expect(wikiOf(host)).toBe("awiki");
    for (const other of othersThan(host)) expect(wikiOf(other), other).toBe(null);
  });

  it("that is stored as stem and suffix does so too", async () => {
    const hosts = ["a", "b", "abcdefgh", "abcdefghi"].map((stem) => `${stem}.wiki.example`);
    const wikiOf = await lookUpIn(...hosts);
    for (const host of hosts) {
      expect(wikiOf(host)).toBe("awiki");
      for (const other of othersThan(host)) expect(wikiOf(other), other).toBe(null);
    }
  });
});

async function lookUpIn(...hosts: string[]): Promise<(authority: string) => string | null> {
  const plan = plainPlan({ hosts: hosts.map((host) => ({ host, destination: { wiki: 0 } })) });
  const filter = await FilterReader.on(tableOf(plan));
  return (authority) => {
    const answer = filter.decide({ authority, target: "/" });
    return answer && "wiki" in answer ? answer.wiki : "no answer";
  };
}

function othersThan(host: string): string[] {
  const others = [`${host}h`, `h${host}`, host.slice(1), host.slice(0, -1), `${host}${host}`];
  for (let at = 0; at < host.length; at++) {
    for (const other of "hjkq") others.push(`${host.slice(0, at)}${other}${host.slice(at + 1)}`);
  }
  return others.filter((other) => other !== host);
}
