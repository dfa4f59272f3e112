/** A regular expression that is stopped. On the page, `scripts/page/farm/exec-within.ts` stands in for this file. */
import { runInNewContext } from "node:vm";

export class OutOfTime extends Error {}

/**
 * What the pattern finds in the text. It may take for ever, as `(a+)+b` does; and nothing stops a regular expression
 * from outside but this. Throws OutOfTime, and SyntaxError for what is no pattern.
 */
export function execWithin(ms: number, pattern: string, text: string): RegExpExecArray | null {
  try {
    return runInNewContext("new RegExp(pattern).exec(text)", { pattern, text }, { timeout: ms });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? new OutOfTime(`more than ${ms} ms`) : error;
  }
}
