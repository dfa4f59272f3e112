/** What the browser's console has: many questions at once, answered as `pointsman explain --json` does. */
import type { Explanation } from "../explain/explainer.ts";
import { questionOfJson } from "../explain/question.ts";
import type { AskedAt } from "../explain/where.ts";
import type { Asker } from "./asker.ts";

export interface InConsole {
  /** Of the table that is opened. @param lines each as a line of `explain --stdin` */
  explain(lines: readonly unknown[], at?: AskedAt): Promise<Explanation[]>;
}

export function putInConsole(asker: Asker): void {
  const explain: InConsole["explain"] = async (lines, at = {}) => {
    const explainer = await asker.explainer(at);
    return lines.map((line) => explainer.explain(questionOfJson(line)));
  };
  (globalThis as { pointsman?: InConsole }).pointsman = { explain };
}
