/** A farm that is edited on the page, in a real Chromium: what the real CLI says of the same files. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { expect, it } from "vitest";
import { folder, read, run, setUpCli } from "../support/cli.ts";
import { projectPath } from "../support/data.ts";
import { seriousFindings } from "./axe.ts";
import { describeInChromium } from "./chromium.ts";
import { openPage } from "./open-page.ts";

setUpCli();

const EVIL = "<img src=x onerror=hit=1>";

/** The digest that the CLI gives the farm, in short as the page does. */
const digestOf = (farm: string): string =>
  JSON.parse(run(["pack", "--farm", farm, "--out", "-", "--json"]).err.split("\n").at(-2)!).digest.slice(
    0,
    12,
  );

const status = (page: Page) => page.locator("#panel-farm [role=status]").innerText();
const digest = (page: Page) => page.locator(".table-of-page code").innerText();
const problems = (page: Page) => page.locator(".problems button").allInnerTexts();

/** Pastes over all of the text, as a person does. */
async function paste(text: Locator, all: string): Promise<void> {
  await text.press("Control+A");
  await text.evaluate((editor, all) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", all);
    editor.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData }));
  }, all);
}

/** Drops what lies at the path, a folder too, as from a file manager. */
async function drop(page: Page, on: Locator, path: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const { x, y } = (await on.boundingBox())!;
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await devtools.send("Input.dispatchDragEvent", { type, x: x + 5, y: y + 5, data });
}

