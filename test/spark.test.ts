/** The example for Spark counts as the decoder does, on the real Spark and by its functions alone. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decide } from "../scripts/table/decide.ts";
import type { Table } from "../scripts/table/table.ts";
import { DATA_IS_ABSENT, projectPath } from "./support/data.ts";
import { loadFarm, tableOf } from "./support/farms.ts";
import { findSpark, sparkEnvironment } from "./support/get-spark.ts";

/** POINTSMAN_LOG_LINES=1000000, as `npm run test:spark` has it, takes two minutes. */
const LINES = Number(process.env.POINTSMAN_LOG_LINES ?? 20_000);
const FILES = 4;
const READERS = projectPath("examples/readers/python");
const MODULE = join(READERS, "pointsman_table.py");
const SCRIPT = projectPath("examples/spark/rehearse.py");

let folder: string;
let expected: Summary;

interface Summary {
  requests: number;
  unread: number;
  unlogged: number;
  agree: number;
  disagree: number;
  kind: Record<string, number>;
  wiki: Record<string, number>;
  release: Record<string, number>;
  deployment: Record<string, number>;
  disagreements: { logged: string | null; decided: string; wiki: string | null; requests: number }[];
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-spark-"));
  const table = tableOf(loadFarm(DATA_IS_ABSENT ? "small" : "production").plan);
  writeFileSync(join(folder, "farm.table"), table.bytes);
  expected = writeLogs(table);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Lines as `render`'s access log has them, and what the decoder says of them. */
function writeLogs(table: Table): Summary {
  const hosts = hostsOf(table);
  const paths = [
    "/wiki/Main_Page",
    "/w/api.php?action=query",
    "/w/index.php?title=X%2FY",
    "//w//api.php",
    "/",
  ];
  const said: Summary = {
    ...{ requests: 0, unread: 0, unlogged: 0, agree: 0, disagree: 0 },
    ...{ kind: {}, wiki: {}, release: {}, deployment: {}, disagreements: [] },
  };
  const add = (counts: Record<string, number>, key: string | null) => {
    counts[key ?? "-"] = (counts[key ?? "-"] ?? 0) + 1;
  };
  const wrong = new Map<string, number>();
  mkdirSync(join(folder, "logs"));
  for (let number = 0, i = 0; number < FILES; number++) {
    const file = openSync(join(folder, `logs/${number}.json`), "w");
    for (let text = ""; i < (LINES / FILES) * (number + 1); i++) {
      const authority = hosts[(i * 7919) % hosts.length]!;
      const path = paths[i % paths.length]!;
      const client = `192.0.2.${i % 250}`;
      const { answer } = decide(table, { authority, target: path, client });
      const cluster = answer.kind === "route" ? answer.cluster : null;
      // Of a hundred requests one went elsewhere; of a thousand lines one is none.
      const logged = i % 100 === 37 ? "mw-web-old" : i % 100 === 38 ? null : cluster;
      const line = { time: i, authority, path, method: "GET", client, cluster: logged ?? "-" };
      text += i % 1000 === 999 ? "no JSON\n" : `${JSON.stringify(line)}\n`;
      if (text.length > 2 ** 20 || i + 1 >= (LINES / FILES) * (number + 1)) {
        writeSync(file, text);
        text = "";
      }
      if (i % 1000 === 999) {
        said.unread++;
        continue;
      }
      said.requests++;
      add(said.kind, answer.kind);
      if (answer.kind === "route")
        for (const name of ["wiki", "release", "deployment"] as const) add(said[name], answer[name]);
      if (logged === null && cluster !== null) said.unlogged++;
      else if (logged === cluster) said.agree++;
      else {
        said.disagree++;
        const wiki = answer.kind === "route" ? answer.wiki : null;
        const key = JSON.stringify([logged, cluster ?? answer.kind, wiki]);
        wrong.set(key, (wrong.get(key) ?? 0) + 1);
      }
    }
    closeSync(file);
  }
  said.disagreements = [...wrong].map(([key, requests]) => {
    const [logged, decided, wiki] = JSON.parse(key);
    return { logged, decided, wiki, requests };
  });
  return said;
}

/** Of wikis, and of what is none. */
function hostsOf(table: Table): string[] {
  const ids = Array.from(table.keys(table.wikis), ({ key }) => key).filter((id) => /^[a-z]+wiki$/.test(id));
  return [
    ...ids.map((id) => `${id.slice(0, -4)}.wikipedia.org`),
    "10.0.0.1",
    "nosuch.wikipedia.org",
    "a.example",
  ];
}

/** Lists have no order where counts are the same. */
function inOrder(summary: Summary): Summary {
  const disagreements = summary.disagreements.map((one) => JSON.stringify(Object.entries(one).sort())).sort();
  return { ...summary, disagreements: disagreements as never };
}

describe("the example for Spark", () => {
  it("counts by its functions alone as the decoder does", { timeout: 900_000 }, () => {
    const program = `import json, sys
from rehearse import count, options, summary
chosen = options(sys.argv[1:])
data = open(chosen.table, "rb").read()
counts = count(sys.stdin.buffer, data, chosen.fields, (chosen.listener, chosen.secondary))
print(json.dumps(summary(counts)))`;
    const logs = Array.from({ length: FILES }, (_, i) => readFileSync(join(folder, `logs/${i}.json`)));
    const args = ["--table", join(folder, "farm.table"), "--logs", "stdin"];
    const { stdout, stderr } = spawnSync("python3", ["-B", "-c", program, ...args], {
      env: { ...process.env, PYTHONPATH: `${READERS}:${projectPath("examples/spark")}` },
      input: Buffer.concat(logs),
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    expect(stderr).toBe("");
    expect(inOrder(JSON.parse(stdout))).toEqual(inOrder(expected));
    expect(expected.disagree).toBeGreaterThan(LINES / 120);
  });

  it("counts on Spark as the decoder does", { timeout: 900_000 }, async ({ skip }) => {
    const spark = await findSpark();
    if ("why" in spark) {
      if (process.env.CI) throw new Error(spark.why);
      return skip(spark.why);
    }
    const { status, stdout, stderr } = spawnSync(
      spark.submit,
      [
        ...["--master", "local[2]", "--conf", "spark.ui.enabled=false", "--py-files", MODULE],
        ...[SCRIPT, "--table", join(folder, "farm.table"), "--logs", join(folder, "logs")],
      ],
      {
        env: sparkEnvironment(spark.submit, folder),
        cwd: folder,
        encoding: "utf8",
        maxBuffer: 2 ** 28,
        timeout: 840_000,
      },
    );
    expect(status, stderr).toBe(0);
    const { seconds, lines_a_second, ...said } = JSON.parse(stdout);
    expect(inOrder(said)).toEqual(inOrder(expected));
    console.log(`Spark on local[2]: ${LINES} lines in ${seconds} s, ${lines_a_second} a second`);
  });
});
