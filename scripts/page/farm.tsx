/** The way to a farm that is edited: its files, and the part of the page that compiles them. */
import { useRef, useState } from "preact/hooks";
import { visibleOnLine } from "../visible.ts";
import { type EditFarm, loadFarmPart } from "./load-farm-part.ts";
import { type Opened, openTable } from "./opened.ts";

const onTableOf =
  (onOpen: (opened: Opened) => void): EditFarm["onTable"] =>
  (name, bytes, first) =>
    onOpen(openTable(name, bytes, { name: "before it was edited", bytes: first }));

export function Farm({ onOpen }: { onOpen: (opened: Opened) => void }) {
  const [problem, setProblem] = useState("");
  const into = useRef<HTMLDivElement>(null);
  const edit = (chosen: EditFarm["chosen"]) =>
    loadFarmPart().then(
      (part) => {
        setProblem("");
        part.edit(into.current!, { chosen, onTable: onTableOf(onOpen) });
      },
      (error: Error) => setProblem(error.message),
    );
  const field = (label: string, isFolder: boolean) => (
    <label
      class="file"
      // The field itself takes what is dropped on it, whole folders too: it is no table for the page.
      onDragOver={(event) => event.stopPropagation()}
      onDrop={(event) => event.stopPropagation()}
    >
      <span>{label}</span>
      <input
        type="file"
        multiple
        ref={(input) => void (input && Object.assign(input, { webkitdirectory: isFolder }))}
        onChange={({ currentTarget }) => {
          const chosen = [...(currentTarget.files ?? [])];
          currentTarget.value = "";
          if (chosen.length > 0) void edit(chosen);
        }}
      />
    </label>
  );
  return (
    <section>
      <h2>Edit a farm</h2>
      <div class="fields">
        {field("Its folder: choose it, or drop it here", true)}
        {field("Or farm.yaml and the files that it names, together", false)}
      </div>
      <p>
        <button type="button" onClick={() => void edit(null)}>
          Edit examples/small
        </button>
      </p>
      <p class="problem" role="alert">
        {visibleOnLine(problem)}
      </p>
      <div ref={into} />
    </section>
  );
}
