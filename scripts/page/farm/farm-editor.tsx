/** A farm's files in an editor: good ones become the page's table, bad ones say what is wrong, on its line. */
import { useEffect, useRef, useState } from "preact/hooks";
import small from "small-farm";
import { count } from "../../count.ts";
import { visibleOnLine } from "../../visible.ts";
import type { EditFarm } from "../load-farm-part.ts";
import { type Compiled, compileFiles } from "./compile-files.ts";
import type { FarmFiles } from "./files.ts";
import { farmFileOf, readChosen } from "./read-chosen.ts";
import { type Problem, TextEditor } from "./text-editor.ts";

/** So long nobody types before the farm is compiled. */
const QUIET_MS = 200;

/** Problems that are shown. */
const SHOWN = 100;

interface Read {
  files: FarmFiles;
  /** The farm's own file. */
  farm: string;
}

export function FarmEditor({ chosen, onTable }: EditFarm) {
  const [read, setRead] = useState<Read | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    readFarm(chosen).then(setRead, (error: Error) => setProblem(error.message));
  }, []);
  return (
    <>
      <p class="problem" role="alert">
        {visibleOnLine(problem)}
      </p>
      {read !== null && <Files {...read} onTable={onTable} />}
    </>
  );
}

async function readFarm(chosen: EditFarm["chosen"]): Promise<Read> {
  const texts = Object.entries(small).map(([path, text]) => [path, new TextEncoder().encode(text)] as const);
  const files = chosen === null ? new Map(texts) : await readChosen(chosen);
  return { files, farm: farmFileOf(files) };
}

function Files({ files, farm, onTable }: Read & Pick<EditFarm, "onTable">) {
  const [file, setFile] = useState(farm);
  const [now, setNow] = useState(files);
  const [compiled, setCompiled] = useState<Compiled | null>(null);
  const first = useRef<Uint8Array | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<TextEditor | null>(null);
  useEffect(() => {
    const made = new TextEditor(place.current!, (file, text) =>
      setNow((before) => new Map(before).set(file, new TextEncoder().encode(text))),
    );
    editor.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => {
    const timer = setTimeout(
      () => {
        const found = compileFiles(now, farm, new Date().toISOString().slice(0, 10));
        setCompiled(found);
        if (found.table === null) return;
        first.current ??= found.table;
        onTable(`${farm}${found.table === first.current ? "" : ", edited"}`, found.table, first.current);
      },
      compiled === null ? 0 : QUIET_MS,
    );
    return () => clearTimeout(timer);
  }, [now]);
  const problems = problemsOf(compiled);
  const show = (file: string) => {
    editor.current!.show(file, () => new TextDecoder().decode(now.get(file)));
    editor.current!.mark(problems);
  };
  useEffect(() => show(file), [file, compiled]);
  const goTo = ({ error: { file, line, column } }: Problem) => {
    if (!now.has(file)) return;
    setFile(file);
    show(file);
    editor.current!.goTo(line ?? 1, column);
  };
  return (
    <>
      <label>
        <span>File</span>
        <select value={file} onChange={({ currentTarget }) => setFile(currentTarget.value)}>
          {[...files.keys()].map((path) => (
            <option key={path} value={path}>
              {visibleOnLine(path)}
            </option>
          ))}
        </select>
      </label>
      <div ref={place} />
      <p role="status">{compiled === null ? "" : inShort(compiled)}</p>
      <ul class="problems">
        {problems.slice(0, SHOWN).map((problem) => (
          <li key={problem.error.message}>
            <button type="button" class="problem" onClick={() => goTo(problem)}>
              {problem.severity}: {problem.error.message}
            </button>
          </li>
        ))}
        {problems.length > SHOWN && <li>… and {problems.length - SHOWN} more</li>}
      </ul>
    </>
  );
}

function problemsOf(compiled: Compiled | null): Problem[] {
  const { errors, warnings } = compiled ?? { errors: [], warnings: [] };
  const of = (severity: Problem["severity"]) => (error: Problem["error"]) => ({ severity, error });
  return [...errors.map(of("error")), ...warnings.map(of("warning"))];
}

function inShort({ table, errors }: Compiled): string {
  if (table === null) return `${count(errors.length, "error")}: the page still asks the table before.`;
  return `A table of ${count(table.length, "byte")}: the page asks it now.`;
}
