/** Who asks: the client's address, as text for shares, and as digits of which a network is a beginning. */
import type { Listener } from "../plan.ts";
import { FORWARDED, forwardedFor } from "./forwarded.ts";

/**
 * On an internal listener X-Forwarded-For says who asked, on an edge the connection does; "" where nobody knows it.
 *
 * @param listener null: X-Forwarded-For is not read
 */
export function clientAddress(
  connection: string,
  headers: ReadonlyMap<string, readonly string[]>,
  listener: Pick<Listener, "trust" | "trustedHops"> | null,
): string {
  if (listener?.trust !== "internal") return connection;
  return forwardedFor(headers.get(FORWARDED) ?? [], listener.trustedHops) || connection;
}

/**
 * `4` and 8 hexadecimal digits, or `6` and 32; null for a text that is no address. IPv4 that is written as IPv6 is
 * IPv4; a zone (`fe80::1%eth0`) does not count.
 */
export function addressDigits(text: string): string | null {
  const four = readFour(text);
  if (four !== null) return `4${four}`;
  const six = readSix(text.split("%", 1)[0]!);
  if (six === null) return null;
  const mapped = `${"0".repeat(20)}ffff`;
  return six.startsWith(mapped) ? `4${six.slice(mapped.length)}` : `6${six}`;
}

function readFour(text: string): string | null {
  const numbers = text.split(".");
  // A zero in front would make it octal to some.
  const isOne = (number: string) => /^(0|[1-9]\d{0,2})$/.test(number) && Number(number) <= 255;
  return numbers.length === 4 && numbers.every(isOne) ? numbers.map((n) => hex(Number(n), 2)).join("") : null;
}

/** Groups between `:`; `::` stands, once, for those that are zero; the last two may be as in IPv4. */
function readSix(text: string): string | null {
  const [before, after, ...more] = text.split("::").map(readGroups);
  if (before === undefined || before === null || after === null || more.length > 0) return null;
  if (after === undefined) return before.digits.length === 32 ? before.digits : null;
  if (before.hasFour) return null;
  const zeros = 32 - before.digits.length - after.digits.length;
  return zeros < 4 ? null : before.digits + "0".repeat(zeros) + after.digits;
}

interface Groups {
  digits: string;
  /** The last of them is an IPv4 address. */
  hasFour: boolean;
}

function readGroups(text: string): Groups | null {
  if (text === "") return { digits: "", hasFour: false };
  const groups = text.split(":");
  const four = readFour(groups.at(-1)!);
  const plain = four === null ? groups : groups.slice(0, -1);
  if (!plain.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  const digits = plain.map((group) => group.toLowerCase().padStart(4, "0")).join("") + (four ?? "");
  return { digits, hasFour: four !== null };
}

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0");
