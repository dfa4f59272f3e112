/** Progress is written for long work only. */
import { expect, test } from "vitest";
import { progressLines } from "./progress.ts";

test("progress is told of long work alone, and a line a second", () => {
  let time = 0;
  const lines: string[] = [];
  const progress = progressLines(
    (line) => lines.push(line),
    () => time,
  );
  for (; time <= 4000; time += 100) progress("placing wikis", time, 8000);
  progress("reading hosts");
  time += 1000;
  progress("reading hosts");
  expect(lines).toEqual([
    "placing wikis … 25 %\n",
    "placing wikis … 37 %\n",
    "placing wikis … 50 %\n",
    "reading hosts …\n",
  ]);
});
