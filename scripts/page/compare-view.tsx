/** What one table changes against another, and the page's question before and after. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { visibleOnLine } from "../visible.ts";
import { ROWS, shown } from "./answer-view.tsx";
import type { Answered } from "./asker.ts";
import { ChangesView } from "./changes-view.tsx";
import type { CompareProps } from "./of-tables-part.tsx";
import { Scrolled } from "./scrolled.tsx";
import { TableField } from "./table-field.tsx";
import { type TableFile, whatChanges } from "./what-changes.ts";

export function CompareView({ opened: { name, bytes }, before: unedited, fields, ask }: CompareProps) {
  const opened = useMemo(() => ({ name, bytes }), [name, bytes]);
  const [chosen, setBefore] = useState<TableFile | null>(null);
  const before = chosen ?? unedited;
  const [other, setOther] = useState<TableFile | null>(null);
  const after = other ?? opened;
  const changes = useMemo(() => before && whatChanges(before, after), [before, after]);
  return (
    <div class="compare">
      <h2>What changes from one table to another?</h2>
      <div class="fields">
        <TableField label="Before: choose a table's file, or drop it here" onTable={setBefore} />
        <TableField
          label={`After: ${visibleOnLine(after.name)}, until another file is chosen or dropped here`}
          onTable={setOther}
        />
      </div>
      {other !== null && (
        <button type="button" onClick={() => setOther(null)}>
          Compare with the opened table again
        </button>
      )}
      {before !== null && changes !== null && (
        <>
          <ChangesView {...changes} />
          <BeforeAndAfter before={before} after={after} fields={fields} ask={ask} />
        </>
      )}
    </div>
  );
}

interface Asked extends Pick<CompareProps, "fields" | "ask"> {
  before: TableFile;
  after: TableFile;
}

/** Of each table its answer, or why it has none. */
type Both = [Answered | string, Answered | string];

function BeforeAndAfter({ before, after, fields, ask }: Asked) {
  const [both, setBoth] = useState<Both | null>(null);
  useEffect(() => {
    let isOld = false;
    const asked = [before, after].map((table) => ask(table, fields).catch((error: Error) => error.message));
    void Promise.all(asked).then((answers) => isOld || setBoth(answers as Both));
    return () => {
      isOld = true;
    };
  }, [before, after, fields, ask]);
  if (both === null) return null;
  const answers = both.map((one) => (typeof one === "string" ? null : one.compared.answer));
  const [was, is] = answers;
  const rows = ROWS.filter(([what]) => answers.some((one) => (one?.[what] ?? null) !== null));
  const isSame = was != null && is != null && ROWS.every(([what]) => was[what] === is[what]);
  const differ = both.some((one) => typeof one !== "string" && one.compared.differences.length > 0);
  return (
    <section aria-labelledby="question-title">
      <h2 id="question-title">The question of the playground, before and after</h2>
      <p role="status">
        {visibleOnLine(fields.ask)}:{" "}
        <b>{was && is ? (isSame ? "goes the same way" : "changes") : "no answer"}</b>
      </p>
      {differ && (
        <p class="problem">✗ The filter and the TypeScript reader differ: the playground says in what.</p>
      )}
      <Scrolled label="Before and after">
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([what, label]) => (
              <tr key={what}>
                <th scope="row">
                  {label}
                  {was && is && was[what] !== is[what] ? ": changes" : ""}
                </th>
                {answers.map((one, i) => (
                  <td key={i}>{shown(one?.[what] ?? null)}</td>
                ))}
              </tr>
            ))}
            <tr>
              <th scope="row">Why</th>
              {both.map((one, i) => (
                <td key={i}>{visibleOnLine(typeof one === "string" ? one : one.compared.answer.why)}</td>
              ))}
            </tr>
          </tbody>
        </table>
      </Scrolled>
    </section>
  );
}
