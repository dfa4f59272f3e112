/** What axe-core finds wrong in a page. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { projectPath } from "../support/data.ts";

const source = readFileSync(projectPath("node_modules/axe-core/axe.min.js"), "utf8");

/** Serious and critical findings, each with the elements. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // By the debugger: the page's policy lets no script in.
  await page.evaluate(source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}
