/** A log that is dropped on the page, in a real Chromium. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { projectPath } from "../support/data.ts";
import { bytesOf, plainListener, plainPlan } from "../support/plans.ts";
import { seriousFindings } from "./axe.ts";
import { describeInChromium } from "./chromium.ts";
import { openPage } from "./open-page.ts";

const EVIL = "<img src=x onerror=hit=1>";

describeInChromium("A log on the page", (browser) => {
  it("is grouped, with what another table changes; a hostile line is text, and nothing is asked for", async () => {
    const { page, asked, wrong } = await openPage(browser(), { viewport: { width: 390, height: 800 } });
    await page.getByRole("tab", { name: "Log" }).click();
    const log = page.locator(".log");
    const choose = (label: string, name: string, buffer: Buffer) =>
      log.getByLabel(label).setInputFiles({ name, mimeType: "", buffer });
    const hostile = [
      "<svg onload=hit=1>",
      '1.2.3.4 - - [x] "GET http://<img>/ HTTP/1.1" 200',
      JSON.stringify({ authority: "localhost", path: "/<script>hit=1</script>", method: "GET" }),
    ];
    const text = `${hostile.join("\n")}\n${readFileSync(projectPath("examples/access.log"), "utf8")}`;
    await choose("A log", `${EVIL}\u202e.log`, Buffer.from(text));
    const status = () => log.getByRole("status").innerText();
    await expect.poll(status).toContain(`${EVIL}\\u202e.log: 10 lines, `);
    const plan = plainPlan({ clusters: [["<script>hit=1</script>"]], listeners: [plainListener()] });
    await choose("Another table", "b.table", Buffer.from(bytesOf(plan)));
    await expect.poll(status).toMatch(/, \d+ would change$/);
    const rows = await log.locator("tr").allInnerTexts();
    expect(rows).toContain("1\tmw-api-1-47-0-wmf-1");
    expect(rows).toContain("3\tmw-web-1-47-0-wmf-1 → <script>hit=1</script>\tline 2: GET <img>/");
    expect(rows).toContain("1\t<img>");
    expect(rows).toContain(
      "2\t(none: passed through) → <script>hit=1</script>\tline 3: GET localhost/<script>hit=1</script>",
    );
    expect(await log.locator("li").allInnerTexts()).toEqual([
      "line 1: the line is neither JSON nor an access-log line of a known form",
    ]);
    expect(await page.locator("#page :is(svg, script, img, iframe, a)").count()).toBe(0);
    expect(await page.evaluate(() => "hit" in globalThis)).toBe(false);
    expect(wrong).toEqual([]);
    expect(asked.map((url) => url.replace(/.*\//, ""))).toEqual([
      "index.html",
      "page.css",
      "page.js",
      "tables.js",
    ]);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.context().close();
  });
});
