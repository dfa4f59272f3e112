/** The options of every command that asks as a listener would. */
import type { Command } from "commander";

/** Options of every command that asks as one proxy would: which listener it is, and in which data centre. */
export function addListenerOptions(command: Command): Command {
  return command
    .option("--listener <name>", "as this listener of the farm decides (default: its first)")
    .option("--datacentre <name>", "as in this data centre (default: the listener's)")
    .option("--primary <name>", "while this data centre is the primary one (default: the proxy's own)");
}
