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

interface Route {
  match: { prefix?: string; path?: string; path_separated_prefix?: string; headers?: object[] };
  route: { cluster: string };
}

/** Names of virtual hosts are part of it, as of the route table. */
function routes(config: RouteConfig): number {
  const route = ({ match, route: action }: Route) =>
    field(
      field(
        text(match.path_separated_prefix ?? match.path ?? match.prefix ?? "") +
          // HeaderMatcher: name, and string_match { exact } (a tag of two bytes).
          sum((match.headers ?? []).map((one) => field(sum(texts(one).map(text)) + 4))),
      ) + field(text(action.cluster)),
    );
  const hosts = config.virtual_hosts.map(({ name, domains, routes: own }) =>
    field(text(name) + sum(domains.map(text)) + sum((own as Route[]).map(route))),
  );
  return text(config.name) + sum(hosts);
}

function texts(value: object): string[] {
  return Object.values(value).flatMap((one) => (typeof one === "object" ? texts(one) : [String(one)]));
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
