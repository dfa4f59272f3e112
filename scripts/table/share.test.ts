/** Which share of the clients a request belongs to. */
import { describe, expect, it } from "vitest";
import { SHARE_WHOLE } from "../../assembly/layout.ts";
import { bytesOf, plainListener, plainPlan, plainRule, routedPlan } from "../../test/support/plans.ts";
import type { Predicate, Route } from "../plan.ts";
import { decide } from "./decide.ts";
import { hashText } from "./hash.ts";
import type { Request } from "./request.ts";
import { Table } from "./table.ts";

/** A farm that lets this share of its reads stay. */
type Trust = "edge" | "internal" | { trustedHops: number };

function farm(readOnly: number, trusted: Trust, shareCookie: string | null): Table {
  const { trust, trustedHops } =
    typeof trusted === "string"
      ? { trust: trusted, trustedHops: 0 }
      : { trust: "internal" as const, ...trusted };
  return new Table(
    bytesOf(
      plainPlan({
        deployments: [
          { name: "web", readOnly: 1 },
          { name: "web-ro", readOnly: null },
        ],
        clusters: [["far"], ["read-only"]],
        listeners: [plainListener({ trust, trustedHops, reads: [plainRule({ readOnly })] })],
        shareCookie,
      }),
    ),
  );
}

const stays = (table: Table, request: Partial<Request>) =>
  decide(table, { authority: null, target: "/", ...request }, { listener: null, secondary: true }).trail
    .readOnly;

/** The smallest share in which the text is: it tells which text the hash is made of. */
const shareOf = (text: string) => Math.floor((hashText(text) * SHARE_WHOLE) / 2 ** 32) + 1;

describe("the hash of a share", () => {
  it.each<[string, number]>([
    ["", 0x92ca2f0e],
    ["a", 0x69d6c813],
    ["192.0.2.1", 0x7e212333],
    ["2001:db8::1", 0x89da3752],
    ["\u00ff", 0x7da78ec0],
  ])("of %j is %i", (text, hash) => {
    expect(hashText(text)).toBe(hash);
  });
});

describe("the share of a rule", () => {
  const rule = (salt: string, share: number): Predicate => ({
    ...{ not: false, subject: "client", test: "share", salt, share },
  });
  const routes = [rule("one", 1000), rule("one", 2000), rule("two", 1000)].map(
    (predicate) => new Table(bytesOf(routedPlan([plainRule<Route>("pass", predicate)]))),
  );
  const clients = Array.from({ length: 20_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  const [tenth, fifth, other] = routes.map(
    (table) =>
      new Set(
        clients.filter(
          (client) => decide(table, { authority: "a", target: "/", client }).answer.kind === "pass",
        ),
      ),
  );

  it("is about so large", () => {
    for (const [clients, size] of [
      [tenth, 2000],
      [fifth, 4000],
      [other, 2000],
    ] as const) {
      expect(Math.abs(clients!.size - size)).toBeLessThan(200);
    }
  });

  it("keeps whom it has when it grows", () => {
    expect([...tenth!].filter((client) => !fifth!.has(client))).toEqual([]);
  });

  it("has others where its salt is another", () => {
    const both = [...tenth!].filter((client) => other!.has(client)).length;
    expect(Math.abs(both - 200)).toBeLessThan(60);
  });
});

describe("a share", () => {
  const client = "192.0.2.7";
  const is = (trust: Trust, shareCookie: string | null, request: Partial<Request>, by: string) => {
    const asked = { client, ...request };
    expect(stays(farm(shareOf(by), trust, shareCookie), asked), `in the share of ${by}`).toBe(true);
    expect(stays(farm(shareOf(by) - 1, trust, shareCookie), asked), `below that of ${by}`).toBe(false);
  };
  const cookie = (value: string) => ({ headers: [["cookie", value]] }) as const;
  const forwarded = (...values: string[]) => ({
    headers: values.map((value) => ["X-Forwarded-For", value] as const),
  });

  it("of nothing has nobody, and the whole everybody", () => {
    for (const one of ["192.0.2.1", "192.0.2.2", "::1", ""]) {
      expect(stays(farm(0, "edge", null), { client: one })).toBe(false);
      expect(stays(farm(SHARE_WHOLE, "edge", null), { client: one })).toBe(true);
    }
  });

  it("is cut by the first cookie of that name, if it says something", () => {
    is("edge", "who", cookie("a=b; who=me; who=you"), "me");
    is("edge", "who", cookie("who=; who=you"), client);
    is("edge", "who", cookie("whoever=me"), client);
    is("edge", null, cookie("who=me"), client);
  });

  it("is else cut by the client's address, which on an internal listener X-Forwarded-For says", () => {
    is("edge", null, {}, client);
    is("edge", null, { client: null }, "");
    is("edge", null, forwarded("198.51.100.1"), client);
    is("internal", null, forwarded("198.51.100.1"), "198.51.100.1");
    is("internal", null, {}, client);
  });

  it("counts the entries of X-Forwarded-For from the right: what stands before them a client may have sent", () => {
    is("internal", null, forwarded("198.51.100.1, \t192.0.2.9 "), "192.0.2.9");
    is("internal", null, forwarded("198.51.100.1", "192.0.2.9"), "192.0.2.9");
    is("internal", null, forwarded("192.0.2.9, "), "192.0.2.9");
    is("internal", null, forwarded("192.0.2.9", " ", ""), "192.0.2.9");
    is("internal", null, forwarded(" ,"), client);
    const behindOne = { trustedHops: 1 };
    is(behindOne, null, forwarded("203.0.113.1, 198.51.100.1\t, 192.0.2.9"), "198.51.100.1");
    is(behindOne, null, forwarded("203.0.113.1", "198.51.100.1", "192.0.2.9"), "198.51.100.1");
    is(behindOne, null, forwarded("203.0.113.1", "198.51.100.1, 192.0.2.9"), "198.51.100.1");
    is(behindOne, null, forwarded("203.0.113.1, 198.51.100.1", "192.0.2.9"), "198.51.100.1");
    is(behindOne, null, forwarded("192.0.2.9"), client);
    is(behindOne, null, forwarded(",192.0.2.9"), client);
    is(behindOne, null, forwarded("198.51.100.1,, ,192.0.2.9,"), "198.51.100.1");
    is({ trustedHops: 255 }, null, forwarded("x,".repeat(255)), client);
    is({ trustedHops: 255 }, null, forwarded(`y,192.0.2.9${",x".repeat(255)}`), "192.0.2.9");
  });

  it("is cut by the cookie before the address on an internal listener, too", () => {
    is("internal", "who", { headers: [...cookie("who=me").headers, ...forwarded("1").headers] }, "me");
  });
});
