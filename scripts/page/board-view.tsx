/** The train board of a table: its groups by release, what it changes against another, and who runs what. */
import { useMemo, useState } from "preact/hooks";
import { count } from "../count.ts";
import { visibleOnLine } from "../visible.ts";
import { ChangesView } from "./changes-view.tsx";
import { FirstOf } from "./first-of.tsx";
import { FleetView } from "./fleet-view.tsx";
import type { BoardProps } from "./of-tables-part.tsx";
import { Scrolled } from "./scrolled.tsx";
import { TableField } from "./table-field.tsx";
import { type TrainBoard, trainBoard } from "./train-board.ts";
import { type TableFile, whatChanges } from "./what-changes.ts";

export function BoardView({ opened: { name, bytes } }: BoardProps) {
  const board = useMemo(() => trainBoard(bytes), [bytes]);
  const [before, setBefore] = useState<TableFile | null>(null);
  const changes = useMemo(() => before && whatChanges(before, { name, bytes }), [before, name, bytes]);
  return (
    <div class="board">
      <section aria-labelledby="board-title">
        <h2 id="board-title">Groups, versions and releases</h2>
        <p>
          {visibleOnLine(name)}, generation {board.generation}
          {board.farm !== null && `, of the farm ${visibleOnLine(board.farm)}`}: {count(board.wikis, "wiki")}{" "}
          on {count(board.releases.length + board.more.releases, "release")}
        </p>
        <Groups board={board} />
        {board.notes.map(({ title, lines }) => (
          <div key={title}>
            <h3>{title}</h3>
            <FirstOf lines={lines} />
          </div>
        ))}
      </section>
      <section aria-labelledby="against-title">
        <h2 id="against-title">What it changes</h2>
        <TableField label="Against a table before it: choose its file, or drop it here" onTable={setBefore} />
        {changes !== null && <ChangesView {...changes} />}
      </section>
      <FleetView digest={board.digest} />
    </div>
  );
}

function Groups({ board: { releases, groups, wikis, more } }: { board: TrainBoard }) {
  const isAnyOff = groups.some(({ cells }) => cells.some(({ off }) => off));
  return (
    <>
      <Scrolled label="Wikis by group and release">
        <table>
          <caption>How many wikis of a group are on a release</caption>
          <thead>
            <tr>
              <th scope="col">Group</th>
              {releases.map(({ release, version }) => (
                <th key={release} scope="col" class="number">
                  {visibleOnLine(release)}
                  <span class="quiet"> {release === version ? "" : visibleOnLine(version)}</span>
                </th>
              ))}
              <th scope="col" class="number">
                All
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ group, list, cells, wikis }) => (
              <tr key={group ?? ""}>
                <th scope="row">
                  {group === null ? "in no group" : visibleOnLine(group)}
                  {list !== null && <span class="quiet"> {visibleOnLine(list)}</span>}
                </th>
                {cells.map(({ wikis, off }, i) => (
                  <td key={i} class={`number ${wikis === 0 ? "quiet" : ""}`}>
                    {wikis}
                    {off && "*"}
                  </td>
                ))}
                <td class="number">{wikis}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">All</th>
              {releases.map(({ release, wikis }) => (
                <td key={release} class="number">
                  {wikis}
                </td>
              ))}
              <td class="number">{wikis}</td>
            </tr>
          </tfoot>
        </table>
      </Scrolled>
      {isAnyOff && <p class="quiet">* not on the release that is called as the group</p>}
      {more.releases + more.groups > 0 && (
        <p>
          and {count(more.releases, "release")} and {count(more.groups, "group")} more, with{" "}
          {count(more.wikis, "wiki")} that no cell above counts
        </p>
      )}
    </>
  );
}
