/** The files from which Envoy discovers the filter (ECDS by `path_config_source`), one a listener. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FILTER_NAME, type FilterOptions, filterResource } from "../render/plugin.ts";

/** The filter of every listener. */
export type Filter = Omit<FilterOptions, "listener">;

export class FilterFiles {
  private version = 0;
  private readonly folder: string;
  private readonly listeners: string[];
  private filter: Filter;

  constructor(folder: string, listeners: string[], filter: Filter) {
    this.folder = folder;
    this.listeners = listeners;
    this.filter = filter;
  }

  /**
   * A folder a listener: a rename in a `watched_directory` makes Envoy read anew each file that it watches there, so a
   * shared one would cost every listener one update per listener.
   */
  directory(listener: string): string {
    return join(this.folder, listener);
  }

  path(listener: string): string {
    return join(this.directory(listener), `${FILTER_NAME}.json`);
  }

  /** Puts the filter with this table, or these settings, in place for every listener; Envoy never sees half a file. */
  async write(change: Uint8Array | Partial<Filter>): Promise<void> {
    this.filter = { ...this.filter, ...(change instanceof Uint8Array ? { table: change } : change) };
    this.version += 1;
    for (const listener of this.listeners) {
      const resource = filterResource({ ...this.filter, listener }, String(this.version));
      await mkdir(this.directory(listener), { recursive: true });
      const path = this.path(listener);
      await writeFile(`${path}.tmp`, JSON.stringify(resource));
      await rename(`${path}.tmp`, path);
    }
  }
}
