/** The program `pointsman`: its commands, exit codes and last errors. */
import { Command, CommanderError, Help, type Option } from "commander";
import { version } from "../package.json";
import { checkCommand } from "./commands/check.ts";
import { completionCommand } from "./commands/completion.ts";
import { dblistCommand } from "./commands/dblist.ts";
import { diffCommand } from "./commands/diff.ts";
import { explainCommand } from "./commands/explain.ts";
import { followCommand } from "./commands/follow.ts";
import { foreachwikiCommand } from "./commands/foreachwiki.ts";
import { freezeCommand, unfreezeCommand } from "./commands/freeze.ts";
import { refuseUnknownWords } from "./commands/heard.ts";
import { historyCommand } from "./commands/history.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { mwscriptCommand } from "./commands/mwscript.ts";
import { packCommand } from "./commands/pack.ts";
import { pushCommand } from "./commands/push.ts";
import { putCommand, stampCommand } from "./commands/put.ts";
import { renderCommand } from "./commands/render.ts";
import { retireCommand } from "./commands/retire.ts";
import { rollbackCommand } from "./commands/rollback.ts";
import { serveCommand } from "./commands/serve.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { statusCommand } from "./commands/status.ts";
import { abortCommand, pauseCommand, promoteCommand, resumeCommand } from "./commands/steer.ts";
import { verifyCommand } from "./commands/verify.ts";
import { versionsCommand } from "./commands/versions.ts";
import { wikiCommand } from "./commands/wiki.ts";
import { Refusal } from "./refusal.ts";
import { SourceError } from "./sources/problem.ts";
import { reason } from "./sources/reason.ts";
import { endWithStdout } from "./stdout.ts";
import { TableError } from "./table/check.ts";
import { keepVisible } from "./visible.ts";

keepVisible(process.stdout);
keepVisible(process.stderr);

const help = new Help();
/** Whether the command that runs answers in JSON: then so it does where it refuses. */
let asJson = false;
/** Of `diff`, 1 is an answer, as of diff(1); and so it is of `simulate --tests` and `--check`. */
let refusedCode = 1;

const program = new Command("pointsman")
  .description("Sends each wiki of a farm to the release that runs its version.")
  .version(version)
  // What comes behind a command is the command's, and behind a script the script's.
  .enablePositionalOptions()
  .addHelpText("after", "\nExit codes: 0 done, 1 refused (a check failed), 2 used wrongly.")
  .configureHelp({ optionDescription: (option) => help.optionDescription(withoutEmptyDefault(option)) })
  .hook("preAction", (_, command) => {
    refuseUnknownWords(command);
    // Of render it is a proxy's configuration that is JSON, which no refusal should stand in for.
    asJson = command.opts().json === true && command.parent?.name() !== "render";
    const { tests, check } = command.opts();
    const isTest = command.name() === "simulate" && (tests !== undefined || check !== undefined);
    refusedCode = command.name() === "diff" || isTest ? 2 : 1;
  })
  .exitOverride();
for (const add of [
  packCommand,
  checkCommand,
  inspectCommand,
  diffCommand,
  explainCommand,
  simulateCommand,
  wikiCommand,
  mwscriptCommand,
  foreachwikiCommand,
  dblistCommand,
  versionsCommand,
  renderCommand,
  putCommand,
  stampCommand,
  pushCommand,
  pauseCommand,
  resumeCommand,
  promoteCommand,
  abortCommand,
  rollbackCommand,
  historyCommand,
  statusCommand,
  retireCommand,
  verifyCommand,
  serveCommand,
  followCommand,
  freezeCommand,
  unfreezeCommand,
  completionCommand,
])
  add(program);
for (const command of program.commands.flatMap((one) => [one, ...one.commands]))
  command.exitOverride().allowExcessArguments();

/** `(default: {})` says nothing to anybody. */
function withoutEmptyDefault(option: Option): Option {
  const value = option.defaultValue;
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return isEmpty ? Object.assign(Object.create(option), { defaultValue: undefined }) : option;
}

endWithStdout();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const isInJson = asJson && !(error instanceof Refusal && error.isInAnswer);
    refuse(told(error), isInJson, error instanceof SourceError ? [error.message] : undefined);
  }
}

/** @param lines for people, who are told one cause once */
function refuse(
  errors: readonly Told[],
  inJson: boolean,
  lines: readonly string[] = errors.map(({ message }) => message),
): void {
  if (inJson) process.stdout.write(`${JSON.stringify({ errors })}\n`);
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exitCode = refusedCode;
}

interface Told {
  message: string;
  file?: string;
  line?: number | undefined;
  column?: number | undefined;
}

/** What is wrong, one by one. Throws the error again where it is a bug of ours. */
function told(error: unknown): Told[] {
  if (error instanceof SourceError) {
    return error.problems.map(({ message, file, line, column }) => ({ message, file, line, column }));
  }
  if (error instanceof Refusal || error instanceof TableError) return [{ message: error.message }];
  if (error instanceof Error && "syscall" in error) {
    const { path = "the system" } = error as NodeJS.ErrnoException;
    return [{ message: `${path}: ${reason(error)}` }];
  }
  throw error;
}
