/** The stages of a push: as people name them, with what the farm says of them. */
import type { FarmFile } from "../farm/schema.ts";
import { DEFAULT_ROLLOUT } from "../farm/stages-says.ts";
import { Refusal } from "../refusal.ts";
import { secondsOf } from "../seconds.ts";
import { quote } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { isWholeFleet, type Limits, type Stage, WHOLE_FLEET } from "../store/stages.ts";

/** All that a rollout object has of them: who goes on with it needs no farm. */
export interface Staged {
  stages: Stage[];
  limits: Limits;
}

const UNITS = "smhd";

/** Throws Refusal. @param names as `canary`, `10%`, `all` */
export function stagesOf(farm: Pick<FarmFile, "stages" | "rollout">, names: readonly string[]): Staged {
  const { bake, proof, errors, latency, requests } = farm.rollout ?? DEFAULT_ROLLOUT;
  const stages = names.map((name): Stage => {
    const { bake: own = bake, ...stage } = stageOf(farm.stages, name);
    return { ...stage, bake: secondsOf(own, UNITS)! };
  });
  if (!isWholeFleet(stages.at(-1)!)) {
    throw new Refusal(
      `the last stage, ${quote(names.at(-1)!)}, is not the whole fleet: some proxies would never get the table: say --stages ${names.join(",")},all`,
    );
  }
  return {
    stages,
    limits: {
      proof: secondsOf(proof, UNITS)!,
      errors: errors === "off" ? null : errors,
      latency: latency === "off" ? null : latency,
      requests,
    },
  };
}

type StageSays = Omit<Stage, "bake"> & { bake?: string | undefined };

/** Throws Refusal. */
function stageOf(stages: FarmFile["stages"], name: string): StageSays {
  if (name === WHOLE_FLEET.name) return WHOLE_FLEET as Omit<Stage, "bake">;
  const [, share] = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(name) ?? [];
  const percent = Number(share);
  if (percent > 0 && percent <= 100) return { name, percent };
  if (Object.hasOwn(stages, name)) {
    const { bake, ...selectors } = stages[name]!;
    // Without the keys that are not there: records have none that is undefined.
    return { name, ...JSON.parse(JSON.stringify(selectors)), bake };
  }
  const known = Object.keys(stages);
  const meant = suggestionFor(name, known);
  const wayOut = meant !== undefined ? `did you mean ${quote(meant)}?` : "name it under `stages` in the farm";
  throw new Refusal(
    `there is no stage ${quote(name)}; there are ${[...known, "all", "shares as 10%"].join(", ")}: ${wayOut}`,
  );
}
