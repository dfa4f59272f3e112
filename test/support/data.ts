/** Paths of the project and of the real data beside it, and what becomes of tests without that data. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../scripts/project-root.ts";

export const projectPath = (relative: string): string => join(projectRoot(), relative);

/** The real data, beside the repository. */
export const DATA = projectPath("../shared/data");
/** Whether tests over the real data are left out here; in CI they run, and fail where it is not there. */
export const DATA_IS_ABSENT = !existsSync(DATA) && !process.env.CI;
/** For the title of such tests: why they were skipped. */
export const WHY_SKIPPED = DATA_IS_ABSENT ? " (skipped: ../shared/data is not here)" : "";
