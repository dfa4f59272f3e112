/** `--ask-releases` and what goes with it: the releases of a farm's table are asked what they run. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Asked, askReleases, PLACEHOLDERS, urlOf } from "../ask/ask-releases.ts";
import type { Progress } from "../progress.ts";
import { quote } from "../sources/problem.ts";
import type { Table } from "../table/table.ts";
import { refuseUnheard } from "./heard.ts";

export interface AskOptions {
  askReleases?: string;
  askKey: string;
  askHeader?: string;
}

/** What a table is refused for whose releases do not say what it says. */
export const ASK_RELEASES = "ask-releases";

const TIMEOUT_MS = 5000;
const KNOWN = PLACEHOLDERS.map((name) => `{${name}}`).join(", ");

export function addAskOptions(command: Command): Command {
  return command
    .option(
      "--ask-releases <url>",
      `ask each release of the default deployment what it runs, at this URL with ${KNOWN}`,
      parseTemplate,
    )
    .option(
      "--ask-key <path>",
      "the key of the version in the JSON response, as mediawiki.version",
      parseKey,
      "version",
    )
    .addOption(
      new Option("--ask-header <name>", "take the version from this header of the response, not from JSON")
        .argParser(parseHeader)
        .conflicts("askKey"),
    )
    .hook("preAction", (_, command) => {
      if (command.opts<AskOptions>().askReleases === undefined)
        refuseUnheard(command, ["askKey", "askHeader"], "it needs --ask-releases");
    });
}

/** A sentence for each release that does not say what the table says; none where nobody is to be asked. */
export async function askReleasesOf(
  table: Table,
  deployment: string,
  { askReleases: template, askKey, askHeader }: AskOptions,
  progress: Progress,
): Promise<string[]> {
  if (template === undefined) return [];
  const at = askHeader === undefined ? { key: askKey } : { header: askHeader };
  return askReleases(releasesOf(table, deployment), { template, at, timeoutMs: TIMEOUT_MS }, progress);
}

function releasesOf(table: Table, deployment: string): Asked[] {
  // Every table has the farm's default deployment.
  const number = Array.from({ length: table.deploymentCount }, (_, i) => table.deployment(i).name).indexOf(
    deployment,
  );
  return Array.from({ length: table.releaseCount }, (_, i) => {
    const { name, version } = table.release(i);
    return { release: name, version, deployment, cluster: table.cluster(number, i) };
  });
}

function parseTemplate(text: string): string {
  const used = [...text.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!);
  const unknown = used.find((name) => !PLACEHOLDERS.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no ${quote(`{${unknown}}`)}; there are ${KNOWN}.`);
  }
  if (used.every((name) => name === "deployment")) {
    const wanted = "Each release is asked at a URL of its own";
    throw new InvalidArgumentError(`${wanted}: have {release}, {release-slug} or {cluster} in it.`);
  }
  const example = { release: "x", deployment: "x", cluster: "x" };
  const made = urlOf(text, example);
  const url = URL.canParse(made) ? new URL(made) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new InvalidArgumentError(
      "It is a URL of http or https, without a user: http://{release}.svc:4450/version.",
    );
  }
  return text;
}

function parseKey(text: string): string {
  if (!/^[^.]+(\.[^.]+)*$/.test(text))
    throw new InvalidArgumentError("A path of keys looks like mediawiki.version.");
  return text;
}

function parseHeader(text: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(text))
    throw new InvalidArgumentError("A header's name looks like x-mw-version.");
  return text;
}
