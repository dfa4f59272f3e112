/** The options of every command that reads a farm. */
import { type Command, InvalidArgumentError, Option } from "commander";

/** Options of every command that reads a farm. */
export interface FarmOptions {
  farm: string;
  source: Record<string, string>;
  today: string;
}

export function addFarmOptions(command: Command): Command {
  return addSourceOptions(command.option("--farm <file>", "the farm file; - is standard input", "farm.yaml"));
}

/** The same for a command that is told the farm by its arguments. */
export function addSourceOptions(command: Command): Command {
  return command
    .option("--source <name=dir>", "the folder of one of the farm's sources (repeatable)", collectSource, {})
    .addOption(
      new Option("--today <date>", "pins that end before this day have expired")
        .argParser(parseDay)
        .default(clockDay(), "today, UTC"),
    );
}

/** Today in UTC, as `2026-12-31`. */
export function clockDay(): string {
  return new Date().toISOString().slice(0, 10);
}

function parseDay(text: string): string {
  const time = Date.parse(`${text}T00:00:00Z`);
  if (
    !/^\d{4}-\d{2}-\d{2}$/.test(text) ||
    Number.isNaN(time) ||
    new Date(time).toISOString().slice(0, 10) !== text
  ) {
    throw new InvalidArgumentError("Write a day as 2026-12-31.");
  }
  return text;
}

function collectSource(text: string, sources: Record<string, string>): Record<string, string> {
  const [, name, folder] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || folder === undefined)
    throw new InvalidArgumentError("Write a source as NAME=DIR.");
  return { ...sources, [name]: folder };
}
