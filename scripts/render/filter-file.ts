/** The file from which Envoy discovers the filter: which table is in it, and the same file with another one. */
import { createHash } from "node:crypto";
import { extname } from "node:path";
import { load } from "js-yaml";
import { z } from "zod";
import { TableError } from "../table/check.ts";
import { Table } from "../table/table.ts";
import { toYaml } from "./yaml.ts";

/** A place for a table in a file that was written by hand, where none has been put yet. */
export const PLACE = "TABLE";
const BYTES_VALUE = "type.googleapis.com/google.protobuf.BytesValue";
const STRING_VALUE = "type.googleapis.com/google.protobuf.StringValue";

const pluginSchema = z.looseObject({
  root_id: z.string().default(""),
  vm_config: z
    .looseObject({
      code: z
        .looseObject({ local: z.looseObject({ filename: z.string().optional() }).optional() })
        .optional(),
    })
    .optional(),
  configuration: z.looseObject({
    "@type": z.enum([BYTES_VALUE, STRING_VALUE]),
    value: z.string(),
  }),
});

const schema = z.looseObject(
  {
    version_info: z.string().optional(),
    resources: z.tuple(
      [z.looseObject({ typed_config: z.looseObject({ config: pluginSchema }) })],
      "must be a list of one filter",
    ),
  },
  "must be a mapping with `resources`",
);

/** What a proxy's file has for one listener's filter. */
export interface Held {
  /** As the plugin's configuration names it, else its root_id; null where neither does. */
  listener: string | null;
  /** What is in it now; null where there is none, or none that a filter takes. */
  table: Table | null;
  /** The header that the proxy routes by, where it says so. */
  clusterHeader: string | null;
  /** How often a table was put into it, as it says itself. */
  attempt: number;
}

/** A file of one filter. */
export interface FilterFile extends Held {
  /** The file's text with this table instead, as the next attempt or the one that is said, and all else as it was. */
  with(table: Table, attempt?: number): string;
}

/** In a file of Envoy's. */
export interface EnvoyPlugin extends Held {
  rootId: string;
  /** The .wasm, on the proxy's machine; null where it is no file. */
  wasm: string | null;
  /** What the filter gets with this table instead, and the text that stands for it in the file. */
  with(table: Table, attempt?: number): { bytes: Buffer; value: string };
}

/** Of Envoy's: the filter that it discovers, or the bootstrap with those that it starts with. */
export interface EnvoyFile {
  plugins: EnvoyPlugin[];
  /** Of a bootstrap: later tables come to it from files, for one of its plugins at least, and not from a server. */
  readsFiles: boolean;
  with(table: Table): string;
}

/**
 * @param name of the file: JSON where it ends so, else YAML
 * Throws an Error whose message is for the user.
 */
export function parseFilterFile(text: string, name: string): FilterFile & EnvoyFile {
  return filterFileOf(parseDocument(text, name), name);
}

export function parseDocument(text: string, name: string): unknown {
  return isJson(name) ? JSON.parse(text) : load(text);
}

export const isJson = (name: string) => extname(name) === ".json";

/** Of its document. */
export function filterFileOf(from: unknown, name: string): FilterFile & EnvoyFile {
  const parsed = schema.safeParse(from);
  if (!parsed.success) {
    throw new Error(`the file is not a filter with its configuration: ${firstIssue(parsed.error)}`);
  }
  const document = parsed.data;
  const { config } = document.resources[0].typed_config;
  const plugin = pluginOf(config);
  return {
    ...plugin,
    plugins: [plugin],
    readsFiles: false,
    with(table: Table, attempt?: number) {
      const { bytes, value } = plugin.with(table, attempt);
      config.configuration.value = value;
      document.version_info = versionOf(bytes);
      return isJson(name) ? `${JSON.stringify(document, null, 2)}\n` : toYaml(document);
    },
  };
}

