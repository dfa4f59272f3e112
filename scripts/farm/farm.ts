/** A farm as its files say it: farm.yaml and every source that it names. */
import { basename, dirname, isAbsolute, join } from "node:path";
import { type Progress, silent } from "../progress.ts";
import { DblistReader } from "../sources/dblist.ts";
import { exists, isFolder, namesIn } from "../sources/files.ts";
import { oneACause, type Place, quote, quoteAll, quoteFirst, SourceError } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { isCutOff } from "../sources/text.ts";
import { validate } from "../sources/validate.ts";
import { Wikis } from "../sources/wikis.ts";
import { readWikiversions } from "../sources/wikiversions.ts";
import { loadYaml, readYamlText, type YamlSource } from "../sources/yaml.ts";
import { evaluateDblist } from "./groups.ts";
import { type FarmFile, farmSchema, RENAMED_KEYS } from "./schema.ts";
import { VersionOrder } from "./version-order.ts";

/** Where something stands in the farm file. */
export type Path = readonly (string | number)[];

/** A farm.yaml with everything that it points at: still in the user's words, each with its place. */
export class Farm {
  readonly says: FarmFile;
  readonly dblists: DblistReader | null;
  readonly versionOrder: VersionOrder;
  /** What is odd, and does not keep the farm from being packed. */
  readonly warnings: SourceError[] = [];
  private readonly yaml: YamlSource;
  private knownWikis: Wikis | undefined;

