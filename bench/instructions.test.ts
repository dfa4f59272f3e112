/** The count of instructions, and what it must not exceed. */
import { expect, test } from "vitest";
import { whyNoCallgrind } from "./callgrind.ts";
import { MOST_ABOVE, measureRatio, readRecord } from "./ratio.ts";

const missing = await whyNoCallgrind();

test.skipIf(missing !== null)(
  `the filter costs a request no more instructions than recorded${missing === null ? "" : ` (skipped: ${missing})`}`,
  async () => {
    const recorded = await readRecord();
    const measured = await measureRatio();
    const thousands = (count: number) => (count / 1000).toFixed(1);
    const seen = `${measured.ratio.toFixed(3)} times the filter that does nothing (${thousands(measured.pointsman)} k instructions above no filter to ${thousands(measured.returnsAtOnce)} k)`;
    const wayOut =
      "if that is meant, record it: npm run bench -- --record; if not, npm run bench -- --only requests says more";
    expect(measured.ratio, `${seen}, recorded ${recorded.ratio}: ${wayOut}`).toBeLessThanOrEqual(
      recorded.ratio * MOST_ABOVE,
    );
  },
  180_000,
);
