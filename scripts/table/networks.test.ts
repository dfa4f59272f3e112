/** Networks, from farm.yaml's words to digits and back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressDigits } from "./client.ts";
import { digitsOfNetwork, networksOf } from "./networks.ts";

describe("a network", () => {
  it.each<[string, string[]]>([
    ["10.0.0.0/8", ["40a"]],
    ["10.0.0.0/9", ["40a0", "40a1", "40a2", "40a3", "40a4", "40a5", "40a6", "40a7"]],
    ["0.0.0.0/0", ["4"]],
    ["::/0", ["6"]],
    ["192.0.2.1", ["4c0000201"]],
    ["192.0.2.1/32", ["4c0000201"]],
    ["2001:db8::/32", ["620010db8"]],
    ["::ffff:10.0.0.0/104", ["40a"]],
  ])("%s is what begins with %j", (text, digits) => {
    expect(digitsOfNetwork(text)).toEqual(digits);
  });

  it.each<[string, ReturnType<typeof digitsOfNetwork>]>([
    ["10.0.0.0/33", "no network"],
    ["10.0.0.0/08", "no network"],
    ["10.0.0.0/", "no network"],
    ["10.0.0.0/8/8", "no network"],
    ["::ffff:10.0.0.0/8", "no network"],
    ["fe80::1%eth0/64", "no network"],
    ["10.0.0.1/8", { write: "10.0.0.0/8" }],
    ["2001:db8::1/32", { write: "2001:db8::/32" }],
  ])("%s is none", (text, why) => {
    expect(digitsOfNetwork(text)).toEqual(why);
  });

  it("has those addresses whose first bits are its own, and is told as it was written", () => {
    const bits = (digits: string) =>
      [...digits.slice(1)].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, address, fc.nat(128), (one, other, size) => {
        const of = addressDigits(one)!;
        const length = Math.min(size, of.length === 9 ? 32 : 128);
        const asked = digitsOfNetwork(`${one.includes(":") && of.length === 9 ? "10.0.0.0" : one}/${length}`);
        if (asked === "no network") throw new Error(one);
        const text = "write" in asked ? asked.write : networksOf(asked)[0]!;
        const network = digitsOfNetwork(text) as string[];
        expect(networksOf(network)).toEqual([text]);
        const base = addressDigits(text.split("/")[0]!)!;
        for (const candidate of [of, addressDigits(other)!]) {
          const isIn =
            candidate[0] === base[0] && bits(candidate).slice(0, length) === bits(base).slice(0, length);
          expect(network.some((digits) => candidate.startsWith(digits))).toBe(isIn);
        }
      }),
    );
  });

  it("that no farm writes is told as a table has it", () => {
    const odd = ["", "5", "4c00002011", `6${"0".repeat(33)}`, "40A"];
    expect(networksOf(["40a", ...odd])).toEqual(["10.0.0.0/8", ...odd.map((one) => JSON.stringify(one))]);
  });
});
