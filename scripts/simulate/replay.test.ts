/** A log of requests through the filter. */
import { describe, expect, it } from "vitest";
import { ats102, envoy140 } from "../../host-sim/index.ts";
import { compileFarm } from "../../test/support/farm-text.ts";
import { loadFarm, tableOf } from "../../test/support/farms.ts";
import { bytesOf } from "../../test/support/plans.ts";
import { questionOfUrl } from "../explain/question.ts";
import { filter } from "../filter.ts";
import { readRequests } from "../requests/read-requests.ts";
import { replayer, Summary } from "./replay.ts";

const table = tableOf(loadFarm("small").plan).bytes;
const simulated = {
  wasm: filter,
  configuration: table,
  rootId: "test",
  header: "x-mw-cluster",
  where: {},
  log: () => {},
};

describe("a replay", () => {
  it("tells of a path that Envoy refuses, and ATS hands on", async () => {
    const question = { ...questionOfUrl("en.wikipedia.org/"), path: "/w/api.php%00" };
    const answers = [envoy140, ats102].map(async (profile) =>
      (await replayer({ ...simulated, profile }))(question),
    );
    const [envoy, ats] = await Promise.all(answers);
    expect(envoy).toMatchObject({
      cluster: null,
      rule: "no rule → refused before the rules",
      line: { status: 400 },
    });
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
        firstBadLines: [],
        withoutRequest: 0,
        clusters: { "mw-web-1-47-0-wmf-1": 3, "(none: passed through)": 1, "mw-api-1-47-0-wmf-1": 1 },
        rules: {
          "no rule → mw-web": 3,
          "no host name, or an IP address → passes through": 1,
          "path at or under /w/api.php → mw-api": 1,
        },
        hostsWithoutWiki: { "x.example": 2 },
        otherHostsWithoutWiki: 0,
      });
      expect(summary.show()).toContain("        3  mw-web-1-47-0-wmf-1");
    });
  }

  it("counts a host with a path that can be read as that of two wikis as one with a wiki", async () => {
    const { plan } = compileFarm({ hosts: '[{ host: carried.example, path: "/{wiki}", wiki: "{wiki}" }]' });
    const answer = await replayer({ ...simulated, configuration: bytesOf(plan), profile: envoy140 });
    const at = (path: string) => answer(questionOfUrl(`carried.example${path}`));
    expect(at("/x%2Fawiki")).toMatchObject({ status: 400, hostWithoutWiki: null });
    expect(at("/x")).toMatchObject({ status: null, hostWithoutWiki: "carried.example" });
  });

  it("counts hosts one by one only up to a bound", () => {
    const summary = new Summary();
    for (let i = 0; i < 10_050; i++)
      summary.add({ cluster: "a", status: null, rule: null, hostWithoutWiki: `h${i}`, line: null });
    expect(summary.hostsWithoutWiki.size).toBe(10_000);
    expect(summary.otherHostsWithoutWiki).toBe(50);
  });

  it("tells answers of the proxy's own from what passes through, bad lines by number, and steers no terminal", () => {
    const summary = new Summary();
    const none = { cluster: null, rule: null, hostWithoutWiki: "a\x1b[2J\u202eb", line: null };
    summary.add({ ...none, status: 404 });
    summary.add({ ...none, status: null });
    summary.withoutRequest = 1;
    for (let line = 1; line <= 12; line++) summary.addBad({ line, error: "not JSON: \x07" });
    expect(summary.show().split("\n")).toEqual([
      "2 requests, 12 bad lines, 1 line without a request",
      "by cluster:",
      "          1  (none: answered with 404)",
      "          1  (none: passed through)",
      "hosts without a wiki:",
      "          2  a\\u001b[2J\\u202eb",
      "bad lines:",
      ...Array.from({ length: 10 }, (_, i) => `  line ${i + 1}: not JSON: \\u0007`),
      "  … and 2 more",
      "",
    ]);
    expect(summary.toJSON()).toMatchObject({
      clusters: { "(none: answered with 404)": 1, "(none: passed through)": 1 },
      badLines: 12,
      firstBadLines: Array.from({ length: 10 }, (_, i) => ({ line: i + 1, error: "not JSON: \x07" })),
    });
  });

  it("says why a configuration is refused", async () => {
    const configuration = table.slice(0, 100);
    await expect(replayer({ ...simulated, configuration, profile: envoy140 })).rejects.toThrow(
      /refused: pointsman: table refused: 100 bytes, but its header says/,
    );
  });
});

describe("a replayed access log", () => {
  const farm = (trust: string) =>
    compileFarm({
      hosts: '[{ host: "{label}.example", wiki: "{label}wiki" }]',
      reads: "{ deployments: [web], rules: [{ share: 0.5 }] }",
      listeners: `{ main: { trust: ${trust}, reads: true } }`,
    });
  const replayed = async (trust: string, line: (address: string) => string) => {
    const where = { datacentre: "b", primary: "a" };
    const configuration = bytesOf(farm(trust).plan);
    const answer = await replayer({ ...simulated, configuration, profile: envoy140, where });
    const summary = new Summary();
    const log = Array.from({ length: 1000 }, (_, i) => line(`10.0.${i >> 8}.${i & 255}`));
    const input = (async function* () {
      yield Buffer.from(log.join("\n"));
    })();
    for await (const read of readRequests(input, "log", { fields: {}, host: "a.example" })) {
      if ("question" in read && read.question) summary.add(answer(read.question));
    }
    return summary.clusters.get("web-ro-one");
  };

  it.each([
    ["edge", (address: string) => `${address} - - [26/Nov/2026:14:00:00 +0000] "GET / HTTP/1.1" 200`],
    ["edge", (address: string) => `{"path":"/","downstream_remote_address":"${address}:5123"}`],
    ["internal", (address: string) => `{"path":"/","x_forwarded_for":"203.0.113.9, ${address}"}`],
    ["edge", (address: string) => `{"path":"/","remote_addr":"2001:db8:${address.replaceAll(".", ":")}::"}`],
  ])("is cut by the clients' addresses, of %s", async (trust, line) => {
    const readOnly = await replayed(trust, line);
    expect(readOnly).toBeGreaterThan(430);
    expect(readOnly).toBeLessThan(570);
  });
});
