/** Spark from PyPI, in the project's private folder; it runs on this machine's Java. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { WheelUnavailable, wheelBinary } from "../../scripts/envoy/wheel.ts";
import { projectPath } from "./data.ts";

const PYSPARK = {
  name: "pyspark",
  version: "4.3.0",
  binary: join("pyspark", "bin", "spark-submit"),
  isSource: true,
};

/** The path of spark-submit, or why there is none. */
export async function findSpark(): Promise<{ submit: string } | { why: string }> {
  // Spark 4 needs Java 17.
  const { stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  const java = Number(/version "(\d+)/.exec(stderr ?? "")?.[1] ?? 0);
  if (java < 17) return { why: "Java 17 is not here" };
  const options = { folder: projectPath(".venv"), progress: (line: string) => console.log(line) };
  try {
    return { submit: await wheelBinary(PYSPARK, options) };
  } catch (error) {
    if (error instanceof WheelUnavailable) return { why: error.message };
    throw error;
  }
}

/** For `spark-submit`: on this machine alone, and nothing left behind but in the folder. */
export function sparkEnvironment(submit: string, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    SPARK_HOME: dirname(dirname(submit)),
    SPARK_LOCAL_IP: "127.0.0.1",
    SPARK_LOCAL_DIRS: folder,
    PYSPARK_PYTHON: "python3",
  };
}