  /**
   * Reads the file, and its sources when they are asked for. Throws SourceError.
   * @param sources folders that take the place of the farm's own `sources`, by name
   */
  constructor(
    readonly file: string,
    private readonly sources: Readonly<Record<string, string>> = {},
    readonly progress: Progress = silent,
  ) {
    progress("reading the farm");
    if (file !== "-" && !exists(file))
      throw new SourceError({ file }, "there is no such file: name the farm's file by --farm FILE");
    if (file !== "-" && isFolder(file)) throw new SourceError({ file }, folderIsMeant(file));
    const text = readYamlText(file);
    this.yaml = loadYaml(file, text);
    this.says = validate(farmSchema, this.yaml, RENAMED_KEYS);
    // After a bracket or a quote nothing more of a value can have been.
    if (isCutOff(text) && !/[\])}"']\s*$/.test(text.slice(-20))) {
      const what =
        "the last line has no newline at its end, so the file may be cut off: restore it, or add a newline";
      this.warn({ file, line: text.split("\n").length }, what);
    }
    this.versionOrder = new VersionOrder(this.says["version-order"]);
    const unknown = Object.keys(sources).filter((name) => !Object.hasOwn(this.says.sources, name));
    if (unknown.length > 0) {
      const known = quoteAll(Object.keys(this.says.sources));
      throw new SourceError(
        { file },
        `the farm has no source ${quoteAll(unknown)}; it has ${known || "none"}`,
      );
    }
    this.dblists = this.says.dblists === undefined ? null : this.listsIn(this.says.dblists);
  }

  /** Read when first asked for: an expression of dblists needs none of it. Throws SourceError. */
  get wikis(): Wikis {
    if (this.knownWikis === undefined) {
      this.progress("reading wikiversions");
      this.knownWikis = this.readWikis();
    }
    return this.knownWikis;
  }

  warn(place: Place, what: string): void {
    this.warnings.push(new SourceError(place, what));
  }

  /** The warnings for people, a line a cause. */
  tellWarnings(): string[] {
    return oneACause(this.warnings);
  }

  /** Where a key or value of the farm file stands. */
  place(path: Path, what?: "key" | "value"): Place {
    return this.yaml.placeOf(path, what);
  }

  /** Where it stands what a wiki runs. */
  placeOfWiki(wiki: string): Place {
    const { wikiversions } = this.says;
    if (typeof wikiversions !== "string") {
      return Object.hasOwn(wikiversions, wiki)
        ? this.place(["wikiversions", wiki])
        : this.place(["default-version", "version"]);
    }
    const { line } = this.wikis.get(wiki)!;
    return line === undefined
      ? this.place(["default-version", "version"])
      : { file: this.path(wikiversions, ["wikiversions"]), line };
  }

  /** The same for people, the same on every machine: `farm.yaml:12`. */
  shortPlace(path: Path): string {
    return `${basename(this.file)}:${this.yaml.positionOf(path).line}`;
  }

  /** Keys of a mapping in the order of the file. */
  keys(path: Path): string[] {
    return this.yaml.keysOf(path);
  }

  /** Where the farm file and each of its sources lie. */
  folders(): { name: string; folder: string }[] {
    const here = dirname(this.file);
    const sources = Object.keys(this.says.sources).map((name) => ({ name, folder: this.sourceFolder(name) }));
    return [{ name: "farm", folder: here }, ...sources];
  }

  private sourceFolder(name: string): string {
    if (Object.hasOwn(this.sources, name)) return this.sources[name]!;
    const declared = this.says.sources[name]!;
    return isAbsolute(declared) ? declared : join(dirname(this.file), declared);
  }

  /** A path that the farm names, `SOURCE:path` or relative to the farm file. */
  path(reference: string, where: Path): string {
    const colon = reference.indexOf(":");
    const here = dirname(this.file);
    if (colon === -1) return isAbsolute(reference) ? reference : join(here, reference);
    const name = reference.slice(0, colon);
    if (!Object.hasOwn(this.says.sources, name)) {
      const suggestion = suggestionFor(name, Object.keys(this.says.sources));
      const wayOut =
        suggestion === undefined ? "name it under `sources`" : `did you mean ${quote(suggestion)}?`;
      throw new SourceError(this.place(where), `unknown source ${quote(name)}: ${wayOut}`);
    }
    const folder = this.sourceFolder(name);
    if (!exists(folder)) {
      const wayOut = `name its folder by --source ${name}=DIR`;
      throw new SourceError(this.place(where), `source ${quote(name)} is not in ${quote(folder)}: ${wayOut}`);
    }
    return join(folder, reference.slice(colon + 1));
  }

  private listsIn(reference: string): DblistReader {
    const folder = this.path(reference, ["dblists"]);
    namesIn(folder, this.place(["dblists"]));
    return new DblistReader(folder, { columns: this.says["dblist-columns"] });
  }

  private readWikis(): Wikis {
    const named = this.namedWikis();
    const others = this.says["default-version"];
    if (others !== undefined) return this.withOthers(named, others.version, others.dblist);
    if (named.size === 0) throw new SourceError(this.place(["wikiversions"]), "the farm has no wikis");
    return named;
  }

  private namedWikis(): Wikis {
    const { wikiversions } = this.says;
    if (typeof wikiversions !== "string") {
      return new Wikis(Object.keys(wikiversions), Object.values(wikiversions));
    }
    const file = this.path(wikiversions, ["wikiversions"]);
    return readWikiversions(file, this.place(["wikiversions"]), this.says["default-version"] !== undefined);
  }

  /** With the wikis of the lists that `named` does not have. */
  private withOthers(named: Wikis, version: string, dblist: string): Wikis {
    const listed = evaluateDblist(this, dblist, ["default-version", "dblist"]);
    if (listed.length === 0) {
      const what = `no wiki is in ${quote(dblist)}, which says which wikis there are: write the list again`;
      throw new SourceError(this.place(["default-version", "dblist"]), what);
    }
    const others = listed.filter((wiki) => !named.has(wiki));
    const known = new Set(listed);
    const unlisted = [...named.keys()].filter((wiki) => !known.has(wiki));
    if (unlisted.length > 0) {
      const suggestion = unlisted.length === 1 ? suggestionFor(unlisted[0]!, listed) : undefined;
      const hint = suggestion === undefined ? "" : `; did you mean ${quote(suggestion)}?`;
      const verb = unlisted.length === 1 ? "has a version, and is" : "have a version, and are";
      const what = `${quoteAll(unlisted)} ${verb} not in ${quote(dblist)}${hint}`;
      this.warn(this.place(["default-version", "dblist"]), what);
    }
    const all = [...named];
    const lines = all.flatMap(([, { line }]) => (line === undefined ? [] : [line]));
    return new Wikis(
      [...all.map(([wiki]) => wiki), ...others],
      [...all.map(([, named]) => named.version), ...others.map(() => version)],
      lines,
    );
  }
}

/** What is meant where a folder is named as the farm. */
function folderIsMeant(folder: string): string {
  const files = namesIn(folder).filter((name) => /\.ya?ml$/i.test(name));
  const one = files.includes("farm.yaml") ? "farm.yaml" : files.length === 1 ? files[0]! : null;
  if (one !== null) return `it is a folder, not a file: did you mean ${quote(join(folder, one))}?`;
  const what = files.length > 0 ? `it has ${quoteFirst(files)}` : "it has no .yaml";
  return `it is a folder, not a file, and ${what}: name the farm's file by --farm FILE`;
}
