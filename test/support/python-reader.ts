/** The reader in Python of `examples/readers`, asked about many requests at once. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Answer, Request, Where } from "../../scripts/table/request.ts";
import type { Table } from "../../scripts/table/table.ts";
import { projectPath } from "./data.ts";
import { folderOf } from "./folder.ts";

/** Answers in the order of the questions. */
export function askPython(table: Table, asked: readonly (readonly [Request, Where])[]): Answer[] {
  return run(
    table,
    asked.map(([request, where]) => ({ ...request, ...where })),
  ) as Answer[];
}

function run(table: Table, questions: readonly object[]): unknown[] {
  const folder = folderOf({ "farm.table": Buffer.from(table.bytes) });
  const { status, stdout, stderr } = spawnSync(
    "python3",
    ["-B", projectPath("examples/readers/python/ask.py"), join(folder, "farm.table")],
    {
      input: questions.map((one) => `${JSON.stringify(one)}\n`).join(""),
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    },
  );
  if (status !== 0) throw new Error(`the reader in Python ended with ${status}: ${stderr}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
