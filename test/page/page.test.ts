/** The page in a real Chromium, opened as a file, as from a file share. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, startChromium } from "../support/chromium.ts";
import { openPage } from "./open-page.ts";

const found = findChromium();
const why = "why" in found ? found.why : null;
if (why !== null && process.env.CI) throw new Error(why);

describe.skipIf(why !== null)(`The page${why === null ? "" : ` (skipped: ${why})`}`, () => {
  let browser: Browser;
  let page: Page;
  let asked: string[];

  beforeAll(async () => {
    browser = await startChromium(found as Exclude<typeof found, { why: string }>);
    ({ page, asked } = await openPage(browser));
  });
  afterAll(() => browser.close());

  it("opens from a file, on the small farm's table, and asks for nothing but its own files", async () => {
    expect(await page.getByRole("tab").allInnerTexts()).toEqual([
      "Playground",
      "Compare",
      "Log",
      "Train board",
    ]);
    expect(await page.getByText("Asked is").innerText()).toMatch(/^Asked is examples\/small: \d/);
    expect(asked.map((url) => url.replace(/.*\//, ""))).toEqual(["index.html", "page.css", "page.js"]);
  });

  it("has tabs for the keyboard: arrows, Home and End", async () => {
    await page.getByRole("tab", { name: "Playground" }).focus();
    const walked: string[] = [];
    for (const key of ["ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"]) {
      await page.keyboard.press(key);
      walked.push(await page.locator("[role=tabpanel]:visible").getAttribute("aria-labelledby").then(String));
    }
    expect(walked).toEqual(
      ["compare", "board", "playground", "board", "playground"].map((id) => `tab-${id}`),
    );
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("tab-playground");
  });
});
