/** How many bytes the two kinds of update are as protobuf, the form in which xDS moves them. */
import { FILTER_NAME, filterResource } from "../scripts/render/plugin.ts";
import type { RouteConfig } from "./envoy-config.ts";

/** Bytes of a field: its tag (field numbers up to 15 take one byte), its length, and what it holds. */
function field(bytes: number): number {
  return 1 + varint(bytes) + bytes;
}

function varint(value: number): number {
  return value < 128 ? 1 : 1 + varint(Math.floor(value / 128));
}

const text = (value: string): number => field(Buffer.byteLength(value));
const sum = (parts: number[]): number => parts.reduce((all, part) => all + part, 0);

/** A route configuration: all its fields' numbers are below 16. */
function routes(config: RouteConfig): number {
  return message(config);
}

function message(value: object): number {
  return sum(Object.entries(value).map(([key, one]) => (/timeout$/.test(key) ? duration(one) : of(one))));
}

function of(value: unknown): number {
  if (Array.isArray(value)) return sum(value.map(of));
  if (typeof value === "object") return field(message(value!));
  if (typeof value === "number") return 1 + varint(value);
  // What is off is not there, or an empty message; an enumeration is a number.
  if (typeof value === "boolean" || value === "OVERWRITE_IF_EXISTS_OR_ADD") return 2;
  return text(String(value));
}

/** None is an empty message. */
function duration(seconds: string): number {
  const whole = Number.parseInt(seconds, 10);
  return field(whole === 0 ? 0 : 1 + varint(whole));
}

const TYPE = "type.googleapis.com/";
const any = (type: string, value: number): number => text(TYPE + type) + field(value);

/** The whole TypedExtensionConfig: the table and the plugin around it. */
function filter(table: Uint8Array, wasm: string): { bytes: number; fileBytes: number } {
  const code = field(field(text(wasm)));
  const vm = text(FILTER_NAME) + text("envoy.wasm.runtime.v8") + code;
  const configuration = any("google.protobuf.BytesValue", field(table.length));
  // FAIL_RELOAD is a number: a tag and one byte.
  const plugin = text(FILTER_NAME) + text("main") + field(vm) + field(configuration) + 2;
  const bytes = text(FILTER_NAME) + field(any("envoy.extensions.filters.http.wasm.v3.Wasm", field(plugin)));
  const file = JSON.stringify(filterResource({ wasm, table, listener: "main" }, "1"));
  return { bytes, fileBytes: file.length };
}

export const protobufBytes = { routes, filter };
