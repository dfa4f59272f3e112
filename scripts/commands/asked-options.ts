/** What `wiki`, `mwscript` and `foreachwiki` are told to ask: a table, a store or a farm, and values files for images. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Farm } from "../farm/farm.ts";
import { imagesOf } from "../farm/images.ts";
import { RELEASE_IN_NAME } from "../sources/images-file.ts";
import { quote } from "../sources/problem.ts";
import { suggestionsFor } from "../sources/suggestion.ts";
import { wantedTable } from "../store/wanted.ts";
import type { Table } from "../table/table.ts";
import { type Source, Wikis } from "../wiki/facts.ts";
import { imagesIn } from "../wiki/values-files.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { refuseUnheard } from "./heard.ts";
import { packFarm } from "./pack.ts";
import { tableIn } from "./put.ts";
import { openStore, STORE_PLACES } from "./store-options.ts";

export interface AskedOptions extends FarmOptions {
  table?: string;
  store?: string;
  values?: string;
}

export function addAskedOptions(command: Command): Command {
  return addFarmOptions(command)
    .addOption(
      new Option(
        "--table <file>",
        "ask a table, or what Envoy discovers (pointsman.json); - is standard input",
      ).env("POINTSMAN_TABLE"),
    )
    .option("--store <place>", `ask what is to be served by a store: ${STORE_PLACES}`)
    .addOption(
      new Option(
        "--values <files>",
        "where the images are, a file a release, as /srv/release/mw-script-{release}-eqiad.yaml",
      )
        .env("POINTSMAN_VALUES")
        .argParser(parseFiles),
    );
}

/** Of --values. */
export function parseFiles(text: string): string {
  if (text.includes(RELEASE_IN_NAME)) return text;
  throw new InvalidArgumentError(`Write ${RELEASE_IN_NAME} in the place of a release's name.`);
}

/**
 * A farm is read where it is named, or no table is. Throws SourceError, Refusal.
 * @param readsFarm the command needs the farm besides the table
 */
export async function openWikis(options: AskedOptions, command: Command, readsFarm = false): Promise<Wikis> {
  const isGiven = (name: string) => command.getOptionValueSource(name) === "cli";
  if (isGiven("table") && isGiven("store"))
    command.error("error: give either --table or --store, one of them", { exitCode: 2 });
  if (!readsFarm && (isGiven("table") || isGiven("store")))
    refuseUnheard(command, ["farm", "source", "today"], "no farm is read");
  if (isGiven("store"))
    return ofTable((await wantedTable(openStore({ store: options.store! }))).table, options);
  const isFarm = isGiven("farm") && !isGiven("table") && !readsFarm;
  // An empty variable is none.
  const isNone = options.table === undefined || (options.table === "" && !isGiven("table"));
  if (isNone || isFarm) return ofFarm(options);
  const table = tableIn(options.table!);
  return ofTable(table, options);
}

function ofTable(table: Table, { values }: AskedOptions): Wikis {
  return new Wikis({
    table,
    imagesOf: (release) => (values === undefined ? null : imagesIn(values, release)),
  });
}

function ofFarm(options: AskedOptions): Wikis {
  const { table, farm, warnings } = packFarm(options);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  return new Wikis({
    table,
    imagesOf: (release) => imagesOfFarm(farm, release, options.values ?? null),
  });
}

/** null: neither the farm nor the command says where the images are. */
function imagesOfFarm(
  farm: Farm,
  release: Parameters<typeof imagesOf>[1],
  values: string | null,
): ReturnType<Source["imagesOf"]> {
  if (values === null && farm.says.releases[release.name]?.values === undefined) return null;
  return imagesOf(farm, release, values);
}

const NEAREST = 3;

/** Why there is nothing to say of a wiki. */
export function noSuchWiki(
  wikis: Wikis,
  wiki: string,
  what = `${quote(wiki)} is no wiki of the table`,
): string {
  const nearest = suggestionsFor(wiki, wikis.ids, NEAREST).map(quote);
  if (nearest.length === 0) return what;
  const last = nearest.pop()!;
  return `${what}: did you mean ${nearest.length === 0 ? last : `${nearest.join(", ")} or ${last}`}?`;
}
