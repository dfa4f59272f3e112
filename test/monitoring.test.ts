/** examples/monitoring, by the real promtool, and by a real Prometheus that watches a real fleet. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "js-yaml";
import { afterEach, describe, expect, it, vi } from "vitest";
import { send } from "../scripts/envoy/request.ts";
import { projectPath } from "./support/data.ts";
import { code, readDoc, rows } from "./support/documents.ts";
import { FleetUnderTest } from "./support/fleet.ts";
import { folderOf } from "./support/folder.ts";
import { findPrometheus, Prometheus, promtool } from "./support/prometheus.ts";
import { Staying } from "./support/staying.ts";

vi.setConfig({ testTimeout: 180_000 });

const FOLDER = "examples/monitoring";
const read = (name: string) => readFileSync(projectPath(join(FOLDER, name)), "utf8");

interface Rule {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  datasource: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { refId: string; expr: string }[];
}

const rules = (load(read("alerts.yaml")) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(read("dashboard.json")) as {
  panels: Panel[];
  templating: { list: { name: string }[] };
};
const shown = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** The metrics that an expression names; labels, and what is in braces, are none. */
const metricsIn = (expr: string): string[] =>
  [
    ...expr
      .replace(/\{[^}]*\}/g, "")
      .replace(/\b(?:by|on)\s*\([^)]*\)/g, "")
      .matchAll(/\b(?:pointsman|envoy)_\w+/g),
  ].map(([name]) => name);
const named = [...new Set([...rules.map(({ expr }) => expr), ...shown].flatMap(metricsIn))].sort();
const OF_ENVOY = named.filter((name) => name.startsWith("envoy_"));

/** Every metric of ours that the documents list. */
const documented = [
  ...rows(readDoc("operations.md"), "metric", "what").map((row) => row.metric!),
  ...rows(readDoc("fleet.md"), "metric of `/metrics`", "what").map((row) => row["metric of `/metrics`"]!),
].flatMap((cell) => cell.split(", ").map((one) => code(one).replace(/\{.*/, "")));

const found = findPrometheus();
if ("why" in found) {
  it("promtool", ({ skip }) => {
    if (process.env.CI) expect.fail(found.why);
    skip(found.why);
  });
} else {
  describe("promtool", () => {
    const tool = (...args: string[]) => promtool(found.bin, args, projectPath(FOLDER));

    it("takes the configuration and its alerts", () => {
      expect(tool("check", "config", "prometheus.yaml")).toEqual({
        ok: true,
        said: expect.stringContaining(`${rules.length} rules found`),
      });
    });

    it("finds that each alert fires about what it should, and not about what it should not", () => {
      expect(tool("test", "rules", "alerts.test.yaml")).toEqual({
        ok: true,
        said: expect.stringContaining("SUCCESS"),
      });
    });

    it("takes every expression of the dashboard", () => {
      const file = join(folderOf({}), "rules.yaml");
      const recorded = shown.map((expr, i) => ({ record: `expression_${i}`, expr }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules: recorded }] }));
      expect(tool("check", "rules", file)).toEqual({
        ok: true,
        said: expect.stringContaining(`${shown.length} rules found`),
      });
    });
  });

  describe("a real Prometheus, with real Envoys, a server and a follower", () => {
    const ended: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const end of ended.splice(0).reverse()) await end();
    });

    it("finds all that is named; is silent while all is well, and alerts when it is not", async () => {
      const fleet = await FleetUnderTest.start({ envoys: 2 });
      ended.push(() => fleet.stop());
      const follower = await follow(fleet);
      ended.push(() => follower.stop().then(() => {}));
      const folder = folderOf({});
      cpSync(projectPath(FOLDER), folder, { recursive: true });
      const config = read("prometheus.yaml")
        .replace(
          /targets:(.*9901.*)/,
          `targets: ${JSON.stringify(fleet.envoys.map(({ adminPort }) => `127.0.0.1:${adminPort}`))}`,
        )
        .replace(/targets:(.*18001.*)/, `targets: ["127.0.0.1:${fleet.server!.httpPort}"]`)
        .replace(/targets:(.*18002.*)/, `targets: ["127.0.0.1:${follower.httpPort}"]`)
        .replaceAll("15s", "1s");
      writeFileSync(join(folder, "alerts.yaml"), read("alerts.yaml").replace("[5m:15s]", "[5m:1s]"));
      writeFileSync(join(folder, "prometheus.yaml"), `global: { evaluation_interval: 1s }\n${config}`);
      const prometheus = await Prometheus.start(found.bin, join(folder, "prometheus.yaml"));
      ended.push(() => prometheus.stop());
      const active = async () =>
        [...new Set((await prometheus.alerts()).map(({ labels }) => labels.alertname!))].sort();

      for (const { port } of fleet.envoys) await send({ port, host: "en.wikipedia.org" });
      const names = () => prometheus.ask<string[]>("label/__name__/values");
      const ours = documented.filter((name) => /^pointsman_(serve|follow)_/.test(name));
      await expect
        .poll(names, { timeout: 30_000 })
        .toEqual(
          expect.arrayContaining([...ours, ...OF_ENVOY, "pointsman_generation", "pointsman_requests"]),
        );
      for (const expr of shown) await prometheus.ask(`query?query=${encodeURIComponent(inGrafana(expr))}`);
      // Before its first answers it watched nothing.
      await expect.poll(active, { timeout: 10_000 }).toEqual([]);
      await sleep(3_000);
      expect(await active()).toEqual([]);

      // One of two Envoys cannot make the filter any more, and refuses whatever comes.
      writeFileSync(fleet.wasmOf(1), "no module");
      await fleet.pushedNext();
      await expect
        .poll(active, { timeout: 30_000 })
        .toEqual(["PointsmanEnvoysRefuse", "PointsmanProxyStale", "PointsmanPushRefused"]);
      // The other one may have been asked last before it had the table.
      const bad = `127.0.0.1:${fleet.envoys[1]!.adminPort}`;
      const stale = async () =>
        (await prometheus.alerts()).filter(({ labels }) => labels.alertname === "PointsmanProxyStale");
      await expect.poll(stale, { timeout: 10_000 }).toEqual([
        expect.objectContaining({
          labels: expect.objectContaining({ instance: bad, listener: "main", severity: "critical" }),
          annotations: expect.objectContaining({
            summary: `${bad} serves generation 1, which is stale`,
          }),
        }),
      ]);

      // What was refused within five minutes stays to be seen.
      await fleet.server!.stop();
      await fleet.envoys[1]!.stop();
      await follower.stop();
      await expect
        .poll(active, { timeout: 30_000 })
        .toEqual([
          "PointsmanFollowerAway",
          "PointsmanProxyAway",
          "PointsmanPushRefused",
          "PointsmanServerAway",
          "PointsmanServersAway",
        ]);
    });
  });
}

