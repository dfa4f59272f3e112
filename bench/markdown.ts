/** The results as Markdown tables, for people in a terminal and, the gist of them, for the README. */
import { above, goals, holds, type Results, ratio, shortCount } from "./results.ts";

export function markdownOf(results: Results): string {
  const { machine, quick } = results;
  const parts = [
    `${machine.cpus} CPUs (${machine.cpu}), Node ${machine.node}, ${machine.envoy}${quick ? "; a quick run: believe the order alone" : ""}.`,
    requestTable(results),
    growthTable(results),
    lookUpTable(results),
    updateTable(results),
    startTable(results),
    goalTable(results),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, n) => (n === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

const thousands = (count: number | null) => (count === null ? "–" : (count / 1000).toFixed(1));
const micros = (value: number) => (Number.isFinite(value) ? value.toFixed(value < 100 ? 1 : 0) : "failed");
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

function requestTable({ requests, farm }: Results): string {
  if (!requests) return "";
  const plus = (value: number | null, show: (value: number) => string) =>
    value === null ? "–" : `${value < 0 ? "−" : "+"}${show(Math.abs(value))}`;
  const rows = requests.variants.map(({ name, title, cpu, calmCpu, latency, instructions }) => {
    const base = name === "no-filter";
    return [
      title,
      base ? thousands(instructions?.few ?? null) : plus(above(requests, name, "few"), thousands),
      base ? thousands(instructions?.browser ?? null) : plus(above(requests, name, "browser"), thousands),
      base || name === "pointsman" ? "" : (ratio(requests, name, "browser")?.toFixed(2) ?? "–"),
      base ? micros(calmCpu.median) : plus(above(requests, name, "cpu"), micros),
      `${micros(cpu.min)}–${micros(cpu.max)}`,
      micros(latency.p50),
      micros(latency.p99),
    ];
  });
  const head = [
    "a request",
    "k instructions, few headers",
    "a browser's headers",
    "Pointsman ÷ this",
    "CPU µs",
    "CPU µs in all, from–to",
    "p50 µs",
    "p99 µs",
  ];
  return `**A request to the farm of ${farm.wikis.toLocaleString("en")} wikis.** The first row is Envoy alone, the others what they add to it. CPU: the median of the calmest quarter of ${requests.rounds} rounds in turns, kept busy by ${requests.load}; latency at ${requests.rate} requests a second.${requests.withoutInstructions ? ` No instructions: ${requests.withoutInstructions}.` : ""}

${table(head, rows)}`;
}

/** What a request costs, at a glance. */
export function readmeTable({ requests }: Results): string {
  if (!requests) return "";
  const [base] = requests.variants;
  const rows = requests.variants
    .slice(1)
    .map(({ name, title }) => [
      name === "pointsman" ? `**${title}**` : title,
      thousands(above(requests, name, "browser")),
      micros(above(requests, name, "cpu")!),
    ]);
  const whole = `${thousands(base!.instructions?.browser ?? null)} k instructions, ${micros(base!.calmCpu.median)} µs`;
  return table([`what a request costs above ${base!.title} (${whole})`, "k instructions", "CPU µs"], rows);
}

function growthTable({ growth }: Results): string {
  if (!growth) return "";
  const rows = growth.flatMap((one) => [
    ...one.inEnvoy.map((inEnvoy, n) => [
      n === 0 ? shortCount(one.hosts) : "",
      n === 0 ? one.pack.seconds.toFixed(1) : "",
      n === 0 ? (one.pack.peakBytes / 1e6).toFixed(0) : "",
      n === 0 ? megabytes(one.tableBytes) : "",
      n === 0 ? one.overheadBytesAHost.toFixed(1) : "",
      n === 0 ? one.loadMs.toFixed(1) : "",
      inEnvoy.name,
      thousands(inEnvoy.instructions),
      micros(inEnvoy.cpuMicros),
      megabytes(inEnvoy.memoryBytes),
      megabytes(inEnvoy.workerBytes),
      inEnvoy.startMs.toFixed(0),
    ]),
    ...one.leftOut.map(({ name, why }) => [
      "",
      "",
      "",
      "",
      "",
      "",
      name,
      `not measured: ${why}`,
      "",
      "",
      "",
      "",
    ]),
  ]);
  const head = [
    "hosts",
    "pack s",
    "pack MB",
    "table MB",
    "bytes a host above its keys",
    "load ms",
    "in Envoy",
    "k instructions a request",
    "CPU µs",
    "MB with one worker",
    "MB a further worker",
    "start ms",
  ];
  return `**As the farm grows**, each host of a wiki of its own.\n\n${table(head, rows)}`;
}

function lookUpTable({ growth }: Results): string {
  const [first] = growth ?? [];
  if (!growth || !first) return "";
  const kinds = Object.keys(first.lookUps.nanos) as (keyof typeof first.lookUps.nanos)[];
  const rows = growth.map(({ hosts, lookUps }) => [
    shortCount(hosts),
    ...kinds.map((kind) => lookUps.nanos[kind].toFixed(0)),
  ]);
  return `**A look-up in the VM**, ns.\n\n${table(["hosts", ...kinds], rows)}`;
}

function updateTable({ updates }: Results): string {
  if (!updates) return "";
  const rows = updates.ways.map(({ title, switchMs, requests, failed, bytes, fileBytes, memoryBytes }) => [
    title,
    `${switchMs.median.toFixed(0)} (${switchMs.min.toFixed(0)}–${switchMs.max.toFixed(0)})`,
    bytes.toLocaleString("en"),
    fileBytes.toLocaleString("en"),
    `${failed} of ${requests.toLocaleString("en")}`,
    `${megabytes(memoryBytes.before)} → ${megabytes(memoryBytes.after)}`,
  ]);
  const head = [
    "an update",
    "ms to the last worker's switch",
    "bytes (protobuf)",
    "bytes (file)",
    "failed requests",
    "MB after a tenth → all",
  ];
  return `**${updates.updates} updates under load**, ${updates.workers} workers.\n\n${table(head, rows)}`;
}

function startTable({ start }: Results): string {
  if (!start) return "";
  const workers = start.variants[0]!.memory.map((one) => one.workers);
  const rows = start.variants.map(({ title, firstMs, memory }) => [
    title,
    firstMs.min.toFixed(0),
    ...memory.map(({ bytes }) => megabytes(bytes)),
  ]);
  const head = [
    "Envoy's start",
    "ms to the first routed request",
    ...workers.map((n) => `MB, ${n} worker${n > 1 ? "s" : ""}`),
  ];
  return `**Start.** The module has ${start.wasmBytes.toLocaleString("en")} bytes (${start.wasmGzipBytes.toLocaleString("en")} gzipped), the table ${start.tableBytes.toLocaleString("en")}.\n\n${table(head, rows)}`;
}

function goalTable(results: Results): string {
  const all = goals(results);
  if (all.length === 0) return "";
  const show = (value: number) =>
    value >= 20 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2);
  const rows = all.map((goal) => [
    goal.what,
    `${show(goal.measured)} ${goal.unit}`.trim(),
    `${show(goal.most)} ${goal.unit}`.trim(),
    holds(goal) ? "yes" : "**no**",
  ]);
  return `**What was promised.**\n\n${table(["what", "measured", "at most", "holds"], rows)}`;
}
