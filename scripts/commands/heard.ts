/** Arguments that would go unheard: each is a mistake, and is told what it may be meant for. */
import type { Command } from "commander";

/** An option that would be ignored is refused. @param options their names, as `failurePolicy` */
export function refuseUnheard(command: Command, options: readonly string[], why: string): void {
  const given = command.options.filter((option) => {
    const name = option.attributeName();
    return options.includes(name) && command.getOptionValueSource(name) === "cli";
  });
  if (given.length === 0) return;
  const names = given.map(({ short, long }) => long ?? short).join(", ");
  command.error(`error: ${names}: ${why}`, { exitCode: 2 });
}

/** Standard input can be read once. @param files what options name */
export function refuseTwiceStdin(command: Command, files: readonly (string | undefined)[]): void {
  if (files.filter((file) => file === "-").length < 2) return;
  command.error(
    "error: two files are -, and standard input can be only one of them: name a file for the other",
    { exitCode: 2 },
  );
}

/** Says what a word is meant to be that is no option's value. */
export function refuseUnknownWords(command: Command): void {
  const named = command.registeredArguments;
  const [word] = command.args.slice(named.length);
  if (word === undefined || named.at(-1)?.variadic) return;
  const option = optionFor(command, word);
  const wayOut =
    option === null
      ? command.name() === "explain"
        ? "ask about one URL, or give many by --stdin"
        : `see \`${fullName(command)} --help\``
      : `did you mean ${option} ${word}?`;
  command.error(`error: \`${word}\` belongs to no option: ${wayOut}`, { exitCode: 2 });
}

/** `pointsman render envoy`. */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function optionFor(command: Command, word: string): string | null {
  const wanted = /\.ya?ml$/.test(word)
    ? ["--farm", "--clusters"]
    : /\.table$/.test(word)
      ? ["--table", "--config", "--out"]
      : /\.wasm$/.test(word)
        ? ["--wasm"]
        : /^[\w-]+=/.test(word)
          ? ["--source", "--field"]
          : ["--requests"];
  return wanted.find((long) => command.options.some((option) => option.long === long)) ?? null;
}
