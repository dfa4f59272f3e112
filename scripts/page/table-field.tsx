/** A field for a table's file, and why it was not taken. */
import { useState } from "preact/hooks";
import { Table } from "../table/table.ts";
import { visibleOnLine } from "../visible.ts";
import { FileField } from "./file-field.tsx";
import { readTableFile } from "./read-table-file.ts";
import type { TableFile } from "./what-changes.ts";

export function TableField({ label, onTable }: { label: string; onTable: (table: TableFile) => void }) {
  const [problem, setProblem] = useState("");
  const open = async (file: File) => {
    try {
      const { bytes } = new Table(await readTableFile(file));
      onTable({ name: file.name, bytes });
      setProblem("");
    } catch (error) {
      setProblem(`${file.name}: ${(error as Error).message}. What was there before stays.`);
    }
  };
  return (
    <div>
      <FileField label={label} onFile={(file) => void open(file)} />
      <p class="problem" role="alert">
        {visibleOnLine(problem)}
      </p>
    </div>
  );
}
