/** What scripts and people ask of a wiki: its release, image, groups and hosts, out of a packed table. */
import { type Names, type Pin, parseNames } from "../farm/names.ts";
import type { Images } from "../sources/images-file.ts";
import { canonicalHost } from "../table/canonical.ts";
import { decide } from "../table/decide.ts";
import type { Table } from "../table/table.ts";

/** A release's name and version, without `php-`. */
export interface NamedRelease {
  name: string;
  version: string;
}

/** What is asked. */
export interface Source {
  table: Table;
  /** null: no values files are known. Throws SourceError. */
  imagesOf(release: NamedRelease): Images | null;
}

/** The images that somebody's values files say of a release. */
export interface ImageFacts {
  image: string | null;
  webserver_image: string | null;
  values_file: string | null;
}

/** As JSON. What a stripped table does not say is null. */
export interface Facts extends ImageFacts {
  wiki: string;
  realm: string | null;
  /** Its innermost group; null: it is in none. */
  group: string | null;
  /** From the innermost to the outermost. */
  groups: string[] | null;
  version: string;
  release: string;
  /** Its canonical host first, then the others that the table has by name, sorted. */
  hosts: string[];
  /** false: no pin says its release. */
  pinned: Pin | false | null;
  installed: boolean;
  generation: number;
  digest: string;
}

export class Wikis {
  private readonly names: Names | null;
  /** By the wiki's slot. */
  private exact: Map<number, string[]> | undefined;
  private allIds: string[] | undefined;
  private readonly images = new Map<string, Images | null>();

  constructor(readonly source: Source) {
    const { names } = source.table;
    this.names = names && parseNames(names);
  }

  /** null: the table has no such wiki. Throws SourceError. */
  get(wiki: string): Facts | null {
    const { table } = this.source;
    const slot = table.find(table.wikis, wiki);
    if (slot === -1) return null;
    const { group, release: number, installed } = table.placement(slot);
    const release = table.release(number);
    return {
      wiki,
      realm: this.names?.realm ?? null,
      group,
      groups: this.groupsAround(group),
      version: release.version,
      release: release.name,
      ...this.imageFacts(release),
      hosts: this.hostsOf(slot),
      pinned: this.names && (own(this.names.pins, wiki) ?? false),
      installed,
      generation: table.generation,
      digest: table.digest,
    };
  }

  /** The wiki that a host stands for; what is said of one that stands for none. */
  ofHost(host: string): { wiki: string } | { wrong: string; key: string | null } {
    const { answer, trail } = decide(this.source.table, { authority: host, target: "/" });
    if (trail.key !== null && (trail.wrong === null || trail.wrong === "notInstalled"))
      return { wiki: trail.key };
    if (answer.kind === "pass") return { wrong: "is not the farm's: it passes through", key: null };
    const { key } = trail;
    const wrong = key === null ? "stands for no wiki" : `stands for ${key}, which is no wiki of the table`;
    return { wrong, key };
  }

  /** null: the table has no such wiki. */
  releaseOf(wiki: string): NamedRelease | null {
    const { table } = this.source;
    const slot = table.find(table.wikis, wiki);
    return slot === -1 ? null : table.release(table.releaseOf(slot));
  }

  /** In the order of the table. */
  get releases(): NamedRelease[] {
    const { table } = this.source;
    return Array.from({ length: table.releaseCount }, (_, number) => table.release(number));
  }

  /** Where no wiki says another. */
  get defaultRelease(): NamedRelease {
    const { table } = this.source;
    return table.release(table.defaultRelease);
  }

  /** The ID of each wiki. */
  get ids(): readonly string[] {
    const { table } = this.source;
    this.allIds ??= Array.from(table.keys(table.wikis), ({ key }) => key);
    return this.allIds;
  }

  /** Throws SourceError. */
  imageFacts(release: NamedRelease): ImageFacts {
    let images = this.images.get(release.name);
    if (images === undefined) {
      images = this.source.imagesOf(release);
      this.images.set(release.name, images);
    }
    return {
      image: images?.image ?? null,
      webserver_image: images?.webserver ?? null,
      values_file: images?.file ?? null,
    };
  }

  private groupsAround(group: string | null): string[] | null {
    if (group === null) return [];
    const within = this.names?.within;
    if (within === undefined) return null;
    const groups: string[] = [];
    for (let one: string | undefined = group; one !== undefined; one = own(within, one)) {
      if (groups.includes(one)) break;
      groups.push(one);
    }
    return groups;
  }

  private hostsOf(slot: number): string[] {
    const { table } = this.source;
    this.exact ??= exactHosts(table);
    const canonical = canonicalHost(table, slot);
    const others = (this.exact.get(slot) ?? []).filter((host) => host !== canonical).sort();
    return canonical === null ? others : [canonical, ...others];
  }
}

/** Wiki → hosts that lead to it by their whole name. */
function exactHosts(table: Table): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const { key, slot } of table.keys(table.hosts)) {
    const destination = table.destinationOf(slot);
    if (destination === null) continue;
    const wiki = "wiki" in destination ? destination.wiki : destination.else;
    if (wiki === undefined) continue;
    const hosts = found.get(wiki);
    if (hosts) hosts.push(key);
    else found.set(wiki, [key]);
  }
  return found;
}

/** A wiki or a group may well be called `constructor`. */
function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
