import { describe, expect, it } from "vitest";
import { ats102, envoy140 } from "../../host-sim/index.ts";
import { loadFarm, tableOf } from "../../test/support/farms.ts";
import { questionOfUrl } from "../explain/question.ts";
import { filter } from "../filter.ts";
import { looksLikeAccessLog, questionOfAccessLog } from "./access-log.ts";
import { replayer, Summary } from "./replay.ts";

const table = tableOf(loadFarm("small").plan).bytes;
const simulated = { wasm: filter, configuration: table, rootId: "test", header: "x-mw-cluster", where: {} };

describe("a replay", () => {
  it("tells of a path that Envoy refuses, and ATS hands on", async () => {
    const question = { ...questionOfUrl("en.wikipedia.org/"), path: "/w/api.php%00" };
    const answers = [envoy140, ats102].map(async (profile) =>
      (await replayer({ ...simulated, profile }))(question),
    );
    const [envoy, ats] = await Promise.all(answers);
    expect(envoy).toMatchObject({ cluster: null, rule: "no rule → refused by Envoy", line: { status: 400 } });
    expect(ats).toMatchObject({ cluster: "mw-web-1-47-0-wmf-1", line: { status: null } });
  });

  for (const profile of [envoy140, ats102]) {
    it(`counts clusters, rules and hosts without a wiki (${profile.name})`, async () => {
      const answer = await replayer({ ...simulated, profile });
      const summary = new Summary();
      for (const url of [
        "en.wikipedia.org/",
        "en.wikipedia.org/w/api.php",
        "x.example/",
        "x.example/",
        "10.0.0.1/",
      ]) {
        summary.add(answer(questionOfUrl(url)));
      }
      expect(summary.toJSON()).toEqual({
        requests: 5,
        badLines: 0,
        clusters: { "mw-web-1-47-0-wmf-1": 3, "(none: passed through)": 1, "mw-api-1-47-0-wmf-1": 1 },
        rules: {
          "no rule → mw-web": 3,
          "no host name, or an IP address → passes through": 1,
          "path at or under /w/api.php → mw-api": 1,
        },
        unknownHosts: { "x.example": 2 },
        otherUnknownHosts: 0,
      });
      expect(summary.show()).toContain("        3  mw-web-1-47-0-wmf-1");
    });
  }

  it("counts hosts one by one only up to a bound", () => {
    const summary = new Summary();
    for (let i = 0; i < 10_050; i++)
      summary.add({ cluster: "a", rule: null, unknownHost: `h${i}`, line: null });
    expect(summary.unknownHosts.size).toBe(10_000);
    expect(summary.otherUnknownHosts).toBe(50);
  });

  it("says why a configuration is refused", async () => {
    const configuration = table.slice(0, 100);
    await expect(replayer({ ...simulated, configuration, profile: envoy140 })).rejects.toThrow(
      /refused: pointsman: table refused: 100 bytes, but its header says/,
    );
  });
});

describe("an Envoy JSON access log", () => {
  const line =
    '{"start_time":"2026-01-01","authority":"en.wikipedia.org","path":"/w/api.php?x","method":"POST","response_code":200}';

  it("is told from a file of questions by its further fields", () => {
    expect(looksLikeAccessLog(line)).toBe(true);
    expect(looksLikeAccessLog('{"authority":"a","path":"/","body":null}')).toBe(false);
    expect(looksLikeAccessLog("nonsense")).toBe(false);
  });

  it("gives authority, path and method", () => {
    expect(questionOfAccessLog(line)).toMatchObject({
      authority: "en.wikipedia.org",
      path: "/w/api.php?x",
      method: "POST",
    });
  });

  it("has no authority where Envoy logs a dash, and other operators' names for the fields", () => {
    expect(questionOfAccessLog('{":authority":"-",":path":"/a","code":1}')).toMatchObject({
      authority: null,
      path: "/a",
      method: "GET",
    });
  });

  it("without a path is a bad line", () => {
    expect(() => questionOfAccessLog('{"authority":"a","x":1}')).toThrow(/no path/);
    expect(() => questionOfAccessLog("{")).toThrow(/not JSON/);
  });
});
