/** Errors that name file, line and column. */
import { describe, expect, test } from "vitest";
import { oneACause, Problems, quote, quoteAll, SourceError, SourceErrors } from "./problem.ts";

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

  test("counts what it does not keep, through as many hands as it goes", () => {
    const said = (count: number) => {
      let problems = new Problems();
      for (let line = 1; line <= count; line++) problems.add({ file: "f", line }, `\`w${line}\` is bad`);
      for (let hands = 0; hands < 2; hands++) {
        const next = new Problems();
        next.attempt(() => problems.throwIfAny());
        problems = next;
      }
      try {
        problems.throwIfAny();
        return "";
      } catch (error) {
        return (error as SourceError).message.split("\n").at(-1);
      }
    };
    expect(said(1000)).toMatch(/^f:1: `w1` is bad \(and 999 more like it/);
    expect(said(1001)).toBe("f: and 1 more problem");
    expect(said(2000)).toBe("f: and 1000 more problems");
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

describe("problems of one cause", () => {
  const unknown = (i: number) =>
    new SourceError({ file: "f", line: i }, `\`w${i}\` is none of ${i + 3}: \`mend\` it`);
  const some = (count: number) => Array.from({ length: count }, (_, i) => unknown(i + 1));

  test("are told one by one while they are few", () => {
    expect(oneACause(some(3))).toEqual([
      "f:1: `w1` is none of 4: `mend` it",
      "f:2: `w2` is none of 5: `mend` it",
      "f:3: `w3` is none of 6: `mend` it",
    ]);
  });

  test("are one line when they are many, with their count and the first names", () => {
    expect(oneACause(some(5))).toEqual([
      "f:1: `w1` is none of 4: `mend` it (and 4 more like it: `w2`, `w3`, `w4`, `w5`)",
    ]);
    const other = new SourceError({ file: "f", line: 9 }, "something else");
    expect(oneACause([...some(1072), other])).toEqual([
      "f:1: `w1` is none of 4: `mend` it (and 1071 more like it: `w2`, `w3`, `w4`, `w5`, `w6`, …)",
      "f:9: something else",
    ]);
  });

  test("are not those of another file", () => {
    const elsewhere = some(2).map(({ line, what }) => new SourceError({ file: "g", line }, what));
    expect(oneACause([...some(2), ...elsewhere])).toHaveLength(4);
  });

  test("keep every single one for who asks", () => {
    const problems = new Problems();
    for (const one of some(30)) problems.keep(one);
    try {
      problems.throwIfAny();
      expect.unreachable();
    } catch (error) {
      expect((error as SourceError).problems).toHaveLength(30);
      expect((error as SourceError).message.split("\n")).toHaveLength(1);
    }
  });
});
