/** `jobs` of farm.yaml: where a job's wiki stands in its body. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

const jobs = (more: string) => ({ jobs: `{ field: database, host: never, ${more} }` });
const RULES =
  "rules: [{ method: POST, path: /job, deployment: job }, { path: /job, deployment: job, wiki: none }]";

describe("jobs", () => {
  it("are rules before what passes through, whose wiki is in the body unless they say none", () => {
    const { plan } = compileFarm(jobs(RULES));
    expect(plan.jobs).toEqual({
      field: "database",
      limit: 524288,
      host: "never",
      heldBytes: 33554432,
      heldStreams: 1024,
      heldSeconds: 30,
    });
    expect(plan.listeners[0]!.routes.map(({ outcome, wiki }) => [outcome, wiki])).toEqual([
      [{ deployment: 1 }, "body"],
      [{ deployment: 1 }, "none"],
      ["pass", "host"],
    ]);
  });

  it("are none where the farm says nothing of them", () => {
    expect(compileFarm().plan.jobs).toBe(null);
  });

  it.each([
    ["1", 1],
    ["100000", 100000],
    ["64 KiB", 65536],
    ["16 MiB", 16777216],
  ])("have a limit: %s", (limit, bytes) => {
    expect(compileFarm(jobs(`limit: ${limit}, ${RULES}`)).plan.jobs?.limit).toBe(bytes);
  });

  it("hold as much as the farm says, and at least one body", () => {
    const says = `limit: 1 KiB, held-bytes: 1 KiB, held-streams: 2, held-seconds: 3, ${RULES}`;
    expect(compileFarm(jobs(says)).plan.jobs).toMatchObject({
      limit: 1024,
      heldBytes: 1024,
      heldStreams: 2,
      heldSeconds: 3,
    });
    for (const wrong of [
      "limit: 1 KiB, held-bytes: 1023",
      "held-bytes: 1025 MiB",
      "held-streams: 0",
      "held-streams: 65536",
      "held-seconds: 0",
      "held-seconds: 3601",
      "held-seconds: 30s",
    ]) {
      expect([wrong, problemsWith(jobs(`${wrong}, ${RULES}`)).length]).toEqual([wrong, 1]);
    }
  });

  it.each(["0", "1.5", "512 kB", "512KiB", "17 MiB", "0 KiB", "16777217"])(
    "have no such limit as %s",
    (limit) => {
      const problems = problemsWith(jobs(`limit: ${limit}, ${RULES}`));
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^farm\.yaml:6:/);
    },
  );
});
