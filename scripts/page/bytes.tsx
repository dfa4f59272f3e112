/** The table as hexadecimal: its sections coloured and named, and the bytes that answered lit up. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { DIRECTORY_ENTRY, HEADER_BYTES } from "../../assembly/layout.ts";
import type { Table } from "../table/table.ts";
import { type Area, sectionName } from "../table/table-bytes.ts";
import type { Span } from "../table/watched-bytes.ts";

/** Of a row, in CSS pixels: a table may have millions, and only those in sight are drawn. */
const ROW = 22;
/** A browser draws nothing that is much higher. */
const MOST_ROWS = 2 ** 19;
const COLOURS = 6;

export function Bytes({ table, lit }: { table: Table; lit: readonly Span[] }) {
  const box = useRef<HTMLElement>(null);
  const [{ top, height, width }, setView] = useState({ top: 0, height: 440, width: 700 });
  const perRow = width < 560 ? 8 : 16;
  const areas = areasOf(table);
  const { bytes } = table;
  // A table that is higher than a browser draws is shown a part at a time.
  const [base, setBase] = useState(0);
  const rows = Math.min(MOST_ROWS, Math.ceil(bytes.length / perRow) - base);
  useLayoutEffect(() => {
    const look = () => {
      const { scrollTop, clientHeight, clientWidth } = box.current!;
      setView({ top: scrollTop, height: clientHeight, width: clientWidth });
    };
    const observer = new ResizeObserver(look);
    observer.observe(box.current!);
    box.current!.addEventListener("scroll", look, { passive: true });
    return () => observer.disconnect();
  }, []);
  const show = (at: number) => {
    const row = Math.floor(at / perRow);
    const isThere = row >= base && row < base + MOST_ROWS;
    const from = isThere ? base : Math.max(0, row - MOST_ROWS / 2);
    if (!isThere) setBase(from);
    // After the part is drawn: before, there is nothing to scroll to.
    requestAnimationFrame(() => box.current?.scrollTo({ top: Math.max(0, row - from - 2) * ROW }));
  };
  const last = lit.at(-1);
  useEffect(() => {
    if (last !== undefined) show(last.start);
  }, [last]);
  const first = Math.floor(top / ROW);
  const seen = Math.min(rows, first + Math.ceil(height / ROW) + 1) - first;
  return (
    <section class="bytes" aria-label="Bytes of the table">
      <h2>The table's bytes</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <section class="hex mono" ref={box} tabIndex={0} aria-label="Hexadecimal">
        <div style={{ height: `${rows * ROW}px` }}>
          <div style={{ transform: `translateY(${first * ROW}px)` }}>
            {Array.from({ length: Math.max(0, seen) }, (_, i) => (
              <Row key={first + i} at={(base + first + i) * perRow} {...{ bytes, perRow, areas, lit }} />
            ))}
          </div>
        </div>
      </section>
      <ul class="legend">
        {areas.map(({ label, start, length, colour }) => (
          <li key={`${label} ${start}`}>
            <button type="button" class={`c${colour}`} onClick={() => show(start)}>
              {label} <span class="quiet">{length}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Named extends Span {
  label: string;
  length: number;
  colour: number;
}

/** Header and directory, then each section as it lies in the table. */
function areasOf({ sections }: Table): Named[] {
  const directory = sections.length * DIRECTORY_ENTRY;
  const all: Area[] = [
    { name: 0, start: 0, length: HEADER_BYTES },
    { name: 1, start: HEADER_BYTES, length: directory },
    ...sections,
  ];
  return all.map(({ name, start, length }, number) => ({
    label: ["header", "directory"][name] ?? sectionName(name),
    ...{ start, length, end: start + length, colour: number % COLOURS },
  }));
}

interface RowProps {
  at: number;
  bytes: Uint8Array;
  perRow: number;
  areas: readonly Named[];
  lit: readonly Span[];
}

function Row({ at, bytes, perRow, areas, lit }: RowProps) {
  const end = Math.min(bytes.length, at + perRow);
  const starts = areas.filter(({ start, length }) => length > 0 && start >= at && start < end);
  const runs: { text: string; look: string }[] = [];
  for (let i = at; i < end; i++) {
    const colour = areas.find(({ start, end }) => i >= start && i < end)?.colour;
    const isLit = lit.some(({ start, end }) => i >= start && i < end);
    const look = `c${colour ?? ""}${isLit ? " lit" : ""}`;
    const text = bytes[i]!.toString(16).padStart(2, "0");
    const run = runs.at(-1);
    if (run?.look === look) run.text += ` ${text}`;
    else runs.push({ text, look });
  }
  const ascii = Array.from(bytes.subarray(at, end), (byte) =>
    byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·",
  );
  return (
    <div class="row">
      <span class="quiet">{at.toString(16).padStart(6, "0")}</span>
      <span class="pairs">
        {runs.map(({ text, look }, i) => (
          <span key={i}>
            {i > 0 && " "}
            {look.endsWith("lit") ? <mark class={look}>{text}</mark> : <span class={look}>{text}</span>}
          </span>
        ))}
      </span>
      <span class="starts">{starts.map(({ label }) => label).join(" ")}</span>
      {perRow === 16 && <span class="quiet">{ascii.join("")}</span>}
    </div>
  );
}
