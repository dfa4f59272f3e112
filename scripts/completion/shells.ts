/** The scripts by which shells complete `pointsman`. They ask nobody: what they offer is in them. */
import type { CommandWords, OptionWords } from "./words.ts";

export interface Words {
  commands: CommandWords[];
  /** Without a command. */
  options: OptionWords[];
}

type Script = (words: Words) => string;

/** By the shell's name. */
export const SHELLS: ReadonlyMap<string, Script> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
]);

const namesOf = (options: readonly OptionWords[]) => options.flatMap(({ names }) => names);

/** Where nothing is offered, readline offers files. Runs in bash 3.2, which macOS has. */
function bash({ commands, options }: Words): string {
  return `# bash completion of pointsman: source it.
_pointsman() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if ((COMP_CWORD == 1)); then
    words="${[...commands.map(({ name }) => name), ...namesOf(options)].join(" ")}"
  else
    case "\${COMP_WORDS[1]} $before" in
${valueCases(commands)}
      *)
        case "\${COMP_WORDS[1]} $current" in
${commands.flatMap(wordCases).join("\n")}
        esac
        ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pointsman pointsman
`;
}

/** An option that has a value is followed by it. */
function valueCases(commands: readonly CommandWords[]): string {
  return commands
    .flatMap(({ name, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(({ names, choices }) => {
          const words = choices.length === 0 ? "" : `words="${choices.join(" ")}" `;
          return `      ${names.map((one) => `"${name} ${one}"`).join(" | ")}) ${words};;`;
        }),
    )
    .join("\n");
}

function wordCases({ name, options, choices }: CommandWords): string[] {
  return [
    `          "${name} -"*) words="${namesOf(options).join(" ")}" ;;`,
    ...(choices.length === 0 ? [] : [`          "${name} "*) words="${choices.join(" ")}" ;;`]),
  ];
}

/** To be sourced after compinit, or a file \`_pointsman\` on $fpath. */
function zsh({ commands, options }: Words): string {
  return `#compdef pointsman
# zsh completion of pointsman: source it after compinit, or save it as _pointsman on $fpath.
_pointsman() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    _arguments ${options.flatMap(zshOption).join(" ")}
    return
  fi
  local command="$words[2]"
  shift words
  ((CURRENT--))
  case "$command" in
${commands.map(zshCommand).join("\n")}
  esac
}
if [ "$funcstack[1]" = "_pointsman" ]; then
  _pointsman "$@"
else
  compdef _pointsman pointsman
fi
`;
}

function zshCommand({ name, options, choices }: CommandWords): string {
  const rest = choices.length === 0 ? "'*:file:_files'" : quoted(`*:choice:(${choices.join(" ")})`);
  return `    ${name}) _arguments ${[...options.flatMap(zshOption), rest].join(" ")} ;;`;
}

function zshOption({ names, description, takesValue, choices }: OptionWords): string[] {
  const text = description.replace(/[[\]\\:]/g, "\\$&");
  const value = takesValue ? `:value:${choices.length === 0 ? "_files" : `(${choices.join(" ")})`}` : "";
  return names.map((name) => quoted(`*${name}[${text}]${value}`));
}

function fish({ commands, options }: Words): string {
  const without = quoted("__fish_use_subcommand");
  const lines = [
    ...commands.map(
      ({ name, description }) =>
        `complete -c pointsman -n ${without} -f -a ${name} -d ${fishQuoted(description)}`,
    ),
    ...options.map((option) => fishOption(without, option)),
    ...commands.flatMap(({ name, options: own, choices }) => {
      const within = quoted(`__fish_seen_subcommand_from ${name}`);
      return [
        ...own.map((option) => fishOption(within, option)),
        ...(choices.length === 0
          ? []
          : [`complete -c pointsman -n ${within} -f -a ${quoted(choices.join(" "))}`]),
      ];
    }),
  ];
  return `# fish completion of pointsman: save it in ~/.config/fish/completions/pointsman.fish.\n${lines.join("\n")}\n`;
}

function fishOption(when: string, { names, description, takesValue, choices }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : takesValue ? " -r -F" : "";
  return `complete -c pointsman -n ${when} ${flags.join(" ")}${value} -d ${fishQuoted(description)}`;
}

/** For bash and zsh, and for fish where it has no backslash. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
