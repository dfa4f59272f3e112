/** `pointsman serve` and real Envoys with two workers each: what upstreams see is what the server and the gauges say. */
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import type { ServeStatus } from "../../scripts/serve/http.ts";
import { STATES } from "../../scripts/serve/subscriber.ts";
import { ENDS } from "../../scripts/serve/xds-server.ts";
import { projectPath } from "../support/data.ts";
import { FleetUnderTest, VERSIONS } from "../support/fleet.ts";

const [, OLD, SECOND, FIRST] = VERSIONS as [string, string, string, string];

let fleet: FleetUnderTest;
afterEach(() => fleet.stop());

const both = <T>(value: T) => [value, value];
const served = (generation: number, version: string) =>
  expect
    .poll(async () => [await fleet.generations(), await fleet.versions()], { timeout: 10_000 })
    .toEqual([both(generation), both(version)]);

test("a push reaches every Envoy, and so does a rollback", async () => {
  fleet = await FleetUnderTest.start({ envoys: 2 });
  await served(1, FIRST);
  fleet.promote(SECOND);
  await fleet.pushed();
  await served(2, SECOND);
  expect(await fleet.server!.states()).toEqual({ "envoy-0": "acknowledged", "envoy-1": "acknowledged" });
  await fleet.well("rollback");
  await served(3, FIRST);
  const { generation, proxies, store } = await fleet.server!.status<ServeStatus>();
  expect({ generation, trouble: store.trouble }).toEqual({ generation: 3, trouble: null });
  expect(proxies.map(({ reported }) => reported?.generation)).toEqual([3, 3]);
});

test("a server that is away changes nothing, and what was pushed meanwhile comes when it is back", async () => {
  fleet = await FleetUnderTest.start({ envoys: 2 });
  await fleet.server!.stop("SIGKILL");
  fleet.promote(SECOND);
  await fleet.pushed();
  expect(await fleet.versions()).toEqual(both(FIRST));
  await fleet.serve();
  await served(2, SECOND);
  expect(await fleet.server!.stop()).toBe(0);
  fleet.promote(OLD);
  await fleet.pushed();
  await fleet.serve();
  await served(3, OLD);
});

test("metrics and health say how it stands", async () => {
  fleet = await FleetUnderTest.start({ envoys: 1 });
  await expect.poll(() => fleet.server!.states()).toEqual({ "envoy-0": "acknowledged" });
  const { status, body } = await fleet.server!.get("/metrics");
  expect(status).toBe(200);
  for (const line of [
    "pointsman_serve_store_up 1",
    "pointsman_serve_generation 1",
    'pointsman_serve_proxies{state="acknowledged"} 1',
    'pointsman_serve_proxies{state="refused"} 0',
    'pointsman_serve_streams_ended_total{why="full"} 0',
  ])
    expect(body.split("\n")).toContain(line);
  const page = readFileSync(projectPath("docs/fleet.md"), "utf8");
  const names = [...body.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!);
  expect(names.filter((name) => !page.includes(`| \`${name}`))).toEqual([]);
  expect([...STATES, ...ENDS].filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
  expect(await fleet.server!.get("/healthz")).toEqual({ status: 200, body: "generation 1\n" });
  expect((await fleet.server!.get("/x")).status).toBe(404);
});
