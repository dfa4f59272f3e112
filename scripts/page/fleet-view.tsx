/** Who runs what: out of a file, as the page may ask nobody but the `npm run page -- --fleet` that it comes from. */
import { useEffect, useState } from "preact/hooks";
import { visibleOnLine } from "../visible.ts";
import { FileField } from "./file-field.tsx";
import { FirstOf } from "./first-of.tsx";
import { FLEET_FILE_BYTES, type FleetSays, readFleet } from "./fleet-file.ts";
import { Scrolled } from "./scrolled.tsx";

const ROUND_MS = 3000;
/** Rows of a table. */
const SHOWN = 200;

export function FleetView({ digest }: { digest: string }) {
  const [said, setSaid] = useState<{ name: string; fleet: FleetSays } | null>(null);
  const [problem, setProblem] = useState("");
  const take = (name: string, read: FleetSays | string) => {
    if (typeof read === "string") setProblem(`${name}: ${read}`);
    else {
      setProblem("");
      setSaid({ name, fleet: read });
    }
  };
  const open = async (file: File) =>
    take(file.name, file.size > FLEET_FILE_BYTES ? "it is too long" : readFleet(await file.text()));
  useEffect(() => {
    const offered = document.querySelector<HTMLMetaElement>("meta[name=fleet]")?.content;
    if (offered === undefined) return;
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      const read = await fetch(offered).then(
        async (answer) => (answer.ok ? readFleet(await answer.text()) : answer.text()),
        () => "the program that this page comes from does not answer",
      );
      take("As it is now", read);
      timer = setTimeout(look, ROUND_MS);
    };
    void look();
    return () => clearTimeout(timer);
  }, []);
  return (
    <section class="fleet" aria-labelledby="fleet-title">
      <h2 id="fleet-title">Who runs what</h2>
      <FileField
        label="What `pointsman status --json` printed, /status of `serve`, or a store's rollout.json: choose the file, or drop it here"
        onFile={(file) => void open(file)}
      />
      <p class="problem" role="alert">
        {visibleOnLine(problem)}
      </p>
      {said !== null && <Said {...said} digest={digest} />}
    </section>
  );
}

function Said({ name, fleet, digest }: { name: string; fleet: FleetSays; digest: string }) {
  const { wanted, sentences, runs, proxies, rows, stages } = fleet;
  return (
    <>
      <p role="status">
        <b>{visibleOnLine(name)}</b>
        {wanted.digest !== null &&
          (wanted.digest === digest
            ? ": what it wants served is the content of the table above"
            : ": what it wants served has another content than the table above")}
      </p>
      <FirstOf lines={sentences} />
      {stages.length > 0 && (
        <Scrolled label="Stages of the push">
          <table>
            <caption>Stages of the push</caption>
            <thead>
              <tr>
                <th scope="col">Stage</th>
                <th scope="col">How it stands</th>
              </tr>
            </thead>
            <tbody>
              {stages.slice(0, SHOWN).map((stage, i) => (
                <tr key={i}>
                  <th scope="row">{visibleOnLine(stage.name)}</th>
                  <td>{stage.state}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      {runs.length > 0 && (
        <Scrolled label="Generations">
          <table>
            <caption>What proxies run</caption>
            <thead>
              <tr>
                <th scope="col">Runs</th>
                <th scope="col" class="number">
                  Proxies
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.slice(0, SHOWN).map(({ what, proxies: some }) => (
                <tr key={what}>
                  <th scope="row">{what}</th>
                  <td class="number">
                    {some} of {proxies}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      {rows.length > 0 && (
        <Scrolled label="Each proxy">
          <table>
            <caption>
              Each proxy{rows.length > SHOWN && `: the first ${SHOWN} of ${rows.length} listeners`}
            </caption>
            <thead>
              <tr>
                {["Proxy", "Listener", "State", "What is so"].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, SHOWN).map(([proxy = "", ...cells], i) => (
                <tr key={i}>
                  <th scope="row">{visibleOnLine(proxy)}</th>
                  {cells.map((cell, i) => (
                    <td key={i}>{visibleOnLine(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </>
  );
}
