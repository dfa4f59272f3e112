import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The real data, beside the repository. */
export const DATA = fileURLToPath(new URL("../../../shared/data", import.meta.url));

/** Whether tests over the real data have to be left out here; in CI they run, and fail if it is not there. */
export const DATA_IS_ABSENT = !existsSync(DATA) && !process.env.CI;

/** For the title of such tests: why they were skipped. */
export const WHY_SKIPPED = DATA_IS_ABSENT ? " (skipped: ../shared/data is not here)" : "";
