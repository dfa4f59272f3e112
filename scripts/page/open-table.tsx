/** Which table is asked, and the way to another one: a file that is chosen, or dropped on the page. */
import { useEffect, useState } from "preact/hooks";
import { visibleOnLine } from "../visible.ts";
import { FileField } from "./file-field.tsx";
import { type Opened, openTable } from "./opened.ts";
import { readTableFile } from "./read-table-file.ts";

export function OpenTable({ opened, onOpen }: { opened: Opened; onOpen: (opened: Opened) => void }) {
  const [problem, setProblem] = useState<string | null>(null);
  const open = async (file: File | undefined) => {
    if (file === undefined) return;
    try {
      onOpen(openTable(file.name, await readTableFile(file)));
      setProblem(null);
    } catch (error) {
      setProblem(`${file.name}: ${(error as Error).message}`);
    }
  };
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      // A part of the page may have a use of its own for what is dropped on it.
      if (event.defaultPrevented) return;
      event.preventDefault();
      void open(event.dataTransfer?.files[0]);
    };
    document.addEventListener("dragover", over);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("drop", drop);
    };
  });
  const { table, name, names } = opened;
  return (
    <div class="table-of-page">
      <p>
        Asked is <b>{visibleOnLine(name)}</b>: {table.bytes.length.toLocaleString("en")} bytes, generation{" "}
        {table.generation}, digest <code>{table.digest.slice(0, 12)}</code>
        {names === null && ", without names: it does not know the farm's lines"}
      </p>
      <FileField label="Open a table: choose its file, or drop it here" onFile={(file) => void open(file)} />
      <p class="problem" role="alert">
        {problem === null ? "" : `${visibleOnLine(problem)}. The table before it stays.`}
      </p>
    </div>
  );
}
