/** Where one request goes, and why: the question, both readers' answers, the ladder, and the bytes. */
import { useEffect, useId, useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { Rung } from "../explain/ladder.ts";
import type { Span } from "../table/watched-bytes.ts";
import { visibleOnLine } from "../visible.ts";
import { AnswerView } from "./answer-view.tsx";
import { type Answered, Asker } from "./asker.ts";
import { Bytes } from "./bytes.tsx";
import { putInConsole } from "./in-console.ts";
import { LadderView } from "./ladder-view.tsx";
import { ListenerSelect } from "./listener-select.tsx";
import type { Opened } from "./opened.ts";
import type { Fields } from "./question-form.ts";
import { Share } from "./share.tsx";

interface Props {
  opened: Opened;
  fields: Fields;
  onChange: (more: Partial<Fields>) => void;
}

export function Playground({ opened, fields, onChange }: Props) {
  const asker = useMemo(() => new Asker(opened), [opened]);
  useEffect(() => putInConsole(asker), [asker]);
  const [answered, setAnswered] = useState<Answered | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [pointed, setPointed] = useState<Rung | null>(null);
  // Before the page is painted: the filter is being compiled meanwhile.
  useLayoutEffect(() => {
    let isOld = false;
    asker.ask(fields).then(
      (found) => {
        if (isOld) return;
        setAnswered(found);
        setProblem(null);
        setPointed(null);
      },
      (error: Error) => {
        if (!isOld) setProblem(error.message);
      },
    );
    return () => {
      isOld = true;
    };
  }, [asker, fields]);
  // For whoever measures how long the first one took.
  useEffect(() => void (answered && performance.mark("answered")), [answered]);
  const lit: readonly Span[] = pointed?.bytes ?? [];
  return (
    <div class="playground">
      <Form fields={fields} onChange={onChange} opened={opened} />
      <p class="problem" role="alert">
        {problem === null ? "" : visibleOnLine(problem)}
      </p>
      {answered !== null && (
        <div class={problem === null ? "" : "of-before"}>
          <AnswerView answered={answered} />
          <Share fields={fields} answered={answered} />
          <div class="ladder-and-bytes">
            <LadderView
              rungs={answered.rungs}
              pointed={pointed}
              onPoint={setPointed}
              names={opened.names !== null}
            />
            <Bytes key={opened.table.digest} table={opened.table} lit={lit} />
          </div>
        </div>
      )}
    </div>
  );
}

function Form({ fields, onChange, opened }: Props) {
  const id = useId();
  const field = (name: keyof Fields, label: string, placeholder = "") => (
    <label>
      <span>{label}</span>
      <input
        value={fields[name]}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        onInput={({ currentTarget }) => onChange({ [name]: currentTarget.value })}
      />
    </label>
  );
  const area = (name: keyof Fields, label: string, rows: number) => (
    <label>
      <span>{label}</span>
      <textarea
        rows={rows}
        value={fields[name]}
        spellcheck={false}
        autocapitalize="off"
        onInput={({ currentTarget }) => onChange({ [name]: currentTarget.value })}
      />
    </label>
  );
  return (
    <form class="question" onSubmit={(event) => event.preventDefault()} aria-labelledby={id}>
      <h2 id={id}>Where would this go?</h2>
      {area("ask", "A URL, a curl command, or a line of an access log", 2)}
      <details open={Object.entries(fields).some(([name, value]) => name !== "ask" && value !== "")}>
        <summary>Listener, data centre, method, headers, cookies, body, client</summary>
        <div class="fields">
          <ListenerSelect
            listeners={opened.table.listeners.flatMap(({ name }) => name ?? [])}
            value={fields.listener}
            onChange={(listener) => onChange({ listener })}
          />
          {field("datacentre", "Data centre of the proxy", "as the listener says")}
          {field("primary", "Primary data centre")}
          {field("method", "Method", "as above, or GET")}
          {field("client", "Client's address", "192.0.2.1")}
          {field("cookies", "Cookies", "a=b; c=d")}
          {area("headers", "Headers, one a line", 3)}
          {area("body", "Body", 3)}
        </div>
      </details>
    </form>
  );
}
