/** Addresses as digits, held against what Node makes of them. */
import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressDigits } from "./client.ts";

describe("the digits of an address", () => {
  it.each<[string, string | null]>([
    ["10.1.2.255", "40a0102ff"],
    ["0.0.0.0", "400000000"],
    ["::", `6${"0".repeat(32)}`],
    ["2001:DB8::1", `620010db8${"0".repeat(23)}1`],
    ["1::", `60001${"0".repeat(28)}`],
    ["1:2:3:4:5:6:7:8", "600010002000300040005000600070008"],
    ["::ffff:192.0.2.1", "4c0000201"],
    ["::ffff:c000:201", "4c0000201"],
    ["64:ff9b::192.0.2.1", `60064ff9b${"0".repeat(16)}c0000201`],
    ["1:2:3:4:5:6:1.2.3.4", "600010002000300040005000601020304"],
    ["fe80::1%eth0", `6fe80${"0".repeat(27)}1`],
    ["", null],
    ["unknown", null],
    ["10.1.2", null],
    ["10.1.2.256", null],
    ["010.1.2.3", null],
    ["10.1.2.3.4", null],
    ["10.1.2.3:80", null],
    ["[::1]", null],
    [":", null],
    [":::", null],
    ["1:", null],
    [":1", null],
    ["1::2::3", null],
    ["1:2:3:4:5:6:7", null],
    ["1:2:3:4:5:6:7:8:9", null],
    ["1:2:3:4:5:6:7::8", null],
    ["1:2:3:4::5:6:7:8", null],
    ["12345::", null],
    ["g::", null],
    ["1.2.3.4::", null],
    ["::1.2.3", null],
    ["::1.2.3.4:5", null],
  ])("of %j are %s", (text, digits) => {
    expect(addressDigits(text)).toBe(digits);
  });

  it("are there for what Node calls an address, and for nothing else", () => {
    const part = fc.constantFrom(":", "::", ".", "0", "1", "255", "256", "ffff", "a", "1.2.3.4", "%", "-");
    const near = fc.array(part, { maxLength: 17 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), near), (text) => {
        const withoutZone = text.split("%", 1)[0]!;
        // Node takes `1:2:3:4::5:6:7:8`, in which `::` stands for nothing.
        const full = withoutZone.split(/::?/).filter(Boolean).length;
        const isAddress = isIPv4(text) || (isIPv6(withoutZone) && !(withoutZone.includes("::") && full > 7));
        expect(addressDigits(text) !== null, text).toBe(isAddress);
      }),
      { numRuns: 5000 },
    );
  });
});
