/** `pointsman retire`: a proxy that is gone for good is expected no more. */
import type { Command } from "commander";
import { Refusal } from "../refusal.ts";
import { quote } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { addStoreOption, openStore, type StoreOptions } from "./store-options.ts";

export function retireCommand(program: Command): void {
  addStoreOption(program.command("retire"))
    .description("expect a proxy no more that a server has seen: it is gone for good")
    .argument("<node...>", "the ids of nodes")
    .option("--json", "print what was done as JSON")
    .addHelpText(
      "after",
      `
A push in stages waits for every proxy that \`pointsman serve\` has ever seen. One that asks a server again is expected
again.

Examples:
  $ pointsman retire edge-7.esams --store /srv/pointsman`,
    )
    .action(async (nodes: string[], options: StoreOptions & { json?: boolean }) => {
      const store = openStore(options);
      const { records } = await store.nodes();
      const known = records.map(({ node }) => node);
      const unknown = nodes.find((node) => !known.includes(node));
      if (unknown !== undefined) {
        const meant = suggestionFor(unknown, known);
        const wayOut = meant === undefined ? "" : `: did you mean ${quote(meant)}?`;
        throw new Refusal(`${store.name}: no server has seen ${quote(unknown)}${wayOut}; nobody was retired`);
      }
      for (const node of nodes) await store.retire(node);
      const text = nodes.map((node) => `${store.name}: ${quote(node)} is expected no more`).join("\n");
      process.stdout.write(`${options.json ? JSON.stringify({ retired: nodes }) : text}\n`);
    });
}
