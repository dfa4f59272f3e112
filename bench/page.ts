/** The results as one HTML page: the Markdown's tables, and plots as SVG within the page. */
import { type EChartsOption, init } from "echarts";
import type { Grown, InEnvoy } from "./growth.ts";
import { markdownOf } from "./markdown.ts";
import type { RequestCost } from "./request-cost.ts";
import { above, type Measure, type Results } from "./results.ts";
import { TITLES, type VariantName } from "./variants.ts";

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 14px; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25rem 0.6rem; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: 0.5rem 1rem 0.5rem 0; }
svg { max-width: 100%; height: auto; }
`;

export function pageOf(results: Results): string {
  const plots = [
    ...(results.requests ? requestPlots(results.requests) : []),
    ...(results.growth && results.growth.length > 1 ? growthPlots(results.growth) : []),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What Pointsman costs</title>
<style>${STYLE}</style>
<h1>What Pointsman costs</h1>
${plots.map((svg) => `<figure>${svg}</figure>`).join("\n")}
${htmlOf(markdownOf(results))}
</html>
`;
}

/** Of the Markdown that we write ourselves: paragraphs, tables, bold text. */
function htmlOf(markdown: string): string {
  return markdown
    .trim()
    .split("\n\n")
    .map((block) => (block.startsWith("|") ? htmlTable(block) : `<p>${inline(block)}</p>`))
    .join("\n");
}

function htmlTable(block: string): string {
  const [head, , ...rows] = block.split("\n").map((line) => line.slice(2, -2).split(" | "));
  const row = (cells: string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${row(head!, "th")}${rows.map((cells) => row(cells, "td")).join("\n")}</table>`;
}

function inline(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return escaped.replaceAll(/\*\*(.+?)\*\*/g, "<strong>$1</strong>");
}

// ---- Plots ----------------------------------------------------------------------------------------------

function draw(option: EChartsOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 540, height: 340 });
  try {
    chart.setOption({ animation: false, backgroundColor: "#fff", ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function requestPlots(cost: RequestCost): string[] {
  const counted = cost.withoutInstructions === null;
  return [
    ...(counted
      ? [bars(cost, "browser", "Thousands of instructions above no filter, a browser's headers")]
      : []),
    ...(counted ? [bars(cost, "few", "Thousands of instructions above no filter, few headers")] : []),
    bars(cost, "cpu", "CPU µs above no filter, a browser's headers"),
  ];
}

function bars(cost: RequestCost, measure: Measure, title: string): string {
  const scale = measure === "cpu" ? 1 : 1 / 1000;
  const shown = cost.variants
    .filter(({ name }) => name !== "no-filter")
    .map(({ name, title: label }) => ({ name, label, value: (above(cost, name, measure) ?? 0) * scale }))
    .sort((a, b) => b.value - a.value);
  return draw({
    title: { text: title, textStyle: { fontSize: 14 } },
    grid: { left: 190, right: 50, top: 40, bottom: 30 },
    xAxis: { type: "value" },
    yAxis: { type: "category", data: shown.map(({ label }) => label) },
    series: [
      {
        type: "bar",
        data: shown.map(({ name, value }) => ({
          value: Number(value.toFixed(1)),
          itemStyle: { color: name === "pointsman" ? "#c0392b" : "#7f8c8d" },
        })),
        label: { show: true, position: "right" },
      },
    ],
  });
}

type Point = [hosts: number, value: number];

function growthPlots(growth: readonly Grown[]): string[] {
  const line = (of: (one: Grown) => number): Point[] => growth.map((one) => [one.hosts, of(one)]);
  const kinds = Object.keys(growth[0]!.lookUps.nanos) as (keyof Grown["lookUps"]["nanos"])[];
  return [
    lines("Pack, s", { time: line((one) => one.pack.seconds) }),
    lines("Pack, MB at its peak; the table, MB", {
      "pack's memory": line((one) => one.pack.peakBytes / 1e6),
      table: line((one) => one.tableBytes / 1e6),
    }),
    lines("Load in the VM, ms", { load: line((one) => one.loadMs) }),
    lines(
      "A look-up in the VM, ns",
      Object.fromEntries(kinds.map((kind) => [kind, line((one) => one.lookUps.nanos[kind])])),
      "value",
    ),
    lines(
      "Thousands of instructions a request",
      inEnvoy(growth, (one) => one.instructions && one.instructions / 1000),
      "value",
    ),
    lines(
      "CPU µs a request",
      inEnvoy(growth, (one) => one.cpuMicros),
      "value",
    ),
    lines(
      "Envoy's memory with one worker, MB",
      inEnvoy(growth, (one) => one.memoryBytes / 1e6),
    ),
    lines(
      "Envoy's start, ms",
      inEnvoy(growth, (one) => one.startMs),
    ),
  ];
}

function inEnvoy(growth: readonly Grown[], of: (one: InEnvoy) => number | null): Record<string, Point[]> {
  const series: Record<string, Point[]> = {};
  for (const { hosts, inEnvoy: measured } of growth) {
    for (const one of measured) {
      const value = of(one);
      if (value === null) continue;
      const title = TITLES[one.name as VariantName];
      series[title] = [...(series[title] ?? []), [hosts, value]];
    }
  }
  return series;
}

function lines(title: string, series: Record<string, Point[]>, yAxis: "log" | "value" = "log"): string {
  return draw({
    title: { text: title, textStyle: { fontSize: 14 } },
    legend: { bottom: 0 },
    grid: { left: 60, right: 30, top: 40, bottom: 60 },
    xAxis: { type: "log", name: "hosts", nameLocation: "middle", nameGap: 25 },
    yAxis: { type: yAxis, min: yAxis === "value" ? 0 : undefined },
    series: Object.entries(series).map(([name, data]) => ({
      type: "line" as const,
      name,
      data: data.map(([hosts, value]) => [hosts, Number(value.toPrecision(3))]),
    })),
  });
}
