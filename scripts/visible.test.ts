/** Texts of strangers, made safe for a terminal. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { visible, visibleOnLine } from "./visible.ts";

test("shows what a terminal would obey, and nothing else", () => {
  expect(visible("a\u{1b}[31m\u{9b}2J\r\b\0\u{7f}\u{202e}\u{2028}é☕\u{200d}\n\tb")).toBe(
    "a\\u001b[31m\\u009b2J\\u000d\\u0008\\u0000\\u007f\\u202e\\u2028é☕\u{200d}\n\tb",
  );
  expect(visibleOnLine("a\nb\tc")).toBe("a\\u000ab\\u0009c");
});

test("leaves what a line of JSON says", () => {
  fc.assert(
    fc.property(fc.json(), fc.string({ unit: "binary" }), (json, text) => {
      const value = { json: JSON.parse(json), text };
      const line = visible(JSON.stringify(value));
      expect(JSON.parse(line)).toEqual(value);
      expect(line).not.toMatch(/[\p{Cc}\u{2028}\u{2029}]/u);
    }),
  );
});
