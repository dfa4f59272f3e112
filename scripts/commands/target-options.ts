/** The options of the commands that bring a table to this machine's proxies. */
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { Target } from "../targets/target.ts";
import { readTargets, TARGET_KINDS, targetOf, targetOption } from "../targets/targets.ts";
import { addStoreOption, fileInStore, type StoreOptions } from "./store-options.ts";

type Says = NonNullable<ReturnType<typeof targetOption>>;

export interface TargetOptions extends StoreOptions {
  target: Says[];
  targets?: string;
  reload?: boolean;
}

/** What a store's folder has for the machine that it is on. */
const TARGETS_FILE = "targets.yaml";

export function addTargetOptions(command: Command): Command {
  return addPlacedTargets(command).option(
    "--reload",
    "run the command that makes a proxy read its file, instead of printing it",
  );
}

/** The same, of who always makes a proxy read its file. */
export function addPlacedTargets(command: Command): Command {
  return addStoreOption(command)
    .option(
      "--target <kind=place>",
      `where the table goes on this machine (repeatable): ${TARGET_KINDS.join(", ")}; instead of --targets`,
      collectTarget,
      [],
    )
    .option(
      "--targets <file>",
      `a YAML file of such targets (default: ${TARGETS_FILE} in the store's folder, if it is there)`,
    );
}

/** None: the store alone has the table. Throws SourceError. */
export function targetsOf({ store, target, targets, reload = false }: TargetOptions): Target[] {
  const own = fileInStore({ store }, TARGETS_FILE);
  const file = targets ?? (own !== null && existsSync(own) ? own : null);
  const says = target.length > 0 ? target : file !== null ? readTargets(file) : [];
  return says.map((one) => targetOf(one, reload));
}

function collectTarget(text: string, targets: Says[]): Says[] {
  const says = targetOption(text);
  if (says === null) {
    throw new InvalidArgumentError(
      `A target looks like envoy-files=FOLDER, configmap=FILE, ats=FILE or istio=FOLDER.`,
    );
  }
  return [...targets, says];
}
