/** The number of a text among many. */
import { expect, it } from "vitest";
import { TextIndex } from "./text-index.ts";

it("tells the number of each text, and of no other", () => {
  const texts = Array.from({ length: 1000 }, (_, n) => `wiki${n}`);
  const index = new TextIndex(texts);
  expect(texts.map((text) => index.number(text))).toEqual([...texts.keys()]);
  expect(index.number("wiki1000")).toBe(-1);
  expect(index.number("")).toBe(-1);
});

it("of no texts has none", () => {
  expect(new TextIndex([]).number("")).toBe(-1);
});
