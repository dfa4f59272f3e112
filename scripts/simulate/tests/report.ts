/** What came of tests, in the forms that people and CI systems read. */
import { count } from "../../count.ts";
import { visibleOnLine } from "../../visible.ts";
import type { Failure, Ran } from "./run.ts";

export type Report = (results: readonly Ran[]) => string;

/** By the names of `--format`, and of `--json`. */
export const REPORTS: ReadonlyMap<string, Report> = new Map([
  ["text", asText],
  ["tap", asTap],
  ["junit", asJUnit],
  ["json", asJson],
]);

const hasFailed = ({ failures }: Ran): boolean => failures.length > 0;

const placeOf = ({ place: { file, line, column } }: Pick<Failure, "place">): string =>
  `${file}:${line}:${column}`;

/** The sum of a test's time, as `12 ms`. */
const timeOf = ({ milliseconds }: Ran): string => `${Math.round(milliseconds)} ms`;

const LOGS_SHOWN = 20;

/** The last of a long log. */
function logsOf({ logs }: Ran): string[] {
  const more = logs.length - LOGS_SHOWN;
  return more > 0 ? [`… ${more} before`, ...logs.slice(-LOGS_SHOWN)] : [...logs];
}

function asText(results: readonly Ran[]): string {
  const lines: string[] = [];
  let file: string | null = null;
  for (const ran of results) {
    if (ran.test.file !== file) lines.push(ran.test.file);
    file = ran.test.file;
    lines.push(`  ${hasFailed(ran) ? "FAILED" : "ok    "} ${visibleOnLine(ran.test.name)} (${timeOf(ran)})`);
    for (const failure of ran.failures) lines.push(...textOf(failure).map((line) => `           ${line}`));
    const logs = hasFailed(ran) ? logsOf(ran) : [];
    if (logs.length > 0)
      lines.push(
        "           the module logged:",
        ...logs.map((line) => `             ${visibleOnLine(line)}`),
      );
  }
  const failed = results.filter(hasFailed).length;
  lines.push(`${count(results.length, "test")}, ${failed === 0 ? "all passed" : `${failed} failed`}`);
  return `${lines.join("\n")}\n`;
}

function textOf(failure: Failure): string[] {
  const indented = (label: string, text: string): string[] =>
    text.split("\n").map((line, i) => `  ${(i === 0 ? label : "").padEnd(9)} ${visibleOnLine(line)}`);
  return [
    `${placeOf(failure)}: ${visibleOnLine(failure.what)}`,
    ...indented("expected", failure.expected),
    ...indented("actual", failure.actual),
  ];
}

/** TAP version 14: https://testanything.org/tap-version-14-specification.html */
function asTap(results: readonly Ran[]): string {
  const isOneFile = new Set(results.map(({ test }) => test.file)).size === 1;
  const lines = ["TAP version 14", `1..${results.length}`];
  for (const [i, ran] of results.entries()) {
    const name = (isOneFile ? "" : `${ran.test.file}: `) + ran.test.name;
    const description = visibleOnLine(name).replace(/[\\#]/g, "\\$&");
    lines.push(`${hasFailed(ran) ? "not ok" : "ok"} ${i + 1} - ${description}`, ...diagnosticsOf(ran));
  }
  return `${lines.join("\n")}\n`;
}

/** A block of YAML, in which each value is JSON. */
function diagnosticsOf(ran: Ran): string[] {
  const block = [`duration_ms: ${ran.milliseconds.toFixed(3)}`];
  if (hasFailed(ran)) {
    block.push("failures:");
    for (const failure of ran.failures) {
      const { what, expected, actual } = failure;
      const [first, ...rest] = Object.entries({ at: placeOf(failure), what, expected, actual });
      const pair = ([key, value]: [string, string]) => `${key}: ${JSON.stringify(value)}`;
      block.push(`  - ${pair(first!)}`, ...rest.map((one) => `    ${pair(one)}`));
    }
    block.push(`logs: ${JSON.stringify(logsOf(ran))}`);
  }
  return ["---", ...block, "..."].map((line) => `  ${line}`);
}

/** JUnit's XML, as Ant, Surefire, GitLab and Jenkins read it. */
function asJUnit(results: readonly Ran[]): string {
  const files = [...new Set(results.map(({ test }) => test.file))];
  const suites = files.map((file) => {
    const ran = results.filter(({ test }) => test.file === file);
    const cases = ran.map((one) => caseOf(one)).join("");
    return `  <testsuite ${attributes({ name: file, ...totals(ran) })}>\n${cases}  </testsuite>\n`;
  });
  const head = `<?xml version="1.0" encoding="UTF-8"?>\n`;
  return `${head}<testsuites ${attributes({ name: "pointsman simulate", ...totals(results) })}>\n${suites.join("")}</testsuites>\n`;
}

function totals(results: readonly Ran[]): Record<string, string> {
  const milliseconds = results.reduce((sum, ran) => sum + ran.milliseconds, 0);
  const failures = results.filter(hasFailed).length;
  return {
    tests: `${results.length}`,
    failures: `${failures}`,
    errors: "0",
    skipped: "0",
    time: seconds(milliseconds),
  };
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3);

function caseOf(ran: Ran): string {
  const { name, file, place, profile } = ran.test;
  const known = {
    name,
    classname: profile.name,
    file,
    line: `${place.line}`,
    time: seconds(ran.milliseconds),
  };
  const message = [...new Set(ran.failures.map(({ what }) => what))].join("; ");
  const details = ran.failures.flatMap(textOf).join("\n");
  const failed = hasFailed(ran)
    ? `      <failure ${attributes({ type: "expectation", message })}>${xml(details)}</failure>\n`
    : "";
  const logs = ran.logs.length > 0 ? `      <system-out>${xml(logsOf(ran).join("\n"))}</system-out>\n` : "";
  return `    <testcase ${attributes(known)}>\n${failed}${logs}    </testcase>\n`;
}

const attributes = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${xml(value).replace(/[\n\t]/g, " ")}"`)
    .join(" ");

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** What XML has no character for is shown as JSON shows it. */
function xml(text: string): string {
  return text
    .replace(/[&<>"]/g, (char) => ENTITIES[char]!)
    .replace(
      /[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}

function asJson(results: readonly Ran[]): string {
  const tests = results.map(({ test, failures, logs, milliseconds }) => {
    const { name, file, place, profile } = test;
    const passed = failures.length === 0;
    return {
      name,
      file,
      line: place.line,
      profile: profile.name,
      passed,
      milliseconds,
      failures: failures.map(flat),
      logs,
    };
  });
  const failed = results.filter(hasFailed).length;
  return `${JSON.stringify({ passed: results.length - failed, failed, tests })}\n`;
}

const flat = ({ place: { file, line, column }, what, expected, actual }: Failure) => ({
  ...{ file, line, column },
  ...{ what, expected, actual },
});
