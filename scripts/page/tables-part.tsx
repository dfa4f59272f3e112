/** The part of the page that reads whole tables: the train board, and what changes from one table to another; and logs. */
import { render } from "preact";
import { BoardView } from "./board-view.tsx";
import { CompareView } from "./compare-view.tsx";
import { LogView } from "./log-view.tsx";
import type { TablesPart } from "./of-tables-part.tsx";

// With a Preact of its own: scripts of a page that may load no modules share none.
const part: TablesPart = {
  board: (into, props) => render(<BoardView {...props} />, into),
  compare: (into, props) => render(<CompareView {...props} />, into),
  log: (into, props) => render(<LogView {...props} />, into),
};
(globalThis as { pointsmanTables?: TablesPart }).pointsmanTables = part;
