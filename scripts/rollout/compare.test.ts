/** When a stage is worse than the rest of the fleet, when it is not, and when nobody can say. */
import { describe, expect, it } from "vitest";
import type { Limits } from "../store/stages.ts";
import { type Counted, compare } from "./compare.ts";
import { between, readCounters } from "./counters.ts";

const limits: Limits = { proof: 1, errors: 1, latency: 1.5, requests: 100 };
const one = (requests: number, errors: number, ms = 20, name = "a"): Counted => ({
  ...{ name, requests, errors },
  ...{ timed: requests, ms: requests * ms },
});
const is = (stage: Counted[], rest: Counted[], change: Partial<Limits> = {}) =>
  compare(stage, rest, { ...limits, ...change }).is;

describe("a stage and the rest", () => {
  it.each<[string, Counted[], Counted[], Partial<Limits>]>([
    ["fine", [one(1000, 0)], [one(1000, 0)], {}],
    ["fine", [one(1000, 500)], [one(1000, 500)], {}],
    ["fine", [one(1000, 11)], [one(1000, 0)], {}],
    ["bad", [one(1000, 30)], [one(1000, 0)], {}],
    ["fine", [one(1000, 30)], [one(1000, 0)], { errors: 5 }],
    ["fine", [one(1000, 1000)], [one(1000, 0)], { errors: null }],
    ["bad", [one(100, 100)], [one(1000, 0)], {}],
    ["bad", [one(100, 1)], [one(1000, 0)], { errors: 0 }],
    ["unsure", [one(99, 0)], [one(1000, 0)], {}],
    ["unsure", [one(99, 99)], [one(1000, 0)], {}],
    ["unsure", [one(1000, 0)], [one(99, 0)], {}],
    ["unsure", [one(1000, 0)], [], {}],
    ["unsure", [one(1000, 0)], [one(99, 0)], { latency: null }],
    ["unsure", [one(1000, 1000)], [], { latency: null }],
    ["unsure", [], [one(1000, 0)], {}],
    ["fine", [], [], { errors: null, latency: null }],
    ["bad", [one(1000, 0, 40)], [one(1000, 0)], {}],
    ["fine", [one(1000, 0, 29)], [one(1000, 0)], {}],
    ["fine", [one(1000, 0, 9)], [one(1000, 0, 1)], {}],
    ["fine", [one(1000, 0, 99)], [one(1000, 0)], { latency: null }],
    ["fine", [one(1000, 0, 29)], [one(1000, 0)], { latency: 2 }],
  ])("are %s: %j, %j, %j", (expected, stage, rest, change) => {
    expect(is(stage, rest, change)).toBe(expected);
  });

  it("are bad where one of a hundred proxies is, by its name", () => {
    const well = Array.from({ length: 99 }, (_, i) => one(1000, 0, 20, `p${i}`));
    expect(is([...well, one(1000, 0)], [one(1000, 0)])).toBe("fine");
    expect(compare([...well, one(150, 90, 20, "bad-one")], [one(1000, 0)], limits)).toEqual({
      is: "bad",
      what: "5xx: bad-one 60.00 % of 150 requests; elsewhere 0.00 % of 1000 requests",
      isEarly: false,
    });
    expect(compare([...well, one(150, 0, 99, "slow")], [one(1000, 0)], limits).what).toBe(
      "mean latency: slow 99.0 ms; elsewhere 20.0 ms",
    );
  });

  it("may be told later, where times are not known yet", () => {
    expect(compare([{ ...one(1000, 0), timed: 0, ms: 0 }], [one(1000, 0)], limits)).toMatchObject({
      is: "unsure",
      isEarly: true,
    });
  });
});

describe("what a proxy has counted", () => {
  const text = (
    prefix: string,
  ) => `envoy_http_downstream_rq_completed{envoy_http_conn_manager_prefix="admin"} 7
envoy_http_downstream_rq_completed{envoy_http_conn_manager_prefix="${prefix}"} 30
envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="${prefix}"} 3
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="${prefix}"} 27
envoy_http_downstream_rq_time_sum{envoy_http_conn_manager_prefix="${prefix}"} 250.5
envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="${prefix}"} 28
`;
  const counters = { requests: 30, errors: 3, timed: 28, ms: 250.5 };

  it("is of the filter's listeners, with and without labels", () => {
    expect(readCounters(`${text("a-b")}pointsman_instances{listener="a-b"} 3\n`)).toEqual(counters);
    expect(readCounters(`${text("a-b")}wasmcustom_pointsman_instances_listener_a_b 3\n`)).toEqual(counters);
  });

  it.each([
    [text("a"), "it counts no requests of the filter's listeners"],
    [`${text("a")}pointsman_instances{listener="b"} 3\n`, "it counts no requests of the filter's listeners"],
    [
      `${text("a").replace("} 30", "} NaN")}pointsman_instances{listener="a"} 3\n`,
      "is no number of requests",
    ],
    ['{"stats": []}', "it counts no requests"],
  ])("is not known of %#", (said, why) => {
    expect(readCounters(said)).toContain(why);
  });

  it("is unknown between two looks where the proxy was started anew", () => {
    expect(between(counters, { ...counters, requests: 40 })).toEqual({
      requests: 10,
      errors: 0,
      timed: 0,
      ms: 0,
    });
    expect(between(counters, { ...counters, requests: 5 })).toBeNull();
  });
});
