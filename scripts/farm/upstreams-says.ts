/**
 * What a farm says of its upstreams: how long they may take, and how often they are asked. `render` writes it for proxies;
 * no table has it.
 */
import { z } from "zod";
import { duration } from "./stages-says.ts";

/** In place of a deployment: all that say nothing of it themselves. */
export const ALL = "all";

const upstreamSays = z.strictObject({
  /** From the end of a request to the end of its answer; `0s` is no limit. */
  timeout: duration(0).optional(),
  /** Of a request on which nothing comes and nothing goes. */
  "idle-timeout": duration(0).optional(),
  /** How often a request that upstream has not got is sent again. */
  retries: z.int().min(0).max(10).optional(),
});

export const upstreamsSchema = z.record(z.string().min(1), upstreamSays);
export type UpstreamsSays = z.infer<typeof upstreamsSchema>;
