import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { Problems, quote, quoteAll, SourceError, SourceErrors } from "./problem.ts";

describe("SourceError", () => {
  test("begins with as much of the place as is known", () => {
    expect(new SourceError({ file: "f" }, "bad").message).toBe("f: bad");
    expect(new SourceError({ file: "f", line: 2 }, "bad").message).toBe("f:2: bad");
    expect(new SourceError({ file: "f", line: 2, column: 3 }, "bad").message).toBe("f:2:3: bad");
  });

  test("is its own only problem", () => {
    const error = new SourceError({ file: "f" }, "bad");
    expect(error.problems).toEqual([error]);
  });
});

describe("Problems", () => {
  test("throws nothing when nothing was found", () => {
    expect(() => new Problems().throwIfAny()).not.toThrow();
  });

  test("throws a single problem as itself", () => {
    const problems = new Problems();
    const error = new SourceError({ file: "f" }, "bad");
    problems.keep(error);
    expect(() => problems.throwIfAny()).toThrow(error);
  });

  test("throws several together, at the place of the first, a line each, the same one once", () => {
    const problems = new Problems();
    problems.add({ file: "a", line: 1 }, "one");
    problems.add({ file: "b", line: 2 }, "two");
    problems.add({ file: "a", line: 1 }, "one");
    const thrown = problems.attempt(() => problems.throwIfAny());
    expect(thrown).toBeUndefined();
    let caught: unknown;
    try {
      problems.throwIfAny();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(SourceErrors);
    expect(caught).toMatchObject({ file: "a", line: 1, message: "a:1: one\nb:2: two" });
    expect((caught as SourceErrors).problems).toHaveLength(2);
  });

  test("lets errors of another kind through", () => {
    const step = () => {
      throw new TypeError("a bug");
    };
    expect(() => new Problems().attempt(step)).toThrow(TypeError);
  });
});

test("quoted text is short, on one line, and shows what is invisible", () => {
  expect(quote("enwiki")).toBe("`enwiki`");
  expect(quote("a\tb\r\n\u{feff}\u00a0c d")).toBe("`a\\tb\\r\\n\\u{feff}\\u{a0}c d`");
  expect(quote("x".repeat(1000))).toHaveLength(83);
});

test("a long list of names is cut and counted", () => {
  expect(quoteAll(["a", "b"])).toBe("`a`, `b`");
  expect(quoteAll(Array.from({ length: 23 }, (_, i) => `w${i}`))).toMatch(/`w19` and 3 more$/);
});

test("so many problems that they have one cause are counted, not all told", () => {
  const problems = new Problems();
  for (let line = 1; line <= 150; line++) problems.add({ file: "f", line }, "is wrong");
  problems.add({ file: "f", line: 1 }, "is wrong");
  const told = problemsOf(() => problems.throwIfAny());
  expect(told).toHaveLength(101);
  expect(told.at(-2)).toBe("f:100: is wrong");
  expect(told.at(-1)).toMatch(/^f: and 5[01] more problems$/);
});
