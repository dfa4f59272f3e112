/** The second part of the page, which is loaded when a farm is edited: the compiler, YAML, zod and the editor. */
import { render } from "preact";
import { FarmEditor } from "./farm/farm-editor.tsx";
import type { FarmPart } from "./load-farm-part.ts";

let farms = 0;
const part: FarmPart = {
  // With a Preact of its own: scripts of a page that may load no modules share none.
  edit: (into, farm) => render(<FarmEditor key={farms++} {...farm} />, into),
};
(globalThis as { pointsmanFarm?: FarmPart }).pointsmanFarm = part;
