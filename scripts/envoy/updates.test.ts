/** A new table reaches every worker of a running Envoy. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fixture, HEADER, makeFixture, seenValues, table } from "../../test/support/tiny-envoy.ts";
import { send } from "./request.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await makeFixture();
}, 180_000);
afterAll(() => fixture?.stopAll());

test("an accepted update is on every worker and listener when updateFilter resolves", async () => {
  const envoy = await fixture.start(`${HEADER}:a`, {
    concurrency: 2,
    listeners: [{ name: "main" }, { name: "other" }],
  });
  expect(Object.keys(envoy.ports)).toEqual(["main", "other"]);
  expect((await fixture.ask(envoy)).cluster).toBe("a");
  for (const cluster of ["b", "a", "b"]) {
    expect(await envoy.updateFilter(table(`${HEADER}:${cluster}`))).toEqual({ accepted: true });
    // New connections land on either worker.
    for (const port of Array(8).fill(Object.values(envoy.ports)).flat()) {
      expect((await fixture.ask(envoy, { port })).cluster).toBe(cluster);
    }
  }
});

test("a refused update says why, and what served before goes on serving", async () => {
  const envoy = await fixture.start(`${HEADER}:a`, {
    concurrency: 2,
    listeners: [{ name: "main" }, { name: "other" }],
  });
  const clusters = async () => {
    const ports = Array(4).fill(Object.values(envoy.ports)).flat();
    const seen = await Promise.all(ports.map((port) => fixture.ask(envoy, { port })));
    return [...new Set(seen.map((one) => one.cluster))];
  };
  const result = await envoy.updateFilter(table("bad: the checksum is wrong"));
  expect(result.accepted).toBe(false);
  for (const name of ["main", "other"]) {
    expect(result.reason).toContain(`wasm log ${name} pointsman: guest: refused bad: the checksum is wrong`);
  }
  expect(await clusters()).toEqual(["a"]);
  expect(await envoy.waitForStat(stat("update_rejected"), (value) => value === 2)).toBe(2);
  expect(await envoy.updateFilter(table(`${HEADER}:b`))).toEqual({ accepted: true });
  expect(await clusters()).toEqual(["b"]);
});

test("a table that is there already is accepted, and one that was refused is refused again", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  for (const [text, accepted] of [
    [`${HEADER}:a`, true],
    ["bad", false],
    ["bad", false],
    [`${HEADER}:a`, true],
    [`${HEADER}:b`, true],
    [`${HEADER}:b`, true],
  ] as const) {
    expect((await envoy.updateFilter(table(text))).accepted).toBe(accepted);
  }
  expect((await fixture.ask(envoy)).cluster).toBe("b");
});

test("updates asked for at once are taken in their order", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  const results = await Promise.all(
    [`${HEADER}:b`, "bad", `${HEADER}:a`, "bad", `${HEADER}:b`].map((text) =>
      envoy.updateFilter(table(text)),
    ),
  );
  expect(results.map((one) => one.accepted)).toEqual([true, false, true, false, true]);
  expect((await fixture.ask(envoy)).cluster).toBe("b");
});

test("a table refused at a cold start leaves the fallback serving, until a good one comes", async () => {
  const envoy = await fixture.start("bad from the start");
  const seen = await fixture.ask(envoy, { headers: [[HEADER, "a"]] });
  expect([seen.cluster, seenValues(seen, HEADER)]).toEqual(["fallback", []]);
  expect(await envoy.updateFilter(table(`${HEADER}:b`))).toEqual({ accepted: true });
  expect((await fixture.ask(envoy)).cluster).toBe("b");
});

test("a cluster that Envoy does not have is a 503, and a request without the header takes the fallback", async () => {
  const envoy = await fixture.start(`${HEADER}:nowhere`);
  expect((await send({ port: envoy.port })).status).toBe(503);
  expect((await fixture.ask(envoy, { path: "/none" })).cluster).toBe("fallback");
});

test("waitForStat gives up on a stat that stays as it is", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  await expect(envoy.waitForStat(stat("config_fail"), (value) => value === 9, 50)).rejects.toThrow(
    "config_fail is 0 after 50 ms",
  );
});

function stat(name: string): string {
  return `extension_config_discovery.http_filter.pointsman.${name}`;
}
