/** What a farm says of the stages in which its tables come to the fleet. */
import { z } from "zod";
import { secondsOf } from "../seconds.ts";
import { NAME, NAME_SHAPE } from "../sources/names.ts";

export const duration = (least: number) =>
  z
    .string()
    .refine(
      (text) => (secondsOf(text, "smhd") ?? -1) >= least && secondsOf(text, "smhd")! <= 30 * 86_400,
      `must be how long, as \`30s\`, \`5m\` or \`1h\`: ${least > 0 ? "at least 1s, " : ""}at most 30d`,
    );
const patterns = z.array(z.string().min(1).max(256)).min(1).max(10_000);

const stageSays = z
  .strictObject({
    /** Ids of nodes; `*` stands for any text. */
    nodes: patterns.optional(),
    clusters: patterns.optional(),
    localities: patterns.optional(),
    percent: z.number().gt(0).max(100).optional(),
    bake: duration(0).optional(),
  })
  .refine(
    ({ nodes, clusters, localities, percent }) => (nodes ?? clusters ?? localities ?? percent) !== undefined,
    "must say which nodes: by `nodes`, `clusters`, `localities` or `percent`; `all` is always there",
  );

export const stagesSchema = z.record(
  z
    .string()
    .regex(NAME, `must be a stage's name: ${NAME_SHAPE}`)
    .refine((name) => name !== "all", "is the whole fleet already: give the stage another name"),
  stageSays,
);

export const rolloutSchema = z.strictObject({
  bake: duration(0).default("60s"),
  proof: duration(1).default("60s"),
  /** Percentage points. */
  errors: z.union([z.number().min(0).max(100), z.literal("off")]).default(1),
  /** A factor. */
  latency: z.union([z.number().min(1).max(1000), z.literal("off")]).default(1.5),
  requests: z.int().min(1).max(1e9).default(100),
});
export type RolloutSays = z.infer<typeof rolloutSchema>;
export const DEFAULT_ROLLOUT: RolloutSays = rolloutSchema.parse({});
