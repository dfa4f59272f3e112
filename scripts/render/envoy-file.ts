/** A file of Envoy's that has tables in it: the filter that it discovers, or the bootstrap with those it starts with. */
import {
  type EnvoyFile,
  type EnvoyPlugin,
  filterFileOf,
  isJson,
  parseDocument,
  parsePlugin,
} from "./filter-file.ts";

/**
 * @param name of the file: JSON where it ends so, else YAML
 * Throws an Error whose message is for the user.
 */
export function parseEnvoyFile(text: string, name: string): EnvoyFile {
  const document = parseDocument(text, name);
  return isRecord(document) && "static_resources" in document
    ? bootstrapOf(document, text, name)
    : filterFileOf(document, name);
}

/** Each listener's `default_config`; none where Envoy starts with nothing. */
function bootstrapOf(document: object, text: string, name: string): EnvoyFile {
  const plugins = [...defaultsIn(document)];
  return {
    plugins: plugins.map(({ plugin }) => plugin),
    readsFiles: plugins.some(({ isFromFile }) => isFromFile),
    with(table) {
      if (isJson(name)) {
        for (const { plugin, configuration } of plugins) configuration.value = plugin.with(table).value;
        return `${JSON.stringify(document, null, 2)}\n`;
      }
      // People write comments into it.
      const values = new Map(
        plugins.map(({ plugin, configuration }) => [configuration.value, plugin.with(table).value]),
      );
      return [...values].reduce((all, [old, value]) => replaceValue(all, old, value), text);
    },
  };
}

interface Default {
  plugin: EnvoyPlugin;
  /** Where its later tables come from. */
  isFromFile: boolean;
  /** In the document itself. */
  configuration: { value: string };
}

function* defaultsIn(value: unknown): Generator<Default> {
  if (Array.isArray(value)) for (const one of value) yield* defaultsIn(one);
  if (!isRecord(value)) return;
  for (const [key, one] of Object.entries(value)) {
    if (key === "default_config" && isRecord(one)) {
      const plugin = parsePlugin(one.config);
      if (plugin)
        yield {
          plugin,
          isFromFile: isRecord(value.config_source) && "path_config_source" in value.config_source,
          configuration: (one.config as { configuration: Default["configuration"] }).configuration,
        };
    } else yield* defaultsIn(one);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const BASE64 = /^[A-Za-z0-9+/]+=*$/;

/** In YAML, wherever a key `value` has it, on its line. Throws Error. */
function replaceValue(text: string, old: string, value: string): string {
  const written = BASE64.test(value) ? value : JSON.stringify(value);
  let found = false;
  let made = text;
  for (const form of [JSON.stringify(old), `'${old.replaceAll("'", "''")}'`, old]) {
    const [first, ...rest] = made.split(`value: ${form}`);
    // What only begins like it is another one.
    const isWhole = rest.map((one) => /^[\s,}]|^$/.test(one));
    found ||= isWhole.includes(true);
    made = rest.reduce((all, one, i) => `${all}value: ${isWhole[i] ? written : form}${one}`, first!);
  }
  if (!found) throw new Error("a table to start with is not written as `value: TABLE` on one line");
  return made;
}