/** `pointsman follow` of the fleet's store, for files that nobody serves. */
async function follow(fleet: FleetUnderTest): Promise<Staying> {
  const where = ["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"];
  await fleet.well("render", "envoy", "--table", "first.table", "--out", "files", ...where);
  const args = ["follow", "--store", fleet.store, "--node", "n1", "--target", "envoy-files=files"];
  return Staying.start({ folder: fleet.folder, args });
}

/** As Grafana asks, without a choice of farms. */
const inGrafana = (expr: string) => expr.replaceAll("$farm", ".*");

describe("alerts.yaml", () => {
  it("has the alerts that the documents list, in their order", () => {
    const listed = ["operations.md", "fleet.md"].flatMap((document) =>
      rows(readDoc(document), "alert", "means").flatMap((row) => row.alert!.split(", ").map(code)),
    );
    expect(rules.map(({ alert }) => alert)).toEqual(listed);
  });

  it.each(rules)("$alert says how bad it is, what is so, and what to do, and where that is told", (rule) => {
    expect(rule.labels.severity).toMatch(/^(critical|warning)$/);
    expect(rule.annotations).toEqual({
      summary: expect.any(String),
      description: expect.stringMatching(/^.{40,}\.$/),
      runbook_url: expect.any(String),
    });
    const [page, section] = rule.annotations.runbook_url!.split("#");
    const document = readFileSync(projectPath(normalize(join(FOLDER, page!))), "utf8");
    expect(sections(document)).toContain(section);
  });

  it("is tried whole by alerts.test.yaml", () => {
    const fires = [
      ...read("alerts.test.yaml").matchAll(/alertname="(\w+)",alertstate="firing".*\n.*\n.*exp_samples:\n/g),
    ];
    expect(new Set(fires.map(([, name]) => name))).toEqual(new Set(rules.map(({ alert }) => alert)));
  });
});

describe("dashboard.json", () => {
  it("has panels that do not lie on one another, each with its own id and the source that is chosen", () => {
    const { panels, templating } = dashboard;
    expect(templating.list.map(({ name }) => name)).toEqual(["datasource", "farm"]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, datasource, gridPos, targets } of panels) {
      expect([title, datasource.uid]).toEqual([title, `\${datasource}`]);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      const { x, y, w, h } = gridPos;
      expect(x + w, title).toBeLessThanOrEqual(24);
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          expect(taken, title).not.toContain(`${i} ${j}`);
          taken.add(`${i} ${j}`);
        }
      }
    }
  });
});

it("every metric of ours that is named is in the documents", () => {
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !name.startsWith("envoy_") && !documented.includes(name))).toEqual([]);
});

/** The anchors of a document's headings. */
const sections = (document: string): string[] =>
  [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .trim()
      .replaceAll(" ", "-"),
  );
