/** Sorting many texts gives the engine's own order. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { sortTexts } from "./sort-texts.ts";

it("is that of the engine's own sort, equal texts in the order given", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "-", ".", "ÿ"), maxLength: 5 });
  fc.assert(
    fc.property(fc.array(text), (texts) => {
      const { texts: sorted, order } = sortTexts(texts);
      expect(sorted).toEqual([...texts].sort());
      expect([...order].map((n) => texts[n])).toEqual(sorted);
      const inTurn = order.every((n, i) => i === 0 || sorted[i - 1] !== sorted[i] || order[i - 1]! < n);
      expect(inTurn).toBe(true);
    }),
    { seed: 1 },
  );
});
