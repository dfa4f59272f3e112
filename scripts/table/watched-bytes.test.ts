/** Which bytes a look-up reads. */
import { expect, it } from "vitest";
import { bytesOf, plainPlan } from "../../test/support/plans.ts";
import { Table } from "./table.ts";
import { joined, WatchedBytes } from "./watched-bytes.ts";

it("spans are joined where they touch, and empty ones are none", () => {
  const spans = [
    { start: 8, end: 9 },
    { start: 0, end: 2 },
    { start: 2, end: 4 },
    { start: 1, end: 3 },
    { start: 6, end: 6 },
  ];
  expect(joined(spans)).toEqual([
    { start: 0, end: 4 },
    { start: 8, end: 9 },
  ]);
});

it("the bytes of a look-up are those without which it says something else, and it reads none outside", () => {
  const bytes = bytesOf(plainPlan());
  const raw = new WatchedBytes(bytes);
  const table = new Table(bytes, raw);
  const { found, read } = raw.during(() => table.release(0));
  expect(found).toEqual(new Table(bytes).release(0));
  const without = (isRead: boolean) => {
    const copy = bytes.map((byte, at) =>
      read.some(({ start, end }) => at >= start && at < end) === isRead ? 0 : byte,
    );
    bytes.set(copy);
  };
  const before = bytes.slice();
  without(false);
  expect(table.release(0)).toEqual(found);
  bytes.set(before);
  without(true);
  expect(() => expect(table.release(0)).toEqual(found)).toThrow();
});
