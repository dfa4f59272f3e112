/**
 * The filter's instructions as a ratio to those of a Wasm filter that does nothing, both above an Envoy without a filter
 * that answers by itself: the ratio shows what the filter alone has become, and it is the same on any machine.
 */
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packFarm } from "../scripts/commands/pack.ts";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { projectRoot } from "../scripts/project-root.ts";
import { countInstructions } from "./callgrind.ts";
import { addFilter, answeringEnvoy, wasmFilter } from "./envoy-config.ts";
import { compileGuest } from "./guests.ts";
import { Random } from "./random.ts";
import { inPairs } from "./request-cost.ts";
import { bytesOf, fewHeaders } from "./requests.ts";
import { workFolder } from "./work-folder.ts";

/** What was recorded when the filter last changed its cost on purpose. */
export const RECORD = join(projectRoot(), "bench/ratio.json");
/** Above the recorded ratio by more than this, the filter has become dearer. */
export const MOST_ABOVE = 1.05;

const HOSTS =
  "en.wikipedia.org de.wikipedia.org test.wikipedia.org unknown.example EN.wikipedia.org:443".split(" ");
const PATHS = ["/wiki/Main_Page", "/w/api.php?action=query&titles=A", "/w/load.php?modules=startup"];
const WARM_UP = 600;
const COUNTED = 500;

export interface Ratio {
  /** What our filter adds ÷ what the one that does nothing adds. */
  ratio: number;
  /** Both in instructions a request above no filter. */
  pointsman: number;
  returnsAtOnce: number;
}

/** The small farm's requests, so that it needs nothing beside the project. */
export async function measureRatio(): Promise<Ratio> {
  const folder = await mkdtemp(join(workFolder(), "ratio-"));
  try {
    const envoy = await findEnvoy();
    const root = projectRoot();
    const farm = join(root, "examples/small/farm.yaml");
    const packed = packFarm({ farm, source: {}, today: "2026-01-01", strip: true });
    const filters = [
      null,
      wasmFilter(join(root, "build/pointsman.wasm"), packed.bytes, "main"),
      wasmFilter(await compileGuest("returns-at-once", folder), new Uint8Array(0), "main"),
    ];
    const random = new Random(3);
    const requests = Array.from({ length: COUNTED }, () =>
      bytesOf({
        method: "GET",
        authority: random.pick(HOSTS),
        target: random.pick(PATHS),
        headers: fewHeaders(),
      }),
    );
    const [none, ours, theirs] = await inPairs(filters, async (filter) => {
      const config = answeringEnvoy(packed.headers);
      if (filter !== null) addFilter(config, filter);
      return (await countInstructions({ envoy, config, warmUp: WARM_UP, loads: [requests] }))[0]!;
    });
    const [pointsman, returnsAtOnce] = [ours! - none!, theirs! - none!];
    return { ratio: pointsman / returnsAtOnce, pointsman, returnsAtOnce };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function readRecord(): Promise<Ratio> {
  return JSON.parse(await readFile(RECORD, "utf8"));
}

export async function record(measured: Ratio): Promise<void> {
  const rounded = {
    ratio: Number(measured.ratio.toFixed(3)),
    pointsman: Math.round(measured.pointsman),
    returnsAtOnce: Math.round(measured.returnsAtOnce),
  };
  await writeFile(`${RECORD}.tmp`, `${JSON.stringify(rounded, null, 2)}\n`);
  await rename(`${RECORD}.tmp`, RECORD);
}
