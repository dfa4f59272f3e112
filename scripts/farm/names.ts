/** The names section: words of the farm that the filter does not need and people do. */
import { z } from "zod";

const place = z.string();

/**
 * The table's optional last section, as JSON: what `explain` and `inspect` tell people and no proxy needs.
 * Places are as `farm.yaml:12`; lists go by the numbers of the table.
 */
const namesSchema = z.object({
  farm: z.string(),
  realm: z.string(),
  hosts: z.record(z.string(), place),
  rewrites: z.array(place),
  patterns: z.array(place),
  paths: z.array(place),
  /** As in the table. Of `routes`, null is for the rule that every farm has: addresses pass through. */
  listeners: z.array(
    z.object({ routes: z.array(place.nullable()), assets: z.array(place), reads: z.array(place) }),
  ),
  /** The rules that lead from a wiki to its host. */
  canonical: z.array(place),
  /** The release that `newest` is for the rules of `assets`; null where none says so. */
  newest: z.string().nullable(),
  /** Group → the list that says who is in it. */
  groups: z.record(z.string(), z.string()),
  pins: z.record(z.string(), z.object({ reason: z.string(), expires: z.string() })),
  /** Wikis that are not on their group's release, because it does not run their version. */
  moved: z.record(z.string(), z.object({ from: z.string() })),
});
export type Names = z.infer<typeof namesSchema>;

/** null for text that is no names section of ours: the table works without. */
export function parseNames(bytes: Uint8Array): Names | null {
  try {
    const parsed = namesSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
