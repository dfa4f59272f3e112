/** The second part of the page, which is loaded when a farm is edited. */
import { loadPart } from "./load-part.ts";

/** What the second part gives to the first. */
export type FarmPart = Record<string, never>;

export const loadFarmPart = (): Promise<FarmPart> => loadPart("farm.js", "pointsmanFarm");
