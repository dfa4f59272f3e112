/** The guards by name, and how much each lets pass where a farm does not say otherwise. */
import { z } from "zod";

/** How many there may be; `off`: as many as there are. */
const count = z.union([z.int().min(0), z.literal("off")]);
/** Per cent. */
const percent = z.union([z.number().min(0).max(100), z.literal("off")]);

export const guardLimitsSchema = z.strictObject({
  "wikis-change-release": count.default(20),
  "move-changes-version": count.default(5),
  "release-empties": count.default(0),
  "wikis-vanish": percent.default(1),
  "version-goes-back": count.default(5),
  "source-shrinks": percent.default(50),
});
export type GuardLimits = z.infer<typeof guardLimitsSchema>;
export type GuardName = keyof GuardLimits;

export const GUARD_NAMES = Object.keys(guardLimitsSchema.shape) as GuardName[];
export const DEFAULT_LIMITS: GuardLimits = guardLimitsSchema.parse({});
