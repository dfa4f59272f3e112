/** The files from which Envoy discovers the filter (ECDS by `path_config_source`), one a listener. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FailurePolicy } from "./config.ts";
import { FILTER_NAME, filterResource } from "./config.ts";

export interface Filter {
  /** Path of the .wasm. */
  wasm: string;
  /** The first table. */
  table: Uint8Array;
  failurePolicy?: FailurePolicy;
  allowOnHeadersStopIteration?: boolean;
}

export class FilterFiles {
  private version = 0;
  private readonly folder: string;
  private readonly listeners: string[];
  private readonly filter: Filter;

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

  /** Puts the filter with this table in place for every listener; Envoy never sees half a file. */
  async write(table: Uint8Array): Promise<void> {
    this.version += 1;
    for (const listener of this.listeners) {
      const resource = filterResource({ ...this.filter, table, listener }, String(this.version));
      await mkdir(this.directory(listener), { recursive: true });
      const path = this.path(listener);
      await writeFile(`${path}.tmp`, JSON.stringify(resource));
      await rename(`${path}.tmp`, path);
    }
  }
}
