/** How long, as people write it. */

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

/** `90s`, `5m`, `2h`: in the largest unit that fits. */
export function showSeconds(seconds: number): string {
  const unit = ["d", "h", "m"].find((one) => seconds > 0 && seconds % SECONDS[one]! === 0) ?? "s";
  return `${seconds / SECONDS[unit]!}${unit}`;
}
