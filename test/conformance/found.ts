/** What is found of a module: where it loads, and whether requests get from the simulator what Envoy gives. */
import { LoadError, type Profile, Vm } from "../../host-sim/index.ts";
import { PROFILES } from "../../scripts/simulate/profiles.ts";
import { Both } from "../same-as-envoy/both.ts";
import { type Filter, outcomes } from "../same-as-envoy/foreign.ts";
import { requests } from "../same-as-envoy/foreign-requests.ts";
import { loadInEnvoy } from "../same-as-envoy/loading-envoy.ts";

export interface Found {
  name: string;
  made: string;
  /** By profile: null where it loads, or why it is refused. */
  loads: Record<string, string | null>;
  /** By profile of an Envoy: how many of the requests were the same; null where none was tried. */
  same: Record<string, number | null>;
  /** By profile of an Envoy that refuses it: whether that real Envoy refuses it for the same reason. */
  refused: Record<string, boolean>;
}

export const TRIED = requests.length;

/** Of the thirteen, where it is not that of a filter whose requests are tried. */
export const CONFIGURATIONS: Readonly<Record<string, string>> = {
  "go-shared_queue-receiver": "http_request_headers",
  "go-shared_queue-sender": "http",
};

/** Its start and its configuration, in each profile. */
export async function loadsIn(
  wasm: Uint8Array,
  configuration: BothConfiguration = "",
  profiles: Iterable<Profile> = PROFILES.values(),
): Promise<Found["loads"]> {
  const loads: Found["loads"] = {};
  for (const profile of profiles) loads[profile.name] = await refusal(wasm, configuration, profile);
  return loads;
}

type BothConfiguration = NonNullable<Filter["configuration"]>;

async function refusal(
  wasm: Uint8Array,
  configuration: BothConfiguration,
  profile: Profile,
): Promise<string | null> {
  try {
    const { refused } = (await Vm.load(wasm, { profile })).createRoot({ configuration });
    return refused === null ? null : `the configuration: ${firstLine(refused)}`;
  } catch (error) {
    if (error instanceof LoadError) return firstLine(error.message);
    throw error;
  }
}

/** Whether the real Envoy that is compared refuses it, with words that the simulator's reason has too. */
export async function refusedByEnvoy(name: string, wasm: Uint8Array, reason: string): Promise<boolean> {
  const said = (await loadInEnvoy(new Map([[name, wasm]]))).refusals.get(name) ?? [];
  return said.length > 0 && said.every((line) => reason.includes(line));
}

/** Without a trap's backtrace. */
const firstLine = (text: string): string => text.split("\n", 1)[0]!;

/** Of the requests, how many get the same in the Envoy that is compared and in its profile. */
export async function sameAsEnvoy(wasm: Uint8Array, filter: Filter): Promise<number> {
  const { ticks: _, answers: __, grpcAnswers: ___, ...options } = filter;
  const both = await Both.start({ ...options, wasm });
  try {
    let same = 0;
    for await (const { real, simulated } of outcomes(both, filter))
      if (JSON.stringify(real) === JSON.stringify(simulated)) same++;
    return same;
  } finally {
    await both.stop();
  }
}
