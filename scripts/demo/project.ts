/** Pointsman's own packer and reader, as the demo needs them. */
import { clockDay } from "../commands/farm-options.ts";
import { packFarm } from "../commands/pack.ts";
import { decide } from "../table/decide.ts";
import { Table } from "../table/decode.ts";
import type { Lookup, Pack } from "./parts.ts";

export const pack: Pack = async ({ farm, sources, generation }) =>
  packFarm({ farm, source: sources, today: clockDay(), generation, strip: true });

export const lookup: Lookup = (bytes, authority, target) =>
  decide(new Table(bytes), { authority, target }).decision;
