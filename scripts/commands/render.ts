/** `pointsman render`: what a proxy needs to run the filter. */
import type { Command } from "commander";
import { renderAtsCommand } from "./render/ats.ts";
import { renderAtsLuaCommand } from "./render/ats-lua.ts";
import { renderEnvoyCommand } from "./render/envoy.ts";
import { renderIstioCommand } from "./render/istio.ts";
import { renderKubernetesCommand } from "./render/kubernetes.ts";

export function renderCommand(program: Command): void {
  const render = program
    .command("render")
    .description("write a proxy's configuration")
    .addHelpText(
      "after",
      `
Each proxy has options of its own: see \`pointsman render envoy --help\`.

Examples:
  $ pointsman render envoy --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 \\
      --clusters '{cluster}.svc.example:8080'
  $ pointsman render ats --farm examples/small/farm.yaml --clusters '{cluster}.svc.example:8080'`,
    );
  renderEnvoyCommand(render);
  renderIstioCommand(render);
  renderKubernetesCommand(render);
  renderAtsCommand(render);
  renderAtsLuaCommand(render);
}
