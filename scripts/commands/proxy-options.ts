/** The options of the commands that ask proxies what they serve. */
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Refusal } from "../refusal.ts";
import { readBytes } from "../sources/files.ts";
import { type Endpoint, parseProxies, parseProxy } from "../status/proxies.ts";
import { parseDuration } from "./duration.ts";
import { fileInStore, type StoreOptions } from "./store-options.ts";
import { wholeNumber } from "./whole-number.ts";

export interface ProxyOptions extends StoreOptions {
  proxy: Endpoint[];
  proxies?: string;
  instances?: number;
  timeout: number;
}

/** What a store's folder has for all who ask. */
const PROXIES_FILE = "proxies.txt";
const PROXIES_BYTES_AT_MOST = 2 ** 20;

export function addProxyOptions(command: Command): Command {
  return command
    .option(
      "--proxy <url>",
      "a proxy (repeatable), with the listeners that it must have: 'URL LISTENER …'",
      collectProxy,
      [],
    )
    .addOption(
      new Option(
        "--proxies <file>",
        `a file of such proxies, one a line (default: ${PROXIES_FILE} in the store's folder); - is standard input`,
      ).conflicts("proxy"),
    )
    .addOption(instancesOption())
    .addOption(
      new Option("--timeout <time>", "how long a proxy may take to answer")
        .argParser(parseDuration)
        .default(5000, "5s"),
    );
}

export function instancesOption(): Option {
  return new Option(
    "--instances <n>",
    "how many instances serve a listener, for a proxy that does not say how many workers it has",
  ).argParser(wholeNumber(1, 99_999, "Must be a whole number from 1 on."));
}

/** Throws Refusal, SourceError. */
export function proxiesOf(options: ProxyOptions): Endpoint[] {
  const named = namedProxies(options);
  if (named !== null) return named;
  const own = fileInStore(options, PROXIES_FILE);
  throw new Refusal(
    `no proxies: name them by --proxy URL, --proxies FILE${own === null ? "" : `, or in ${own}`}`,
  );
}

/** null: none are named anywhere. Throws Refusal, SourceError. */
export function namedProxies({ store, proxy, proxies }: ProxyOptions): Endpoint[] | null {
  const own = fileInStore({ store }, PROXIES_FILE);
  const file = proxies ?? (own !== null && existsSync(own) ? own : null);
  if (proxy.length > 0) return proxy;
  if (file === null) return null;
  const read = parseProxies(readBytes(file, { file }, PROXIES_BYTES_AT_MOST).toString(), file);
  if (read.length === 0) throw new Refusal(`${file}: it names no proxy, so nothing can be said of any`);
  return read;
}

export function collectProxy(text: string, proxies: Endpoint[]): Endpoint[] {
  const proxy = parseProxy(text);
  if (typeof proxy === "string") throw new InvalidArgumentError(proxy);
  return [...proxies, proxy];
}
