/** How long, as options say it. */
import { InvalidArgumentError } from "commander";

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** So long from now, a year still has four digits. */
const SECONDS_AT_MOST = 999_999 * 86_400;

/** `90s` in the units that are allowed, as `smh`; null: it is none such. */
export function secondsOf(text: string, units: string): number | null {
  const [, number, unit = ""] = /^(\d{1,8})([a-z])$/.exec(text) ?? [];
  if (number === undefined || !units.includes(unit)) return null;
  const seconds = Number(number) * SECONDS[unit]!;
  return seconds > SECONDS_AT_MOST ? null : seconds;
}

/** What a timer can wait for: some 24 days. */
const MS_AT_MOST = 2 ** 31 - 1;

/** In milliseconds. */
export function parseDuration(text: string): number {
  const seconds = secondsOf(text, "smh");
  if (!seconds || seconds * 1000 > MS_AT_MOST)
    throw new InvalidArgumentError("How long looks like 10s, 5m or 1h. At most 596h.");
  return seconds * 1000;
}
