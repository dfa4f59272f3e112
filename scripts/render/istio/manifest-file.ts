/** A file with the objects that bring the filter into a gateway of Istio's: which table is in it, and it with another. */
import { extname } from "node:path";
import { loadAll } from "js-yaml";
import { z } from "zod";
import type { Table } from "../../table/table.ts";
import { contentsOf, type Held, parsePlugin } from "../filter-file.ts";
import { tableLabels } from "../table-labels.ts";
import { toYaml } from "../yaml.ts";
import { checkSize, type Manifest } from "./manifest.ts";

export interface IstioFile {
  /** One an object that has a table. */
  plugins: Held[];
  /** The file's text with this table in all of them, and all else as it was but comments. Throws RangeError. */
  with(table: Table): string;
}

/** A place for a table, in its object. */
interface Place extends Held {
  put(table: Table): void;
}

type Json = Record<string, unknown>;

/**
 * @param name of the file: JSON where it ends so, else YAML
 * Throws an Error whose message is for the user.
 */
export function parseIstioFile(text: string, name: string): IstioFile {
  const isJson = extname(name) === ".json";
  const documents = isJson ? [JSON.parse(text)] : loadAll(text);
  const objects = documents
    .flatMap(objectsOf)
    .map((object) => ({ object, places: [...placesIn(object.spec)] }))
    .filter(({ places }) => places.length > 0);
  if (objects.length === 0) throw new Error("there is no filter in it with a place for its table");
  return {
    plugins: objects.flatMap(({ places }) => places),
    with(table) {
      for (const { object, places } of objects) {
        for (const place of places) place.put(table);
        object.metadata.labels = { ...object.metadata.labels, ...tableLabels(table) };
        checkSize(object);
      }
      return isJson ? `${JSON.stringify(documents[0], null, 2)}\n` : documents.map(toYaml).join("---\n");
    },
  };
}

/** Those of a List, or the one. */
function objectsOf(document: unknown): Manifest[] {
  const all = isRecord(document) && Array.isArray(document.items) ? document.items : [document];
  return all.filter((one): one is Manifest => objectSchema.safeParse(one).success);
}

const objectSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).optional() }),
});

/** `config` of Envoy's plugin in an EnvoyFilter, `pluginConfig` of the two others. */
function* placesIn(value: unknown): Generator<Place> {
  if (Array.isArray(value)) for (const one of value) yield* placesIn(one);
  if (!isRecord(value)) return;
  for (const [key, one] of Object.entries(value)) {
    const place = key === "config" ? ofEnvoy(one) : key === "pluginConfig" ? ofIstio(value) : null;
    if (place) yield place;
    else yield* placesIn(one);
  }
}

/** The attempt is the generation: written again, it is the same object. */
function ofEnvoy(config: unknown): Place | null {
  const plugin = parsePlugin(config);
  if (plugin === null) return null;
  const { configuration } = config as { configuration: Json };
  return {
    ...plugin,
    put(table) {
      configuration.value = plugin.with(table, table.generation).value;
    },
  };
}

function ofIstio(plugin: Json): Place | null {
  const { pluginConfig, pluginName } = plugin;
  if (!isRecord(pluginConfig) || typeof pluginConfig.table !== "string") return null;
  const old = contentsOf(Buffer.from(JSON.stringify(pluginConfig)), false);
  return {
    listener: old.settings.listener ?? (typeof pluginName === "string" ? pluginName : null),
    table: old.table,
    clusterHeader: old.clusterHeader,
    attempt: old.attempt,
    put(table) {
      plugin.pluginConfig = JSON.parse(old.with(table, true, table.generation).toString());
    },
  };
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
