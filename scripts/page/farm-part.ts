/** The second part of the page, which is loaded when a farm is edited: the compiler, YAML and zod. */
import type { FarmPart } from "./load-farm-part.ts";

const part: FarmPart = {};
(globalThis as { pointsmanFarm?: FarmPart }).pointsmanFarm = part;
