/** What became of the request, by the filter and by the TypeScript reader side by side. */
import type { Said } from "../explain/explainer.ts";
import { visibleOnLine } from "../visible.ts";
import type { Answered } from "./asker.ts";

export const ROWS: [keyof Said, string][] = [
  ["wiki", "Wiki"],
  ["group", "Group"],
  ["release", "Release"],
  ["version", "Version"],
  ["deployment", "Deployment"],
  ["cluster", "Cluster"],
  ["host", "Host becomes"],
  ["status", "Answered with"],
];

export function AnswerView({ answered: { question, compared } }: { answered: Answered }) {
  const { answer, filter, reader, differences } = compared;
  const rows = ROWS.filter(([what]) => filter[what] !== null || reader[what] !== null);
  const { method, authority, path } = question;
  return (
    <section aria-label="Answer" class="answer">
      <p role="status">
        <span class="quiet">
          {visibleOnLine(method)} {visibleOnLine(authority ?? "(no host)")}
          {visibleOnLine(path)}
        </span>{" "}
        <b>{summary(answer)}</b>
      </p>
      {differences.length > 0 && (
        <p class="problem" role="alert">
          ✗ The filter and the TypeScript reader differ in {differences.join(", ")}. This is a bug of
          Pointsman: please report it with the table and this page's link.
        </p>
      )}
      {rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">pointsman.wasm</th>
              <th scope="col">TypeScript reader</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([what, label]) => {
              const isSame = filter[what] === reader[what];
              return (
                <tr key={what} class={isSame ? "" : "differs"}>
                  <th scope="row">
                    {label}
                    {isSame ? "" : ": differs"}
                  </th>
                  <td>{shown(filter[what])}</td>
                  <td>{shown(reader[what])}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      <p class="quiet">{visibleOnLine(answer.why)}</p>
    </section>
  );
}

function summary({ cluster, status }: Said): string {
  if (status !== null) return `is answered with ${status}`;
  return cluster === null ? "passes through" : `goes to ${visibleOnLine(cluster)}`;
}

export const shown = (value: string | number | null): string =>
  value === null ? "–" : visibleOnLine(String(value));
