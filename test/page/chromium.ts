/** One Chromium for a file of tests, and whether there is one. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { findChromium, startChromium } from "../support/chromium.ts";

const found = findChromium();
const why = "why" in found ? found.why : null;
if (why !== null && process.env.CI) throw new Error(why);

/** Tests in a browser; skipped where there is none, which in CI is a failure. */
export function describeInChromium(title: string, tests: (browser: () => Browser) => void): void {
  describe.skipIf(why !== null)(`${title}${why === null ? "" : ` (skipped: ${why})`}`, () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await startChromium(found as Exclude<typeof found, { why: string }>);
    });
    afterAll(() => browser.close());
    tests(() => browser);
  });
}
