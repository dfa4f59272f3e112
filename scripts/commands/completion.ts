/** `pointsman completion`: the script by which a shell completes our commands and options. */
import { Argument, type Command } from "commander";
import { SHELLS } from "../completion/shells.ts";
import { commandsOf, optionsOf } from "../completion/words.ts";

export function completionCommand(program: Command): void {
  program
    .command("completion")
    .description("print what completes commands and options in a shell")
    .addArgument(new Argument("<shell>", "for which shell").choices([...SHELLS.keys()]))
    .addHelpText(
      "after",
      `
Examples:
  $ source <(pointsman completion bash)    # in ~/.bashrc; of zsh in ~/.zshrc, after compinit
  $ pointsman completion fish > ~/.config/fish/completions/pointsman.fish`,
    )
    .action((shell: string) => {
      const words = { commands: commandsOf(program), options: optionsOf(program) };
      process.stdout.write(SHELLS.get(shell)!(words));
    });
}
