/** Values of the options of `render`; a parser throws InvalidArgumentError with what was expected. */
import { isIP } from "node:net";
import { InvalidArgumentError } from "commander";
import { type Address, PLACEHOLDERS } from "../../render/addresses.ts";
import type { RenderOptions } from "../../render/envoy.ts";
import type { GatewayListener } from "../../render/istio/istio.ts";
import { secondsOf } from "../../seconds.ts";
import { quoteAll } from "../../sources/problem.ts";
import { wholeNumber } from "../whole-number.ts";

/** A time of a deployment, or of all under null. */
export type TimeoutOption = Map<string | null, string>;
/** The same of how often a request is sent again. */
export type RetriesOption = Map<string | null, number>;

/** A host as in addresses: a name or an IPv4 address. */
const HOST = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const UNITS: Record<string, number> = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

export function parseAddress(text: string): Address {
  const address = split(text);
  if (address.host.includes("{"))
    throw new InvalidArgumentError(
      "Only --clusters takes placeholders such as {cluster}: write the address itself.",
    );
  checkHost(address.host);
  return address;
}

/** An address with placeholders. */
export function parsePattern(text: string): Address {
  const address = split(text);
  checkPlaceholders(address.host);
  return address;
}

export function parseServerName(text: string): string {
  checkPlaceholders(text);
  return text;
}

function split(text: string): Address {
  const [, scheme, host, port] = /^(https?:\/\/)?([^/]+):(\d+)$/.exec(text) ?? [];
  if (host === undefined)
    throw new InvalidArgumentError("Write an address as HOST:PORT or https://HOST:PORT.");
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: parsePort(port!), tls: scheme === "https://" };
}

/** What is misspelt would stay as it is, and be looked up in DNS. */
function checkPlaceholders(text: string): void {
  for (const [, name] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (!PLACEHOLDERS.includes(name!)) {
      const known = quoteAll(PLACEHOLDERS.map((one) => `{${one}}`));
      throw new InvalidArgumentError(`There is no placeholder {${name}}; the placeholders are ${known}.`);
    }
  }
  checkHost(text.replace(/\{\w+\}/g, "x"));
}

function checkHost(host: string): void {
  if (isIP(host) === 0 && !HOST.test(host))
    throw new InvalidArgumentError(`"${host}" is no host: write one as wiki.example.org.`);
}

export function parseHost(text: string): string {
  if (!HOST.test(text)) throw new InvalidArgumentError("Write a host as wiki.example.org.");
  return text;
}

export function parsePath(text: string): string {
  if (!/^\/[\x21-\x7e]*$/.test(text))
    throw new InvalidArgumentError("A path begins with / and has no spaces.");
  return text;
}

export function collectCluster(text: string, clusters = new Map<string, Address>()): Map<string, Address> {
  const [, name, address] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError("Write a cluster as NAME=HOST:PORT or NAME=https://HOST:PORT.");
  return new Map(clusters).set(name, parseAddress(address!));
}

export function collectListener(
  text: string,
  listeners: RenderOptions["listeners"],
): RenderOptions["listeners"] {
  const [, name, where] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError("Write a listener as NAME=PORT or NAME=ADDRESS:PORT.");
  if (/^\d+$/.test(where!)) return [...listeners, { name, port: parsePort(where!) }];
  const { host, port } = parseAddress(where!);
  return [...listeners, { name, address: host, port }];
}

/** `5m`, or `mw-jobrunner=24h`; in seconds, as Envoy writes them. */
export function collectTimeout(text: string, timeouts: TimeoutOption = new Map()): TimeoutOption {
  const [, name = null, time = ""] = /^(?:([^=]+)=)?([^=]+)$/.exec(text) ?? [];
  const seconds = time === "0" ? 0 : secondsOf(time, "smh");
  if (seconds === null)
    throw new InvalidArgumentError("Write a time as 90s, 5m or 24h, or as DEPLOYMENT=24h; 0 means no limit.");
  return new Map(timeouts).set(name, `${seconds}s`);
}

/** `2`, or `mw-web=2`. */
export function collectRetries(text: string, retries: RetriesOption = new Map()): RetriesOption {
  const [, name = null, number = ""] = /^(?:([^=]+)=)?(\d+)$/.exec(text) ?? [];
  if (number === "" || Number(number) > 10)
    throw new InvalidArgumentError("Write a number from 0 to 10, or DEPLOYMENT=2.");
  return new Map(retries).set(name, Number(number));
}

