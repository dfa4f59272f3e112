/** What can be said on the command line, as the shells' completions need it: read out of commander's own commands. */
import { type Argument, type Command, Help, type Option } from "commander";

export interface OptionWords {
  /** `-h`, `--help`. */
  names: string[];
  description: string;
  takesValue: boolean;
  /** The values that there are; none: any, and a file's name is offered. */
  choices: readonly string[];
}

export interface CommandWords {
  name: string;
  description: string;
  options: OptionWords[];
  /** Its own commands or the choices of its arguments; none: a file's name is offered. */
  choices: readonly string[];
}

const help = new Help();

export function commandsOf(program: Command): CommandWords[] {
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    description: command.description(),
    options: unique([command, ...command.commands].flatMap(optionsOf)),
    choices:
      command.name() === "help"
        ? program.commands.map((one) => one.name())
        : [
            ...command.commands.map((one) => one.name()),
            ...help.visibleArguments(command).flatMap(choicesOf),
          ],
  }));
}

/** What several commands of a command take is offered once. */
function unique(options: readonly OptionWords[]): OptionWords[] {
  return [...new Map(options.map((option) => [option.names.join(), option])).values()];
}

export function optionsOf(command: Command): OptionWords[] {
  return help.visibleOptions(command).map((option) => ({
    names: [option.short, option.long].filter((name) => name != null),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: choicesOf(option),
  }));
}

function choicesOf({ argChoices }: Option | Argument): readonly string[] {
  return argChoices ?? [];
}
