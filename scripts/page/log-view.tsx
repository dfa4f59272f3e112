/** Where the requests of a log go, and what another table would change for them. */
import { useEffect, useState } from "preact/hooks";
import { count } from "../count.ts";
import { mostFirst } from "../simulate/replay.ts";
import { visibleOnLine } from "../visible.ts";
import { FileField } from "./file-field.tsx";
import { ListenerSelect } from "./listener-select.tsx";
import type { LogProps } from "./of-tables-part.tsx";
import { type Change, type SummedUp, sumUpLog } from "./sum-up-log.ts";
import { TableField } from "./table-field.tsx";
import type { TableFile } from "./what-changes.ts";

/** Rows of a table that are shown. */
const SHOWN = 50;

export function LogView({ opened: { name, bytes }, before, listeners, replayerOf }: LogProps) {
  const [file, setFile] = useState<File | null>(null);
  const [other, setOther] = useState<TableFile | null>(null);
  const [listener, setListener] = useState("");
  const [host, setHost] = useState("");
  const [found, setFound] = useState<SummedUp | null>(null);
  const [says, setSays] = useState("");
  useEffect(() => {
    if (file === null) return;
    let isOld = false;
    const pause = () =>
      new Promise<void>((resolve, reject) => setTimeout(() => (isOld ? reject() : resolve())));
    const opened = { name, bytes };
    const [first, second] =
      other !== null ? [opened, other] : before !== null ? [before, opened] : [opened, null];
    const sum = async () => {
      const now = await replayerOf(first, listener);
      const next = second && (await replayerOf(second, listener));
      return sumUpLog(file, file.name, { now, other: next, host: host || null, pause });
    };
    setSays("Reading …");
    sum().then(
      (found) => {
        if (isOld) return;
        setFound(found);
        setSays(`${file.name}: ${inShort(found)}`);
      },
      (error: Error) => {
        if (isOld) return;
        setFound(null);
        setSays(error.message);
      },
    );
    return () => {
      isOld = true;
    };
  }, [file, bytes, before, other, listener, host]);
  return (
    <section class="log">
      <h2>Where would these go?</h2>
      <div class="fields">
        <FileField label="A log: choose its file, or drop it here" onFile={setFile} />
        <TableField label="Another table, to see what it would change" onTable={setOther} />
        <ListenerSelect listeners={listeners} value={listener} onChange={setListener} />
        <label>
          <span>Host, where the log has none</span>
          <input
            value={host}
            spellcheck={false}
            onInput={({ currentTarget }) => setHost(currentTarget.value)}
          />
        </label>
      </div>
      <p role="status">{visibleOnLine(says)}</p>
      {found !== null && <Found found={found} other={(other ?? { name }).name} />}
    </section>
  );
}

function inShort({ summary, lines, isCut, changes }: SummedUp): string {
  const facts = [
    isCut ? `its first ${count(lines, "line")}` : count(lines, "line"),
    count(summary.requests, "request"),
    `${summary.withoutRequest} without a request`,
    count(summary.badLines, "bad line"),
  ];
  if (changes !== null) facts.push(`${changes.reduce((sum, { count }) => sum + count, 0)} would change`);
  return facts.join(", ");
}

function Found({ found: { summary, changes }, other }: { found: SummedUp; other: string }) {
  const { clusters, rules, hostsWithoutWiki, firstBadLines, badLines } = summary;
  return (
    <>
      {changes !== null && <Changes changes={changes} other={other} />}
      <Counts title="By cluster" counts={clusters} />
      <Counts title="By rule" counts={rules} />
      <Counts title="Hosts without a wiki" counts={hostsWithoutWiki} />
      {badLines > 0 && (
        <>
          <h3>Bad lines</h3>
          <ul>
            {firstBadLines.map(({ line, error }) => (
              <li key={line}>
                line {line}: {visibleOnLine(error)}
              </li>
            ))}
            {badLines > firstBadLines.length && <li>… and {badLines - firstBadLines.length} more</li>}
          </ul>
        </>
      )}
    </>
  );
}

function Changes({ changes, other }: { changes: Change[]; other: string }) {
  if (changes.length === 0) return <p>No request would change by {visibleOnLine(other)}.</p>;
  const rows = changes.map(({ what, count, first: { line, question } }): Row => {
    const { method, authority, path } = question;
    return [count, what, `line ${line}: ${method} ${authority ?? "(no host)"}${path}`];
  });
  return <Rows title={`Would change by ${other}`} columns={["Requests", "What", "First"]} rows={rows} />;
}

function Counts({ title, counts }: { title: string; counts: ReadonlyMap<string, number> }) {
  if (counts.size === 0) return null;
  const rows = mostFirst(counts).map(([name, number]): Row => [number, name]);
  return <Rows title={title} columns={["Requests", "What"]} rows={rows} />;
}

type Row = [count: number, ...texts: string[]];

function Rows({ title, columns, rows }: { title: string; columns: string[]; rows: Row[] }) {
  return (
    <table class="counts">
      <caption>{visibleOnLine(title)}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, SHOWN).map(([count, ...texts]) => (
          <tr key={texts[0]}>
            <td>{count}</td>
            {texts.map((text) => (
              <td key={text}>{visibleOnLine(text)}</td>
            ))}
          </tr>
        ))}
        {rows.length > SHOWN && (
          <tr>
            <td />
            <td colSpan={columns.length - 1}>… and {rows.length - SHOWN} more</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
