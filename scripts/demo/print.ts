/** What the demo shows. */
import type { DemoRequest, Outcome } from "./requests.ts";

export interface Style {
  bold(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

const paint = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const plain = (text: string) => text;

/** Colours only for a terminal. */
export function style(colour: boolean): Style {
  return colour
    ? { bold: paint(1), good: paint(32), bad: paint(31) }
    : { bold: plain, good: plain, bad: plain };
}

/** The requests and where each went, as the lines of a table. */
export function outcomeLines(outcomes: Outcome[], { bold, good, bad }: Style): string[] {
  const rows = outcomes.map((one) => [
    describe(one.request),
    one.route?.wiki ?? "–",
    one.route?.release ?? "–",
    one.cluster,
    one.saw.map(({ values }) => values.join(", ") || "–").join(" · "),
  ]);
  const heads = ["request", "wiki", "release", "went to", headersSeen(outcomes)];
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) => cells.map((cell, i) => cell.padEnd(widths[i]!)).join("  ");
  return [
    bold(line(heads).trimEnd()),
    ...rows.map((row, i) => {
      const { asTheTableSaid, route } = outcomes[i]!;
      return asTheTableSaid
        ? `${line(row)}  ${good("✓")}`
        : `${line(row)}  ${bad(`✗ the table says ${route?.cluster ?? "pass through"}`)}`;
    }),
  ];
}

/** Commands that do by hand what the table shows. */
export function curlLines(port: number, clusterHeader: string, requests: DemoRequest[]): string[] {
  return requests.map(({ host, path, spoof }) => {
    const header = spoof === undefined ? "" : ` -H ${quoted(`${clusterHeader}: ${spoof}`)}`;
    return `curl -s -H ${quoted(`Host: ${host}`)}${header} ${quoted(`http://127.0.0.1:${port}${path}`)}`;
  });
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function headersSeen(outcomes: Outcome[]): string {
  const names = outcomes[0]?.saw.map((one) => one.header) ?? [];
  return `upstream saw ${names.join(" · ")}`;
}

function describe({ host, path, spoof }: DemoRequest): string {
  return `${host}${path}${spoof === undefined ? "" : ` (client says ${spoof})`}`;
}
