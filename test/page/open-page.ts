/** The built page in a browser, with what it asked for and what went wrong in it. */
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { projectPath } from "../support/data.ts";

export const PAGE = projectPath("build/page/index.html");

export interface OpenedPage {
  page: Page;
  /** URLs of all requests, the page's own included. */
  asked: string[];
  /** What was thrown, logged as an error, or refused by the page's policy. */
  wrong: string[];
}

/** @param fragment with its `#`, or nothing */
export async function openPage(
  browser: Browser,
  {
    fragment = "",
    file = PAGE,
    ...options
  }: BrowserContextOptions & { fragment?: string; file?: string } = {},
): Promise<OpenedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const asked: string[] = [];
  const wrong: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  await page.goto(pathToFileURL(file).href + fragment);
  return { page, asked, wrong };
}
