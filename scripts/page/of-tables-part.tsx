/** A panel that another part of the page draws: what reads whole tables is loaded when it is first seen. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Replayer } from "../simulate/replay.ts";
import type { Answered } from "./asker.ts";
import { loadPart } from "./load-part.ts";
import type { Fields } from "./question-form.ts";
import type { TableFile } from "./what-changes.ts";

/** Each draws into an element, again whenever what it shows has changed. */
export interface TablesPart {
  board(into: HTMLElement, props: BoardProps): void;
  compare(into: HTMLElement, props: CompareProps): void;
  log(into: HTMLElement, props: LogProps): void;
}

export interface BoardProps {
  opened: TableFile;
}

export interface LogProps extends BoardProps {
  /** What the opened table was before its farm was edited. */
  before: TableFile | null;
  /** Of the opened table. */
  listeners: readonly string[];
  /** By the filter, as a listener. Rejects with an Error for the user. */
  replayerOf(table: TableFile, listener: string): Promise<Replayer>;
}

export interface CompareProps extends BoardProps {
  /** What the opened table was before its farm was edited. */
  before: TableFile | null;
  /** The page's question. */
  fields: Fields;
  /** By both readers; the part has no filter of its own. Rejects with an Error for the user. */
  ask(table: TableFile, fields: Fields): Promise<Answered>;
}

export function OfTablesPart({ draw }: { draw: (part: TablesPart, into: HTMLElement) => void }) {
  const into = useRef<HTMLDivElement>(null);
  const [part, setPart] = useState<TablesPart | null>(null);
  const [says, setSays] = useState("Loading …");
  useEffect(() => {
    loadPart<TablesPart>("tables.js", "pointsmanTables").then(
      (loaded) => {
        setPart(loaded);
        setSays("");
      },
      (error: Error) => setSays(error.message),
    );
  }, []);
  useEffect(() => {
    if (part !== null) draw(part, into.current!);
  });
  return (
    <>
      {says !== "" && <p role="status">{says}</p>}
      <div ref={into} />
    </>
  );
}
