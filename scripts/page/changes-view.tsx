/** What one table changes against another, section by section. */
import { visibleOnLine } from "../visible.ts";
import { FirstOf } from "./first-of.tsx";
import type { WhatChanges } from "./what-changes.ts";

export function ChangesView({ title, sections }: WhatChanges) {
  return (
    <div class="changes">
      <p role="status">
        <b>{visibleOnLine(title)}</b>
      </p>
      {sections.map(({ title, lines }) => (
        <div key={title}>
          <h3>{title}</h3>
          <FirstOf lines={lines} />
        </div>
      ))}
    </div>
  );
}
