/** Farms of any size: customers with a wiki and a domain of their own each. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { Random } from "./random.ts";

export interface GrownFarm {
  /** Path of farm.yaml. */
  file: string;
  /** The hosts, each of a wiki of its own. */
  hosts: string[];
  wikis: string[];
  /** Bytes of all hosts and wiki IDs: what any mapping must hold. */
  keyBytes: number;
}

const WORDS =
  "acme bolt crux delta ember flint grove harbor iris jade koala lumen maple north oak pine quartz river stone tulip".split(
    " ",
  );
const ENDINGS = ["com", "org", "net", "wiki", "co.uk", "io", "de", "fr"];

/** Writes farm.yaml, its hosts and wikiversions.json into a folder. The same count gives the same farm. */
export async function growFarm(count: number, folder: string): Promise<GrownFarm> {
  await mkdir(folder, { recursive: true });
  const random = new Random(count);
  const name = (n: number) => `${random.pick(WORDS)}${random.pick(WORDS)}${n.toString(36)}`;
  const wikis = Array.from({ length: count }, (_, n) => name(n));
  const hosts = wikis.map((_, n) => `wiki.${name(n)}.${random.pick(ENDINGS)}`);
  const versions = wikis.map((wiki, n) => `${JSON.stringify(wiki)}: ${n % 3 ? '"php-1.46"' : '"php-1.47"'}`);
  await writeLines(join(folder, "wikiversions.json"), ["{", ...separated(versions), "}"]);
  await writeLines(
    join(folder, "hosts.tsv"),
    hosts.map((host, n) => `${host}\t${wikis[n]}`),
  );
  const file = join(folder, "farm.yaml");
  await writeLines(file, [
    "farm: grown",
    "wikiversions: wikiversions.json",
    'releases: { stable: { version: "1.46" }, next: { version: "1.47" } }',
    "default-release: stable",
    "hosts-file: hosts.tsv",
    "deployments: { default: wiki, rules: [{ path: { under: /w/api.php }, deployment: api }] }",
  ]);
  const keyBytes = [...hosts, ...wikis].reduce((sum, key) => sum + key.length, 0);
  return { file, hosts, wikis, keyBytes };
}

function separated(lines: readonly string[]): string[] {
  return lines.map((line, n) => (n === lines.length - 1 ? line : `${line},`));
}

async function writeLines(file: string, lines: readonly string[]): Promise<void> {
  const stream = createWriteStream(file);
  for (let n = 0; n < lines.length; n += 10_000) {
    stream.write(`${lines.slice(n, n + 10_000).join("\n")}\n`);
  }
  stream.end();
  await finished(stream);
}
