/** The options of every command that asks as a listener would. */
import type { Command } from "commander";

/** Options of every command that asks as one proxy would: which listener it is, and in which data centre. */
export function addListenerOptions(command: Command): Command {
  return command
    .option("--listener <name>", "decide as this listener of the farm (default: its first)")
    .option("--datacentre <name>", "decide as a proxy in this data centre (default: the listener's)")
    .option("--primary <name>", "take this data centre as the primary one (default: the proxy's own)");
}
