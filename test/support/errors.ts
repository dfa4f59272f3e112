/** The problems of refused sources, for tests to compare. */
import { SourceError } from "../../scripts/sources/problem.ts";

/** The messages of the problems that `step` throws; fails if it throws nothing, or anything else. */
export function problemsOf(step: () => unknown): string[] {
  let given: unknown;
  try {
    given = step();
  } catch (error) {
    if (error instanceof SourceError) return error.problems.map((problem) => problem.message);
    throw error;
  }
  throw new Error(`expected a SourceError, got ${JSON.stringify(given)}`);
}