export const parsePort = wholeNumber(0, 65535, "A port is a whole number from 0 to 65535.");
/** To a patch of Istio's, 0 is any port. */
const parseServerPort = wholeNumber(1, 65535, "A server's port is a whole number from 1 to 65535.");

export function parseBytes(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,11})(|KiB|MiB|GiB)$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("Write bytes as 1048576, 512KiB, 64MiB or 2GiB.");
  return Number(count) * UNITS[unit!]!;
}

/** An Envoy with little to do has some 20 MB; one above its limit answers nobody. */
export function parseHeap(text: string): number {
  const bytes = parseBytes(text);
  if (bytes < 64 * UNITS.MiB!) throw new InvalidArgumentError("The heap must have at least 64MiB.");
  return bytes;
}

/** What a uint32 holds. */
export function parseBuffer(text: string): number {
  const bytes = parseBytes(text);
  if (bytes >= 2 ** 32) throw new InvalidArgumentError("The buffer must be smaller than 4GiB.");
  return bytes;
}

export const parseCount = wholeNumber(1, 999_999_999, "Give a whole number from 1 up.");

type GatewayPort = Pick<GatewayListener, "name" | "port" | "bound" | "address">;

/** `edge=443`, `edge=443:8443`, `edge=10.1.2.3:443:8443`. */
export function collectGatewayListener(text: string, listeners: GatewayPort[]): GatewayPort[] {
  const [, name, address, port, bound = port] = /^([^=]+)=(?:(.+):)??(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError(
      "Write a listener as NAME=PORT, NAME=PORT:BOUND or NAME=ADDRESS:PORT:BOUND.",
    );
  parseObjectName(name);
  if (address !== undefined && isIP(address.replace(/^\[(.*)\]$/, "$1")) === 0)
    throw new InvalidArgumentError(`"${address}" is no address: write one as 10.1.2.3 or [fd00::1].`);
  return [
    ...listeners,
    {
      name,
      port: parseServerPort(port!),
      bound: parseServerPort(bound!),
      ...(address !== undefined && { address: address.replace(/^\[(.*)\]$/, "$1") }),
    },
  ];
}

/** A Secret of a listener's. */
export function collectSecret(text: string, secrets: Map<string, string>): Map<string, string> {
  const [, listener, secret] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (listener === undefined) throw new InvalidArgumentError("Write a Secret as LISTENER=NAME.");
  return new Map(secrets).set(listener, parseObjectName(secret!));
}

/** As Gateways have them: `*`, `*.example.org` or a whole name. */
export function collectHost(text: string, hosts: string[]): string[] {
  if (text !== "*" && !HOST.test(text.replace(/^\*\./, "")))
    throw new InvalidArgumentError("Write a host as wiki.example.org, *.example.org or *.");
  const host = text.toLowerCase();
  const within = (one: string, of: string) => one === of || (of.startsWith("*") && one.endsWith(of.slice(1)));
  const other = hosts.find((one) => within(host, one) || within(one, host));
  if (other !== undefined)
    throw new InvalidArgumentError(`${other} has hosts of it, and Istio takes each once.`);
  return [...hosts, host];
}

export function collectLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([\w./-]+)=([\w.-]*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("Write a label as NAME=VALUE.");
  return { ...labels, [name]: value! };
}

/** RFC 1123, as Kubernetes names objects. */
export function parseObjectName(text: string): string {
  if (!/^(?!.{254})[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(text))
    throw new InvalidArgumentError("A name has small letters, digits, dashes and dots.");
  return text;
}

export function parseNamespace(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    throw new InvalidArgumentError("A namespace has at most 63 small letters, digits and dashes.");
  return text;
}

export function parseModule(text: string): string {
  if (!/^(file:\/\/\/|https?:\/\/|oci:\/\/)[\x21-\x7e]+$/.test(text))
    throw new InvalidArgumentError("Write a module as file:///PATH, https://…, http://… or oci://….");
  return text;
}

export function parseSha256(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError("A SHA-256 has 64 digits from 0-9a-f.");
  return text;
}
