/** The page, as a folder of files. */
export const POLICY: string;
/** @param options the folder that is written, and the file of the filter that answers in it */
export function buildPage(options?: { out?: string; filter?: string }): Promise<void>;
