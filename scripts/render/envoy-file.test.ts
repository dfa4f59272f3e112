/** Bootstraps with tables to start with: another table comes in, and all else stays. */
import { load } from "js-yaml";
import { expect, it } from "vitest";
import { plainPlan } from "../../test/support/plans.ts";
import { encode } from "../encode/encode.ts";
import { Table } from "../table/table.ts";
import { parseEnvoyFile } from "./envoy-file.ts";
import { pluginConfiguration } from "./plugin.ts";

const TABLE = new Table(encode(plainPlan(), { generation: 8, names: null }));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** By hand, each listener with a value of its own. */
const bootstrap = (type: string, ...values: string[]) =>
  [
    "# ours",
    "static_resources:",
    "  listeners:",
    ...values.flatMap((value, i) => [
      `    - name: l${i} # ${i}`,
      "      config_discovery:",
      "        default_config:",
      "          config:",
      `            root_id: l${i}`,
      "            configuration:",
      `              "@type": type.googleapis.com/google.protobuf.${type}`,
      `              value: ${value}`,
      "    # the next",
    ]),
    "",
  ].join("\n");

const settings = { listener: "edge", datacentre: "codfw" };
const old = base64(pluginConfiguration({ table: TABLE.bytes, ...settings, attempt: 4 }));
const next = base64(pluginConfiguration({ table: TABLE.bytes, ...settings, attempt: 5 }));
const first = base64(Buffer.concat([Buffer.from('{"attempt":1}'), TABLE.bytes]));
const asText = JSON.stringify(JSON.stringify({ attempt: 1, table: base64(TABLE.bytes) }));

it.each([
  ["bytes", "BytesValue", [old, old], [next, next]],
  ["quoted", "BytesValue", [`"${old}"`, `"${old}" # a comment`], [next, `${next} # a comment`]],
  ["a place", "BytesValue", ["TABLE", "TABLE"], [first, first]],
  ["one that begins as the other", "BytesValue", ["TABLE", "TABLEaaa"], [first, first]],
  ["text", "StringValue", ["TABLE", "'TABLE'"], [asText, asText]],
  ["text with quotes", "StringValue", ["'{\"attempt\": \"it''s\"}'", "TABLE"], [asText, asText]],
])("gets it into YAML, comments and all: %s", (_, type, values, wanted) => {
  const { plugins, with: withTable } = parseEnvoyFile(bootstrap(type, ...values), "envoy.yaml");
  expect(plugins.map(({ rootId }) => rootId)).toEqual(["l0", "l1"]);
  const text = withTable(TABLE);
  expect(text).toBe(bootstrap(type, ...wanted));
  const again = parseEnvoyFile(text, "envoy.yaml").plugins;
  expect(again.map(({ table }) => table!.digest)).toEqual([TABLE.digest, TABLE.digest]);
});

it("gets it into JSON", () => {
  const document = load(bootstrap("StringValue", "TABLE", "TABLE"));
  const { with: withTable } = parseEnvoyFile(JSON.stringify(document), "envoy.json");
  const { plugins } = parseEnvoyFile(withTable(TABLE), "envoy.json");
  expect(plugins.map(({ table, attempt }) => [table!.generation, attempt])).toEqual([
    [8, 1],
    [8, 1],
  ]);
});

it("is refused where the value is not on one line", () => {
  const folded = bootstrap("BytesValue", `>-\n                ${old}`);
  expect(() => parseEnvoyFile(folded, "envoy.yaml").with(TABLE)).toThrow("on one line");
});

it("has no tables where Envoy starts with none", () => {
  const text = "static_resources: { listeners: [{ default_config: { mutations: {} } }] }";
  expect(parseEnvoyFile(text, "envoy.yaml").plugins).toEqual([]);
});
