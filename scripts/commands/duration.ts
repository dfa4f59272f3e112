/** How long, as options say it. */
import { InvalidArgumentError } from "commander";

const MILLISECONDS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3 };

/** In milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new InvalidArgumentError("How long looks like 10s, 5m or 1h.");
  return Number(number) * MILLISECONDS[unit!]!;
}
