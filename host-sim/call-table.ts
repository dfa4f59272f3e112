/** The table of calls × profiles in docs/host-sim.md, from the table of calls and the profiles. */
import type { HostCall } from "./call-rows.ts";
import { hostCalls } from "./host-calls.ts";
import { offers } from "./link.ts";
import { ats102 } from "./profiles/ats.ts";
import { envoy140 } from "./profiles/envoy.ts";
import { envoy137 } from "./profiles/envoy-older.ts";
import type { Profile } from "./profiles/profile.ts";
import { strict } from "./profiles/strict.ts";

const profiles: readonly Profile[] = [envoy140, envoy137, ats102, strict];

function cell(profile: Profile, row: HostCall): string {
  const { name, group, abi } = row;
  if (group === "assemblyscript") return "on request";
  if (!offers(profile, row) || !abi.some((version) => profile.abiVersions.has(version))) return "refused";
  return profile.aborting.has(name) ? "aborts" : "yes";
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;

/** Markdown: a line for each host call. */
export function callTable(): string {
  let table = row(["call", "group", "ABI", ...profiles.map(({ name }) => name)]);
  table += row(["---", "---", "---", ...profiles.map(() => "---")]);
  for (const call of hostCalls) {
    const name = call.module === "env" ? `\`${call.name}\`` : `\`wasi.${call.name}\``;
    const abi = call.abi.length === 3 ? "all" : call.abi.join(", ");
    table += row([name, call.group, abi, ...profiles.map((profile) => cell(profile, call))]);
  }
  return table;
}
