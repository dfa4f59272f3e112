/** Which table is asked, and the way to another one: a file that is chosen, or dropped on the page. */
import { useEffect, useState } from "preact/hooks";
import { MAX_TABLE_BYTES } from "../../assembly/layout.ts";
import { visibleOnLine } from "../visible.ts";
import { type Opened, openTable } from "./opened.ts";

export function OpenTable({ opened, onOpen }: { opened: Opened; onOpen: (opened: Opened) => void }) {
  const [problem, setProblem] = useState<string | null>(null);
  const open = async (file: File | undefined) => {
    if (file === undefined) return;
    try {
      if (file.size > MAX_TABLE_BYTES) throw new Error(`it has more than ${MAX_TABLE_BYTES} bytes`);
      onOpen(openTable(file.name, new Uint8Array(await file.arrayBuffer())));
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
      <label class="file">
        Open a table: choose its file, or drop it here
        <input
          type="file"
          onChange={({ currentTarget }) => {
            void open(currentTarget.files?.[0]);
            currentTarget.value = "";
          }}
        />
      </label>
      <p class="problem" role="alert">
        {problem === null ? "" : `${visibleOnLine(problem)}. The table before it stays.`}
      </p>
    </div>
  );
}
