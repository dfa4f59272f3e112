/** `pointsman verify --shadow`: where requests went, beside where the table would have sent them. */
import { InvalidArgumentError } from "commander";
import { count } from "../count.ts";
import { progressLines } from "../progress.ts";
import { type Compared, compareShadow } from "../verify/shadow-log.ts";
import { visibleOnLine } from "../visible.ts";
import { openInput } from "./files.ts";

export interface ShadowOptions {
  shadow: string;
  shadowField: string;
  presentField: string;
  same: Map<string, Set<string>>;
  json?: boolean;
}

/** How often a progress is looked at. */
const LINES = 1000;

export async function verifyShadow({ shadow: file, json, ...options }: ShadowOptions): Promise<void> {
  const { stream, share } = openInput(file);
  const progress = progressLines((line) => process.stderr.write(line));
  const compared = await compareShadow(stream, file, options, (line) => {
    const read = line % LINES === 0 ? share() : null;
    if (read !== null) progress("comparing", Math.floor(1000 * read), 1000);
  });
  process.stdout.write(json ? `${JSON.stringify(compared)}\n` : show(compared));
  const { agreed, disagreed, unreadable } = compared;
  process.exitCode = agreed > 0 && disagreed === 0 && unreadable === 0 ? 0 : 1;
}

/** `FROM=TO`: the same cluster. */
export function collectSame(text: string, same: ShadowOptions["same"]): ShadowOptions["same"] {
  const [, from, to] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined)
    throw new InvalidArgumentError("Write the same cluster's names as PRESENT=TABLE.");
  return new Map(same).set(from, new Set([...(same.get(from) ?? []), to]));
}

const PAIRS_SHOWN = 20;

function show(compared: Compared): string {
  const { agreed, disagreed, ofBody, silent, unreadable, disagreements, firstUnreadable } = compared;
  const shown = disagreements.slice(0, PAIRS_SHOWN);
  const more = disagreed - shown.reduce((sum, pair) => sum + pair.count, 0);
  return [
    ...shown.map(({ from, to, count: many, first }) => {
      const [{ line, request } = { line: 0, request: null }] = first;
      const text = `${many} went to ${from} and would go to ${to}, as line ${line}${request === null ? "" : `: ${request}`}`;
      return visibleOnLine(text);
    }),
    ...(more > 0 ? [`${more} more, to and from others`] : []),
    ...firstUnreadable.map(({ line, error }) => visibleOnLine(`line ${line}: ${error}`)),
    ...(unreadable > firstUnreadable.length
      ? [`${unreadable - firstUnreadable.length} more lines cannot be read`]
      : []),
    ...(ofBody > 0 ? [`${count(ofBody, "job")} not compared, as the body says the wiki`] : []),
    ...(silent > 0 ? [`${count(silent, "request")} not compared, as the filter said nothing`] : []),
    `${agreed} agreed, ${disagreed} disagreed, ${unreadable} unreadable`,
    "",
  ].join("\n");
}
