/** The built page in a browser, opened as from a file share, with what it asked for and what went wrong in it. */
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { projectPath } from "../support/data.ts";

const PAGE = projectPath("build/page/index.html");

export interface OpenedPage {
  page: Page;
  /** URLs of all requests, the page's own included. */
  asked: string[];
  /** What was thrown, logged as an error, or refused by the page's policy. */
  wrong: string[];
}

export interface OpenOptions extends BrowserContextOptions {
  /** With its `#`. */
  fragment?: string;
  /** Its index.html. */
  file?: string;
}

export async function openPage(browser: Browser, options: OpenOptions = {}): Promise<OpenedPage> {
  const { fragment = "", file = PAGE, ...context } = options;
  const page = await (await browser.newContext(context)).newPage();
  const asked: string[] = [];
  const wrong: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  await page.goto(pathToFileURL(file).href + fragment);
  return { page, asked, wrong };
}

/** Opens a table as a person does, by the page's own field. */
export async function openFile(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const buffer = Buffer.from(bytes);
  await page.getByLabel("Open a table").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  await page.locator(".table-of-page").getByText(name).first().waitFor();
}
