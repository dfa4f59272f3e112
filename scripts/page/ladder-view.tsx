/** The ladder: each rung is a button that lights up the bytes that answered. */
import type { Rung, Step } from "../explain/ladder.ts";
import { visibleOnLine } from "../visible.ts";

/** So many in a row that did not hold are shown; longer rows are folded. */
const SHOWN = 8;

const STEPS: Record<Step, string> = {
  rewrite: "rewrite",
  host: "host",
  wiki: "wiki",
  placement: "placement",
  rule: "rule",
  asset: "asset",
  read: "read",
  cluster: "cluster",
  header: "header",
};

interface Props {
  rungs: readonly Rung[];
  pointed: Rung | null;
  onPoint: (rung: Rung | null) => void;
  /** The table knows lines of the farm file. */
  names: boolean;
}

export function LadderView({ rungs, pointed, onPoint, names }: Props) {
  return (
    <section aria-label="Ladder" class="ladder">
      <h2>The way, rung by rung</h2>
      {!names && (
        <p class="quiet">
          This table is stripped: it does not know the farm's lines. Pack it without <code>--strip</code> to
          see them.
        </p>
      )}
      {rungs.length === 0 && <p>The proxy refuses the request before the filter sees it.</p>}
      <ol>
        {inRows(rungs).map((row) => {
          const items = row.map((rung) => (
            <li key={rungs.indexOf(rung)}>
              <RungButton rung={rung} isPointed={rung === pointed} onPoint={onPoint} />
            </li>
          ));
          if (row.length <= SHOWN || row[0]!.holds !== false) return items;
          return (
            <li key={`row ${rungs.indexOf(row[0]!)}`}>
              <details>
                <summary>
                  {row.length} of {STEPS[row[0]!.step]} that did not hold
                </summary>
                <ol>{items}</ol>
              </details>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function RungButton({
  rung,
  isPointed,
  onPoint,
}: {
  rung: Rung;
  isPointed: boolean;
  onPoint: Props["onPoint"];
}) {
  const { step, text, holds, failed, place, bytes } = rung;
  return (
    <button
      type="button"
      class={`rung ${holds === false ? "failed" : ""}`}
      aria-pressed={isPointed}
      onMouseEnter={() => onPoint(rung)}
      onFocus={() => onPoint(rung)}
      onClick={() => onPoint(rung)}
    >
      <span class="step">{STEPS[step]}</span>
      <span class="mark">
        <span aria-hidden="true">{holds === null ? "·" : holds ? "✓" : "✗"}</span>
        <span class="unseen">{holds === null ? "" : holds ? "held: " : "did not hold: "}</span>
      </span>
      <span class="what">
        {visibleOnLine(text)}
        {failed !== null && failed !== text && <span class="why"> ✗ {visibleOnLine(failed)}</span>}
        {place !== null && <span class="place"> {visibleOnLine(place)}</span>}
        <span class="unseen">
          {bytes.length === 0
            ? ""
            : `; bytes ${bytes.map(({ start, end }) => `${start} to ${end - 1}`).join(", ")}`}
        </span>
      </span>
    </button>
  );
}

/** Rungs of one step that did not hold, together; each other one by itself. */
function inRows(rungs: readonly Rung[]): Rung[][] {
  const rows: Rung[][] = [];
  for (const rung of rungs) {
    const last = rows.at(-1)?.[0];
    if (last !== undefined && last.holds === false && rung.holds === false && last.step === rung.step)
      rows.at(-1)!.push(rung);
    else rows.push([rung]);
  }
  return rows;
}
