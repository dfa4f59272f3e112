/** docs/conformance.md, out of what was found. */
import { PROFILES } from "../../scripts/simulate/profiles.ts";
import { type Found, TRIED } from "./found.ts";

const NAMES = [...PROFILES.keys()];
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  row(head) + row(head.map(() => "---")) + rows.map(row).join("");

/** @param envoys the profiles whose real Envoys were asked @param lacking what could not be had, and why */
export function page(
  found: readonly Found[],
  envoys: readonly string[],
  lacking: readonly (readonly [string, string])[] = [],
): string {
  const reasons: string[] = [];
  const cell = (reason: string | null | undefined): string => {
    if (reason === null) return "yes";
    if (reason === undefined) return "";
    if (!reasons.includes(reason)) reasons.push(reason);
    return `no (${reasons.indexOf(reason) + 1})`;
  };
  const loads = found.map(({ name, made, loads }) => [
    `\`${name}\``,
    made,
    ...NAMES.map((profile) => cell(loads[profile])),
  ]);
  const same = found
    .filter((one) => Object.values(one.same).some((count) => count !== null))
    .map((one) => [
      `\`${one.name}\``,
      ...envoys.map((envoy) => (one.same[envoy] == null ? "" : `${one.same[envoy]} of ${TRIED}`)),
    ]);
  const refusals = found.flatMap(({ refused }) => Object.values(refused));
  return `# Modules of others

\`npm run conformance\` writes this page. It runs modules that were not made for the simulator: thirteen that others
compiled from the examples of the Go, Rust and C++ SDKs (\`../shared/data/modules\`); small guests in Rust, Go and C
that it builds itself, once, with several versions of SDKs and for several targets; and plugins that their makers
compiled for Higress, a gateway made of Envoy, as PyPI has them. Their ABI 0.2.100 is none of Envoy's; one is tried
also with the marker of its ABI renamed. What it cannot build or fetch, it leaves out and says so. \`npm test\` checks
what this page says of the thirteen; where those of Go load, the command alone sees.

## Where each loads

A module loads where it starts and takes a configuration. The numbers are reasons, below. Where the profile of an Envoy
refuses one, that real Envoy was asked too: ${refusals.filter(Boolean).length} of ${refusals.length} times it refused it in the same words.

${table(["module", "of what", ...NAMES], loads)}
${table(
  ["", "why it is refused"],
  reasons.map((reason, i) => [`${i + 1}`, reason.replaceAll("|", "\\|")]),
)}
## The same as Envoy

So many of ${TRIED} requests, with bodies and answers of many kinds, got the same from the simulator and from the real
Envoy of that version: what upstream got, what the client got, and what the module logged, byte for byte, but for the
headers that \`test/same-as-envoy/envoy-around.ts\` names. The five of the thirteen that are no HTTP filters are
compared in \`tcp.test.ts\` and \`services.test.ts\` beside it.

${table(["module", ...envoys], same)}${lacking.length === 0 ? "" : `\nNot had here: ${lacking.map(([name, why]) => `\`${name}\` (${why})`).join("; ")}.\n`}`;
}