/** The first thing that a schema finds, with its place in the document. */
export function firstIssue({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  return path.length > 0 ? `${path.map(String).join(".")}: ${message}` : message;
}

/** null: it is no plugin with a configuration. */
export function parsePlugin(config: unknown): EnvoyPlugin | null {
  const parsed = pluginSchema.safeParse(config);
  return parsed.success ? pluginOf(parsed.data) : null;
}

function pluginOf({ root_id: rootId, vm_config, configuration }: z.infer<typeof pluginSchema>): EnvoyPlugin {
  const isText = configuration["@type"] === STRING_VALUE;
  const encoding = isText ? "utf8" : "base64";
  const old = contentsOf(Buffer.from(configuration.value, encoding), configuration.value === PLACE);
  return {
    listener: (old.settings.listener ?? rootId) || null,
    table: old.table,
    clusterHeader: old.clusterHeader,
    attempt: old.attempt,
    rootId,
    wasm: vm_config?.code?.local?.filename ?? null,
    with(table, attempt) {
      const bytes = old.with(table, isText, attempt);
      return { bytes, value: bytes.toString(encoding) };
    },
  };
}

/** The same text for the same configuration: what Envoy's `version_text` then says. */
export function versionOf(configuration: Uint8Array | string): string {
  return createHash("sha256").update(configuration).digest("hex").slice(0, 16);
}

/** What stands in the JSON object before the table, or around it. */
interface Settings {
  listener?: string;
  "cluster-header"?: string;
  attempt?: number | string;
  shadow?: boolean;
  table?: string;
}

interface Contents extends Pick<FilterFile, "clusterHeader" | "attempt"> {
  settings: Settings;
  table: Table | null;
  with(table: Table, isText: boolean, attempt?: number): Buffer;
}

/** What the filter would read in its configuration, in any of its forms. */
export function contentsOf(bytes: Buffer, isEmpty: boolean): Contents {
  const { settings, length } = (isEmpty ? null : headOf(bytes)) ?? { settings: {}, length: 0 };
  const isWithin = settings.table !== undefined;
  const attempt = Number.isSafeInteger(settings.attempt) ? (settings.attempt as number) : 0;
  return {
    settings,
    clusterHeader: settings["cluster-header"] ?? null,
    attempt,
    table: isEmpty ? null : open(isWithin ? Buffer.from(settings.table!) : bytes.subarray(length)),
    with(table, isText, next = attempt + 1) {
      const said = { ...settings, attempt: next };
      return isText || isWithin
        ? Buffer.from(JSON.stringify({ ...said, table: base64(table) }))
        : Buffer.concat([Buffer.from(JSON.stringify(said)), table.bytes]);
    },
  };
}

interface Head {
  settings: Settings;
  /** Bytes that it takes. */
  length: number;
}

/** More than settings need. */
const HEAD_BYTES = 4096;

/** The JSON object at the beginning, which has names, strings and numbers alone; null where there is none. Throws SyntaxError. */
function headOf(bytes: Buffer): Head | null {
  const text = bytes.toString("latin1");
  if (!/^\s*\{/.test(text)) return null;
  // With a table in it, it may be long, and is all there is.
  const whole = text.trimEnd().endsWith("}") ? wholeOf(bytes) : null;
  if (whole !== null) return whole;
  const [head] = /^\s*\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}/.exec(text.slice(0, HEAD_BYTES)) ?? [];
  return head === undefined ? null : parsed(bytes.subarray(0, head.length));
}

function wholeOf(bytes: Buffer): Head | null {
  try {
    return parsed(bytes);
  } catch {
    return null;
  }
}

const parsed = (bytes: Buffer): Head => ({ settings: JSON.parse(bytes.toString()), length: bytes.length });

function base64(table: Table): string {
  return Buffer.from(table.bytes).toString("base64");
}

/** The table's bytes, or base64 of them. */
function open(bytes: Buffer): Table | null {
  for (const one of [bytes, Buffer.from(bytes.toString("latin1"), "base64")]) {
    try {
      return new Table(one);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
    }
  }
  return null;
}
