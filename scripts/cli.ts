import { Command, CommanderError } from "commander";
import { checkCommand } from "./commands/check.ts";
import { explainCommand } from "./commands/explain.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { packCommand } from "./commands/pack.ts";
import { putCommand, stampCommand } from "./commands/put.ts";
import { Refusal } from "./commands/refusal.ts";
import { renderCommand } from "./commands/render.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { SourceError } from "./sources/problem.ts";
import { TableError } from "./table/check.ts";

const program = new Command("pointsman")
  .description("Sends each wiki of a farm to the release that runs its version.")
  .addHelpText("after", "\nExit codes: 0 done, 1 refused (a check failed), 2 used wrongly.")
  .exitOverride();
for (const add of [
  packCommand,
  checkCommand,
  inspectCommand,
  explainCommand,
  simulateCommand,
  renderCommand,
  putCommand,
  stampCommand,
])
  add(program);
for (const command of program.commands) command.exitOverride();

// Who reads us has enough (`explain --stdin | head`): no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof SourceError || error instanceof Refusal || error instanceof TableError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
