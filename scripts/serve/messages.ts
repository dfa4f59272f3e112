/** Messages of xDS: what a proxy asks, and the filters that it is answered with. */
import protobuf from "protobufjs";
import { resourceName } from "../render/discovered-filter.ts";
import {
  type FailurePolicy,
  FILTER_NAME,
  type FilterOptions,
  failurePolicyOf,
  pluginConfiguration,
  WASM_TYPE,
} from "../render/plugin.ts";
import text from "./discovery.proto";

const TYPE = "type.googleapis.com/";
/** What filters are discovered as. */
export const EXTENSION_CONFIG = `${TYPE}envoy.config.core.v3.TypedExtensionConfig`;

const { root } = protobuf.parse(text);
const type = (name: string) => root.lookupType(`pointsman.serve.${name}`);
const Request = type("DiscoveryRequest");
const Response = type("DiscoveryResponse");
const Extension = type("TypedExtensionConfig");
const Wasm = type("Wasm");
const Bytes = type("BytesValue");

/** A DiscoveryRequest; what is not said is empty, or null. */
export interface Asked {
  versionInfo: string;
  /** On the first message of a stream alone. */
  node: AskingNode | null;
  resourceNames: string[];
  typeUrl: string;
  responseNonce: string;
  /** It refuses what the nonce names. */
  errorDetail: { message: string } | null;
}

interface AskingNode {
  id: string;
  cluster: string;
  locality: { region: string; zone: string; subZone: string } | null;
  metadata: Struct | null;
}

/** google.protobuf.Struct, of which we read texts alone. */
interface Struct {
  fields: Record<string, { stringValue?: string; structValue?: Struct }>;
}

/** Throws where the bytes are no such message. */
export function readAsked(bytes: Uint8Array): Asked {
  return read(Request, bytes) as Asked;
}

function read(type: protobuf.Type, bytes: Uint8Array): object {
  return type.toObject(type.decode(bytes), { defaults: true, arrays: true, objects: true, enums: String });
}

export function writeAsked(asked: Partial<Asked>): Uint8Array {
  return Request.encode(Request.fromObject(asked)).finish();
}

/** A DiscoveryResponse, as its reader sees it. */
export interface Sent {
  versionInfo: string;
  nonce: string;
  /** By the resource's name: the plugin's configuration, where its code is, and what is done without it. */
  filters: ReadonlyMap<string, { configuration: Buffer; wasm: string; failurePolicy: FailurePolicy }>;
}

/** Throws where the bytes are no such message, or another resource than a filter of ours is in it. */
export function readSent(bytes: Uint8Array): Sent {
  const response = read(Response, bytes) as { versionInfo: string; nonce: string; resources: AnyValue[] };
  const filters = response.resources.map(({ value }) => {
    const { name, typedConfig } = read(Extension, value) as { name: string; typedConfig: AnyValue };
    const { config } = read(Wasm, typedConfig.value) as { config: Plugin };
    const configuration = (read(Bytes, config.configuration.value) as { value: Buffer }).value;
    const { failurePolicy, vmConfig } = config;
    return [name, { configuration, wasm: vmConfig.code.local.filename, failurePolicy }] as const;
  });
  return { versionInfo: response.versionInfo, nonce: response.nonce, filters: new Map(filters) };
}

/** Of a DiscoveryResponse, without a look at what it brings. */
export function readVersion(bytes: Uint8Array): Pick<Sent, "versionInfo" | "nonce"> {
  return read(Response, bytes) as Pick<Sent, "versionInfo" | "nonce">;
}

interface AnyValue {
  typeUrl: string;
  value: Buffer;
}

interface Plugin {
  configuration: AnyValue;
  vmConfig: { code: { local: { filename: string } } };
  failurePolicy: FailurePolicy;
}

/** Texts that a node's metadata has under a name; a name that is not ours gives nothing. */
export function metadataOf({ metadata }: AskingNode, name: string): ReadonlyMap<string, string> {
  const fields = metadata?.fields?.[name]?.structValue?.fields ?? {};
  return new Map(
    Object.entries(fields).flatMap(([key, { stringValue }]) =>
      typeof stringValue === "string" && stringValue !== "" ? [[key, stringValue]] : [],
    ),
  );
}

/** The filters of some listeners, as one state of the world. @param version for `version_info`, `nonce` for `response_nonce` */
export function writeFilters(filters: readonly FilterOptions[], version: string, nonce: string): Buffer {
  const resources = filters.map((filter) => any(EXTENSION_CONFIG, Extension, extension(filter)));
  const response = { versionInfo: version, resources, typeUrl: EXTENSION_CONFIG, nonce };
  return Buffer.from(Response.encode(Response.fromObject(response)).finish());
}

/** As `plugin` of scripts/render writes it in JSON. */
function extension(options: FilterOptions): object {
  const config = {
    name: FILTER_NAME,
    rootId: options.listener,
    vmConfig: {
      vmId: FILTER_NAME,
      runtime: "envoy.wasm.runtime.v8",
      code: { local: { filename: options.wasm } },
    },
    configuration: any(`${TYPE}google.protobuf.BytesValue`, Bytes, { value: pluginConfiguration(options) }),
    failurePolicy: failurePolicyOf(options),
    allowOnHeadersStopIteration: { value: options.allowOnHeadersStopIteration ?? true },
  };
  return { name: resourceName(options.listener), typedConfig: any(WASM_TYPE, Wasm, { config }) };
}

function any(typeUrl: string, type: protobuf.Type, value: object): object {
  return { typeUrl, value: type.encode(type.fromObject(value)).finish() };
}
