/** Temporary folders go with the test that made them (vitest's setupFiles: run for each file of tests). */
import { afterEach } from "vitest";
import { removeFolders } from "./folder.ts";

afterEach(removeFolders);
