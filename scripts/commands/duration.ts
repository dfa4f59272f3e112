/** How long, as options say it. */
import { InvalidArgumentError } from "commander";
import { secondsOf } from "../seconds.ts";

/** What a timer can wait for: some 24 days. */
const MS_AT_MOST = 2 ** 31 - 1;

/** In milliseconds. */
export function parseDuration(text: string): number {
  const seconds = secondsOf(text, "smh");
  if (!seconds || seconds * 1000 > MS_AT_MOST)
    throw new InvalidArgumentError("How long looks like 10s, 5m or 1h. At most 596h.");
  return seconds * 1000;
}
