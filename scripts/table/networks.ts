/** Networks as farm.yaml writes them (`10.0.0.0/8`), and as beginnings of an address's digits, as a table has them. */
import { addressDigits } from "./client.ts";

/**
 * The beginnings that the digits of its addresses have: `10.0.0.0/9` → `40a0`…`40a7`, as a digit is four bits. An address
 * alone is a network of one. Of a text with bits behind its prefix, the network that it is in.
 */
export function digitsOfNetwork(text: string): string[] | "no network" | { write: string } {
  const [address, size, ...more] = text.split("/");
  const digits = addressDigits(address!);
  if (digits === null || address!.includes("%") || more.length > 0) return "no network";
  if (size !== undefined && !/^(0|[1-9]\d{0,2})$/.test(size)) return "no network";
  const written = address!.includes(":") ? 128 : 32;
  const all = 4 * (digits.length - 1);
  const bits = size === undefined ? all : Number(size) - (written - all);
  if (bits < 0 || bits > all) return "no network";
  const binary = binaryOf(digits);
  const network = binary.slice(0, bits);
  if (binary.slice(bits).includes("1")) return { write: networkText(digits[0]!, network) };
  const open = (4 - (bits % 4)) % 4;
  return Array.from({ length: 2 ** open }, (_, i) => {
    const end = open === 0 ? "" : i.toString(2).padStart(open, "0");
    return digits[0]! + digitsOf(network + end);
  });
}

/**
 * The networks whose addresses begin so, as few as there are. What no farm writes, and a table may still hold, as it is.
 */
export function networksOf(beginnings: readonly string[]): string[] {
  const isNetwork = (one: string) => /^(4[0-9a-f]{0,8}|6[0-9a-f]{0,32})$/.test(one);
  const found = new Set(beginnings.filter(isNetwork).map((one) => one[0]! + binaryOf(one)));
  for (const one of [...found].sort((a, b) => b.length - a.length)) merge(found, one);
  return [
    ...[...found].sort().map((one) => networkText(one[0]!, one.slice(1))),
    ...beginnings.filter((one) => !isNetwork(one)).map((one) => JSON.stringify(one)),
  ];
}

/** With its other half a network is half of a larger one. */
function merge(found: Set<string>, one: string): void {
  if (one.length === 1 || !found.has(one)) return;
  const whole = one.slice(0, -1);
  const other = whole + (one.endsWith("0") ? "1" : "0");
  if (!found.has(other)) return;
  found.delete(one);
  found.delete(other);
  found.add(whole);
  merge(found, whole);
}

const binaryOf = (digits: string) =>
  [...digits.slice(1)].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");

const digitsOf = (binary: string) =>
  (binary.match(/.{4}/g) ?? []).map((four) => Number.parseInt(four, 2).toString(16)).join("");

function networkText(kind: string, network: string): string {
  if (kind === "4") {
    const bytes = network.padEnd(32, "0").match(/.{8}/g)!;
    return `${bytes.map((byte) => Number.parseInt(byte, 2)).join(".")}/${network.length}`;
  }
  const groups = digitsOf(network.padEnd(128, "0")).match(/.{4}/g)!;
  return `${new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1)}/${network.length}`;
}
