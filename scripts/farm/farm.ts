import { existsSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { type Progress, silent } from "../progress.ts";
import { DblistReader } from "../sources/dblist.ts";
import { type Place, Problems, quote, quoteAll, SourceError } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { validate } from "../sources/validate.ts";
import { Wikis } from "../sources/wikis.ts";
import { readWikiversions } from "../sources/wikiversions.ts";
import { loadYaml, type YamlSource } from "../sources/yaml.ts";
import { type FarmFile, farmSchema, RENAMED_KEYS } from "./schema.ts";

/** Where something stands in the farm file. */
export type Path = readonly (string | number)[];

/** A farm.yaml with everything that it points at: still in the user's words, each with its place. */
export class Farm {
  readonly says: FarmFile;
  readonly wikis: Wikis;
  readonly dblists: DblistReader | null;
  /** What is odd, and does not keep the farm from being packed. */
  readonly warnings: SourceError[] = [];
  private readonly yaml: YamlSource;

  /**
   * Reads the file and its sources. Throws SourceError.
   * @param sources folders that take the place of the farm's own `sources`, by name
   */
  constructor(
    readonly file: string,
    private readonly sources: Readonly<Record<string, string>> = {},
    readonly progress: Progress = silent,
  ) {
    progress("reading the farm");
    if (file !== "-" && !existsSync(file))
      throw new SourceError({ file }, "there is no such file: say by --farm FILE where the farm is");
    this.yaml = loadYaml(file);
    this.says = validate(farmSchema, this.yaml, RENAMED_KEYS);
    this.checkKeys();
    const unknown = Object.keys(sources).filter((name) => !Object.hasOwn(this.says.sources, name));
    if (unknown.length > 0) {
      const known = quoteAll(Object.keys(this.says.sources));
      throw new SourceError(
        { file },
        `the farm has no source ${quoteAll(unknown)}; it has ${known || "none"}`,
      );
    }
    this.dblists = this.says.dblists === undefined ? null : this.listsIn(this.says.dblists);
    progress("reading wikiversions");
    this.wikis = this.readWikis();
  }

  warn(place: Place, what: string): void {
    this.warnings.push(new SourceError(place, what));
  }

  /** Where a key or value of the farm file stands. */
  place(path: Path, what?: "key" | "value"): Place {
    return this.yaml.placeOf(path, what);
  }

  /** Where it stands what a wiki runs. */
  placeOfWiki(wiki: string): Place {
    const { wikiversions } = this.says;
    if (typeof wikiversions !== "string") return this.place(["wikiversions", wiki]);
    return { file: this.path(wikiversions, ["wikiversions"]), line: this.wikis.get(wiki)!.line };
  }

  /** The same for people, the same on every machine: `farm.yaml:12`. */
  shortPlace(path: Path): string {
    return `${basename(this.file)}:${this.yaml.positionOf(path).line}`;
  }

  /** Keys of a mapping in the order of the file. */
  keys(path: Path): string[] {
    return this.yaml.keysOf(path);
  }

  /** A path that the farm names, `SOURCE:path` or relative to the farm file. */
  path(reference: string, where: Path): string {
    const colon = reference.indexOf(":");
    const here = dirname(this.file);
    if (colon === -1) return isAbsolute(reference) ? reference : join(here, reference);
    const name = reference.slice(0, colon);
    const declared = Object.hasOwn(this.says.sources, name) ? this.says.sources[name] : undefined;
    if (declared === undefined) {
      const near = suggestionFor(name, Object.keys(this.says.sources));
      const wayOut = near === undefined ? "name it under `sources`" : `did you mean ${quote(near)}?`;
      throw new SourceError(this.place(where), `unknown source ${quote(name)}: ${wayOut}`);
    }
    const beside = isAbsolute(declared) ? declared : join(here, declared);
    const folder = Object.hasOwn(this.sources, name) ? this.sources[name]! : beside;
    if (!existsSync(folder)) {
      const wayOut = `say by --source ${name}=DIR where it is`;
      throw new SourceError(this.place(where), `source ${quote(name)} is not in ${quote(folder)}: ${wayOut}`);
    }
    return join(folder, reference.slice(colon + 1));
  }

  private listsIn(reference: string): DblistReader {
    const folder = this.path(reference, ["dblists"]);
    if (existsSync(folder)) return new DblistReader(folder);
    throw new SourceError(this.place(["dblists"]), `there is no such folder as ${quote(folder)}`);
  }

  /** YAML reads a bare `1.50` as the number 1.5, as a key too. */
  private checkKeys(): void {
    const problems = new Problems();
    const { wikiversions, groups, releases, listeners, debug } = this.says;
    const mappings: [Path, unknown][] = [
      [["wikiversions"], wikiversions],
      [["groups"], groups],
      [["releases"], releases],
      [["debug", "backends"], debug?.backends],
      [["listeners"], listeners],
    ];
    for (const [path, mapping] of mappings) {
      for (const key of mapping === undefined ? [] : this.keys(path)) {
        if (Object.hasOwn(Object(mapping), key)) continue;
        const wayOut = `put it in quotes, as \`${JSON.stringify(key)}\``;
        problems.add(
          this.place([...path, key], "key"),
          `key ${quote(key)} is read as another number: ${wayOut}`,
        );
      }
    }
    problems.throwIfAny();
  }

  private readWikis(): Wikis {
    const { wikiversions } = this.says;
    if (typeof wikiversions === "string") {
      return readWikiversions(this.path(wikiversions, ["wikiversions"]), this.place(["wikiversions"]));
    }
    const wikis = new Wikis(Object.keys(wikiversions), Object.values(wikiversions));
    if (wikis.size === 0) throw new SourceError(this.place(["wikiversions"]), "the farm has no wikis");
    return wikis;
  }
}
