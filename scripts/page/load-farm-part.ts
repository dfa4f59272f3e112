/** The second part of the page, which is loaded when a farm is edited. */
import { loadPart } from "./load-part.ts";

export interface EditFarm {
  /** Its files; null: those of examples/small. */
  chosen: readonly File[] | null;
  /** Gets each good table, and the first of this farm: what it was before it was edited. */
  onTable: (name: string, bytes: Uint8Array, first: Uint8Array) => void;
}

/** What the second part gives to the first. */
export interface FarmPart {
  /** Shows a farm's files in the element, in the place of those before. */
  edit(into: HTMLElement, farm: EditFarm): void;
}

export const loadFarmPart = (): Promise<FarmPart> => loadPart("farm.js", "pointsmanFarm");