describeInChromium("A farm on the page", (browser) => {
  it("is edited: what is wrong stands on its line in the CLI's words, and a good one is asked", async () => {
    const { page, asked, wrong } = await openPage(browser(), { viewport: { width: 390, height: 800 } });
    await page.getByRole("tab", { name: "Farm" }).click();
    const files = () => asked.map((url) => url.replace(/.*\//, ""));
    expect(files()).toEqual(["index.html", "page.css", "page.js"]);
    await page.getByRole("button", { name: "Edit examples/small" }).click();
    await expect.poll(() => status(page)).toMatch(/^A table of \d+ bytes: the page asks it now\.$/);
    expect(files().at(-1)).toBe("farm.js");
    expect(await digest(page)).toBe(digestOf("farm/farm.yaml"));

    const good = read("farm/farm.yaml").toString();
    const bad = good
      .replace("default: mw-web", "default: mw-wbe")
      .replace("wiki: handbook }", `wiki: "${EVIL}" }`);
    writeFileSync(join(folder, "farm/farm.yaml"), bad);
    const { err } = run(["pack", "--farm", "farm/farm.yaml", "--out", "x"]);
    const text = page.getByRole("textbox", { name: "Text of examples/small/farm.yaml" });
    await paste(text, bad);
    const said = err.trim().split("\n");
    expect(said.length).toBeGreaterThan(1);
    await expect
      .poll(() => problems(page))
      .toEqual(said.map((line) => `error: ${line.replace("farm/", "examples/small/")}`));
    expect(await status(page)).toContain("the page still asks the table before");
    const marked = await page.locator(".cm-gutter-lint .cm-lint-marker-error").count();
    expect(marked).toBe(new Set(said.map((line) => line.split(":")[1])).size);
    await page.locator(".problems button").last().click();
    const line = await page.locator(".cm-line").evaluateAll((lines) => {
      const { anchorNode } = (lines[0]!.getRootNode() as unknown as Document).getSelection()!;
      return 1 + lines.findIndex((one) => one.contains(anchorNode));
    });
    expect(line).toBe(Number(said.at(-1)!.split(":")[1]));
    expect(await page.locator("#page :is(svg, script, img, iframe, a)").count()).toBe(0);
    expect(await page.evaluate(() => "hit" in globalThis)).toBe(false);

    const other = good.replace(
      "{ path: { under: /w/api.php }, deployment: mw-api }",
      "{ path: { under: /w }, deployment: mw-api }",
    );
    writeFileSync(join(folder, "farm/farm.yaml"), other);
    await paste(text, other);
    await expect.poll(() => digest(page)).toBe(digestOf("farm/farm.yaml"));
    expect(await problems(page)).toEqual([]);
    await page.getByRole("tab", { name: "Playground" }).click();
    await page.getByLabel("A URL, a curl command").fill("https://de.wikipedia.org/w/index.php");
    const at = 1 + other.split("\n").findIndex((line) => line.includes("under: /w "));
    await expect
      .poll(() => page.locator(".rung .what").allInnerTexts())
      .toContainEqual(expect.stringContaining(`farm.yaml:${at}`));
    await page.getByRole("tab", { name: "Compare" }).click();
    const cells = page.locator(".compare tr", { hasText: "Cluster: changes" }).locator("td");
    await expect.poll(() => cells.allInnerTexts()).toEqual(["mw-web-1-47-0-wmf-1", "mw-api-1-47-0-wmf-1"]);
    await page.getByRole("tab", { name: "Log" }).click();
    const log = `1.2.3.4 - - [x] "GET http://de.wikipedia.org/w/index.php HTTP/1.1" 200\n`;
    await page
      .locator(".log")
      .getByLabel("A log")
      .setInputFiles({ name: "a.log", mimeType: "", buffer: Buffer.from(log) });
    await expect
      .poll(() => page.locator(".log tr").allInnerTexts())
      .toContainEqual(expect.stringMatching(/^1\tmw-web-1-47-0-wmf-1 → mw-api-1-47-0-wmf-1\t/));
    expect(wrong).toEqual([]);
    await page.getByRole("tab", { name: "Farm" }).click();
    await paste(text, bad);
    await expect.poll(() => problems(page)).toHaveLength(said.length);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(files()).toEqual(["index.html", "page.css", "page.js", "farm.js", "tables.js"]);
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });

  it("is a folder with lists, or files that were chosen one by one; what is none says so", async () => {
    const { page, wrong } = await openPage(browser());
    await page.getByRole("tab", { name: "Farm" }).click();
    const tenants = projectPath("examples/tenants");
    const expected = digestOf(join(tenants, "farm.yaml"));
    await page.getByLabel("Its folder").setInputFiles(tenants);
    await expect.poll(() => digest(page)).toBe(expected);
    await page.getByRole("button", { name: "Edit examples/small" }).click();
    await expect.poll(() => digest(page)).not.toBe(expected);
    await drop(page, page.getByLabel("Its folder"), tenants);
    await expect.poll(() => digest(page)).toBe(expected);
    await page.getByRole("combobox", { name: "File" }).selectOption("tenants/lists/all.dblist");
    const list = readFileSync(join(tenants, "lists/all.dblist"), "utf8");
    await paste(page.getByRole("textbox", { name: "Text of tenants/lists/all.dblist" }), `${list}No Wiki\n`);
    const at = list.split("\n").length;
    await expect
      .poll(() => problems(page))
      .toEqual([
        expect.stringContaining(`error: tenants/lists/all.dblist:${at}:1: \`No Wiki\` is not a wiki ID`),
      ]);

    const alone = ["farm.yaml", "hosts.tsv", "versions.json", "lists/all.dblist"];
    const field = page.getByLabel("Or farm.yaml and the files that it names");
    await field.setInputFiles(alone.map((name) => join(tenants, name)));
    await expect
      .poll(() => page.getByRole("combobox", { name: "File" }).locator("option").allInnerTexts())
      .toContain("all.dblist");
    await expect.poll(() => status(page)).toContain("the page asks it now");
    expect(await digest(page)).toBe(expected);
    await field.setInputFiles({ name: "a.txt", mimeType: "", buffer: Buffer.from("x") });
    await expect
      .poll(() => page.locator("#panel-farm [role=alert]").allInnerTexts())
      .toContain("among 1 file there is no file of YAML: choose farm.yaml and what it names");
    expect(wrong).toEqual([]);
    await page.context().close();
  });
});
