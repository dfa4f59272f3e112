/** The shape of the code: what imports what, as CONTRIBUTING.md draws it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { projectPath } from "./support/data.ts";

const PICTURE = "## What imports what";

interface Import {
  from: string;
  to: string;
  /** The compiler erases it: only types are imported. */
  types: boolean;
}

/** The picture's rows from the top down: a folder or file, and under it what it imports. */
function readPicture(): Map<string, string[]> {
  const [, section = ""] = readFileSync(projectPath("CONTRIBUTING.md"), "utf8").split(`${PICTURE}\n`);
  const picture = /^```text\n([\s\S]*?)^```$/m.exec(section)![1]!;
  const rows = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of picture.trimEnd().split("\n")) {
    const row = /^(\S+)(?: {2,}\S.*)?$/.exec(line)?.[1];
    if (row !== undefined) {
      current = [];
      rows.set(row, current);
    } else
      current.push(
        ...line
          .replace(/^ +→? /, "")
          .split(/, */)
          .filter(Boolean),
      );
  }
  return rows;
}

/** What is compiled: the parts whose imports the picture draws. */
function sourceFiles(): string[] {
  return ["assembly", "bench", "host-sim", "scripts", "test"].flatMap((folder) =>
    readdirSync(projectPath(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /(?<!\.d)\.tsx?$/.test(name))
      .map((name) => join(folder, name)),
  );
}

const isTest = (file: string): boolean =>
  file.startsWith("test/") || file.endsWith(".test.ts") || file.includes("/__tests__/");

/** `import … from`, `export … from`, `import "…"` and `import("…")` of files of the project. */
function importsOf(file: string): Import[] {
  const text = readFileSync(projectPath(file), "utf8");
  const imports: Import[] = [];
  const pattern =
    /^(?:import|export)\b([^;"'`=]*?)\bfrom\s*["'](\.[^"']*)["']|\bimport[\s(]+["'](\.[^"']*)["']/gm;
  for (const [, what = "", named, bare] of text.matchAll(pattern)) {
    const path = normalize(join(dirname(file), (named ?? bare)!));
    if (path.startsWith("build/")) continue;
    const to = [path, `${path}.ts`].find((one) => one.includes(".") && existsSync(projectPath(one)));
    if (to === undefined) throw new Error(`${file} imports ${path}, which is not there`);
    const names = /\{([\s\S]*)\}/
      .exec(what)?.[1]
      ?.split(",")
      .map((name) => name.trim());
    const types = /^\s*type\b/.test(what) || names?.filter(Boolean).every((name) => name.startsWith("type "));
    imports.push({ from: file, to, types: types ?? false });
  }
  return imports;
}

const files = sourceFiles();
const imports = files.filter((file) => !isTest(file)).flatMap(importsOf);

/** Files that import each other in a circle, each circle as one text. */
function circles(edges: readonly Import[]): string[] {
  const next = new Map<string, Import[]>();
  for (const edge of edges) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
  const reached = (from: string): Set<string> => {
    const seen = new Set<string>();
    const todo = [from];
    for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
      for (const { to } of next.get(file) ?? []) {
        if (!seen.has(to)) todo.push(to);
        seen.add(to);
      }
    }
    return seen;
  };
  const reach = new Map([...next.keys()].map((file) => [file, reached(file)]));
  const found = new Set<string>();
  for (const [file, seen] of reach) {
    if (!seen.has(file)) continue;
    found.add(
      [...seen]
        .filter((other) => reach.get(other)?.has(file))
        .sort()
        .join(" "),
    );
  }
  return [...found].sort();
}

test("the picture in CONTRIBUTING.md has every arrow between folders, and no other", () => {
  const picture = readPicture();
  const rows = [...picture.keys()];
  const rowOf = (file: string): string =>
    rows
      .filter((row) => file === row || file.startsWith(`${row}/`))
      .reduce((best, row) => (row.length > best.length ? row : best), "");
  const arrows = new Map<string, string>();
  for (const { from, to } of imports) {
    expect(rowOf(from), `${from} has no row in the picture`).not.toBe("");
    expect(rowOf(to), `${from} imports ${to}, which has no row in the picture`).not.toBe("");
    if (rowOf(from) !== rowOf(to)) arrows.set(`${rowOf(from)} → ${rowOf(to)}`, `${from} imports ${to}`);
  }
  const drawn = [...picture].flatMap(([from, all]) => all.map((to) => `${from} → ${to}`));
  expect({
    notDrawn: [...arrows].filter(([arrow]) => !drawn.includes(arrow)),
    drawnInVain: drawn.filter((arrow) => !arrows.has(arrow)),
    notThere: rows.filter((row) => !existsSync(projectPath(row))),
  }).toEqual({ notDrawn: [], drawnInVain: [], notThere: [] });
});

test("every arrow of the picture goes down", () => {
  const picture = readPicture();
  const rows = [...picture.keys()];
  const up = [...picture].flatMap(([from, all]) =>
    all.filter((to) => rows.indexOf(to) <= rows.indexOf(from)).map((to) => `${from} → ${to}`),
  );
  expect(up).toEqual([]);
});

test("nothing but tests imports of tests, and of test/ only the bench does, its support", () => {
  const wrong = imports.filter(
    ({ from, to }) => isTest(to) && !(from.startsWith("bench/") && to.startsWith("test/support/")),
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself by way of others, types apart", () => {
  // AssemblyScript compiles what it imports, be it for a type alone.
  const edges = imports.filter(({ from, types }) => from.startsWith("assembly/") || !types);
  expect(circles(edges)).toEqual([]);
});

test("what pages load takes nothing from Node", () => {
  const entries = ["host-sim/index.ts", "scripts/table/library.ts", "scripts/table/digest.ts"].concat(
    ["explainer", "question", "where"].map((name) => `scripts/explain/${name}.ts`),
    ["scripts/requests/read-requests.ts", "scripts/diff/diff.ts", "scripts/diff/formats.ts"],
  );
  const loaded = new Set(entries);
  for (const file of loaded)
    for (const { from, to, types } of imports) if (from === file && !types) loaded.add(to);
  const wrong = [...loaded].flatMap((file) => {
    const code = readFileSync(projectPath(file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    return [...code.matchAll(/"node:[^"]*"|\bBuffer\b/g)].map(([what]) => `${file}: ${what}`);
  });
  expect(loaded.size).toBeGreaterThan(entries.length);
  expect(wrong).toEqual([]);
});
