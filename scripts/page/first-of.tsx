/** A list of texts from a stranger's file: the first of them, and how many more there are. */
import { visibleOnLine } from "../visible.ts";

const SHOWN = 50;

export function FirstOf({ lines }: { lines: readonly string[] }) {
  return (
    <ul>
      {lines.slice(0, SHOWN).map((line, i) => (
        <li key={i}>{visibleOnLine(line)}</li>
      ))}
      {lines.length > SHOWN && <li>and {lines.length - SHOWN} more</li>}
    </ul>
  );
}
