/** Types of test-counts.mjs, which Node runs as it stands. */
export interface Part {
  passed: number;
  failed: number;
  skipped: number;
  /** Lines for the end: what failed that is no test, and why tests were skipped. */
  said: string[];
}

/** The part that is used of what vitest's reporter `json` writes. */
export interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

export function countCheck(name: string, status: number | null): Part;
export function countAsPect(output: string, status: number | null): Part;
export function countVitest(report: VitestReport | null, status: number | null): Part;
export function lastLines(parts: Part[]): { lines: string[]; code: number };
