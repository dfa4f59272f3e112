/** `pointsman simulate`: requests, from a log or over HTTP, through the filter. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Upstream } from "../../host-sim/http/clusters.ts";
import { type SimulatedPlugin, SimulatedProxy } from "../../host-sim/http/proxy.ts";
import { envoy140, type Profile, type Properties, type PropertyValue } from "../../host-sim/index.ts";
import { pathInEnvoy } from "../explain/envoy-path.ts";
import type { Question } from "../explain/question.ts";
import type { AskedAt } from "../explain/where.ts";
import { filter } from "../filter.ts";
import { Refusal } from "../refusal.ts";
import type { FieldNames } from "../requests/json-log.ts";
import { decompressed } from "../requests/open.ts";
import { readRequests } from "../requests/read-requests.ts";
import { checkModule, showChecked } from "../simulate/check.ts";
import { ADDRESS, parseAddress, readClusters } from "../simulate/clusters.ts";
import { PROFILES } from "../simulate/profiles.ts";
import { openTable, type Replayed, type Replayer, replayer, Summary, Trapped } from "../simulate/replay.ts";
import { type Instead, loadTests } from "../simulate/tests/load.ts";
import { REPORTS, type Report } from "../simulate/tests/report.ts";
import { type Ran, Runner } from "../simulate/tests/run.ts";
import { Problems } from "../sources/problem.ts";
import { reason } from "../sources/reason.ts";
import { openInput, readInput } from "./files.ts";
import { refuseTwiceStdin, refuseUnheard } from "./heard.ts";
import { addListenerOptions } from "./listener-options.ts";
import { untilTold } from "./staying.ts";
import { writeLine } from "./write-line.ts";

interface SimulateOptions extends AskedAt {
  wasm?: string;
  config?: string;
  vmConfig?: string;
  rootId?: string;
  property: Properties;
  env: Readonly<Record<string, string>>;
  profile: string;
  clusters?: string;
  listen?: Upstream;
  failurePolicy: "closed" | "open" | "reload";
  requests?: string;
  tests?: string[];
  check?: string;
  format: string;
  field: FieldNames;
  host?: string;
  header: string;
  summary?: boolean;
  json?: boolean;
}

/** Of a replay through Pointsman's filter, which says of itself what it needs. */
const OF_OTHER_MODULES = ["rootId", "vmConfig", "property", "env", "header"];

const OF_A_TABLE = ["listener", "datacentre", "primary"];

const OF_A_REPLAY = ["header", "summary", "json", "field", "host", ...OF_A_TABLE];

const NOT_OF_A_CHECK = [
  ...["wasm", "clusters", "failurePolicy", "format"],
  ...OF_A_REPLAY.filter((option) => option !== "json"),
];

const NOT_OF_TESTS = [
  ...["config", "vmConfig", "rootId", "property", "env", "clusters", "failurePolicy"],
  ...OF_A_REPLAY.filter((option) => option !== "json"),
];

export function simulateCommand(program: Command): void {
  addListenerOptions(program.command("simulate"))
    .description(
      "run a proxy-wasm module without a proxy: as a reverse proxy, on recorded requests, in tests; or check it",
    )
    .option("--wasm <file>", "the module (default: Pointsman's filter)")
    .option(
      "--config <file>",
      "the plugin's configuration (default: an empty one); for Pointsman's filter, a table",
    )
    .option("--root-id <name>", "the plugin's root_id (default: empty)")
    .option("--vm-config <file>", "the VM's configuration (default: an empty one)")
    .option(
      "--property <path=value>",
      "a property that holds for every request, as source.port=8080 (repeatable)",
      collectProperty,
      {},
    )
    .option("--env <name=value>", "an environment variable of the module (repeatable)", collectVariable, {})
    .addOption(
      new Option("--profile <name>", "the proxy to simulate")
        .choices([...PROFILES.keys()])
        .default(envoy140.name),
    )
    .option("--listen <address>", "listen at this address as a reverse proxy, as 127.0.0.1:8080", parseListen)
    .option("--clusters <file>", "clusters.yaml, which has the address of each cluster (for --listen)")
    .addOption(
      new Option("--failure-policy <policy>", "what the reverse proxy does when the module traps")
        .choices(["closed", "open", "reload"])
        .default("closed"),
    )
    .option(
      "--requests <file>",
      "replay the requests of this file: lines as for explain --stdin, a proxy's access log, or a HAR file; - is standard input",
    )
    .option(
      "--field <what=name>",
      "the JSON log's own name for its authority, path, method, client or body (repeatable)",
      collectField,
      {},
    )
    .option("--host <name>", "the host of requests whose log has none")
    .option("--header <name>", "the header by which another module names the cluster", "x-mw-cluster")
    .option("--tests <files...>", "run the tests in these YAML files; - is standard input")
    .addOption(
      new Option("--format <name>", "what --tests prints")
        .choices([...REPORTS.keys()].filter((name) => name !== "json"))
        .default("text"),
    )
    .option(
      "--check <module>",
      "say of each proxy whether it would take this module, and why not; - is standard input",
    )
    .option("--summary", "print only the summary of a replay")
    .option("--json", "print the summary, or what came of tests or a check, as JSON")
    .addHelpText(
      "after",
      `
A replay prints one decision a line, and a summary on standard error. A bad line gives {"line": …, "error": …} in its
place; the replay goes on and exits with 1 at the end. A log is text or JSON as Envoy, Istio, nginx, Apache, ATS,
HAProxy, Traefik and others write it. Containers or syslog may have wrapped its lines, and it may be gzipped. Of another
module than ours, a decision has what it logged and what the client got, where the upstream answers 200 with no body.

A property's value is a number, true or false where it looks so, and text else or in quotes: request.id='"7"'.

A file of tests names a module and what it is told, requests, and what has to come of them: see docs/host-sim.md. With
--tests, --wasm and --profile take the place of the files' own, and exit codes are 0 if all tests pass, 1 if one fails,
and 2 if a file is bad.

--check tells, for every proxy or the one of --profile, everything for which it would refuse the module. With --config,
--vm-config or --root-id, the module is configured too. The exit code is 0 if all take it, and 1 if any refuses it.

clusters.yaml:
  header: x-mw-cluster
  fallback: pass-through
  clusters:
    mw-web-group0: 127.0.0.1:8081
    pass-through: 127.0.0.1:8082

Examples:
  $ pointsman simulate --config small.table --clusters examples/clusters.yaml --listen 127.0.0.1:8080
  $ pointsman simulate --config small.table --requests examples/access.log > decisions.jsonl
  $ kubectl logs deploy/envoy | pointsman simulate --config production.table --requests - --summary
  $ pointsman simulate --config production.table --requests access.json --field path=uri --host en.wikipedia.org
  $ pointsman simulate --check filter.wasm
  $ pointsman simulate --check filter.wasm --profile ats-10.2 --config filter.json --json
  $ pointsman simulate --tests examples/tests/*.yaml
  $ pointsman simulate --tests filter.yaml --format junit > junit.xml
  $ pointsman simulate --wasm other.wasm --profile ats-10.2 --requests requests.jsonl
  $ pointsman simulate --wasm other.wasm --config other.json --vm-config vm.json --root-id main --env MODE=test \\
      --property node.id=sidecar-1 --property source.port=8080 --requests requests.jsonl`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const given = [options.listen, options.requests, options.tests, options.check];
      if (given.filter((one) => one !== undefined).length !== 1)
        command.error("error: give --listen, --requests, --tests or --check, one of them", { exitCode: 2 });
      const isOneProxy = command.getOptionValueSource("profile") === "cli";
      if (options.check !== undefined) {
        refuseUnheard(command, NOT_OF_A_CHECK, "not with --check: leave it out");
        refuseTwiceStdin(command, [options.check, options.config, options.vmConfig]);
        const profiles = isOneProxy ? [PROFILES.get(options.profile)!] : [...PROFILES.values()];
        return check({ ...options, wasm: options.check }, profiles);
      }
      if (options.tests !== undefined) {
        refuseUnheard(command, NOT_OF_TESTS, "not with --tests: what is needed stands in the file");
        if (options.json) refuseUnheard(command, ["format"], "--json is a format: leave out one of the two");
        refuseTwiceStdin(command, [...options.tests, options.wasm]);
        return runTests(options.tests, REPORTS.get(options.json ? "json" : options.format)!, {
          ...(options.wasm !== undefined && { module: readInput(options.wasm) }),
          ...(isOneProxy && { profile: PROFILES.get(options.profile)! }),
        });
      }
      refuseUnheard(command, ["format"], "only --tests takes this");
      if (options.listen !== undefined && options.clusters === undefined) {
        command.error("error: --listen needs --clusters FILE, which has the address of each cluster", {
          exitCode: 2,
        });
      }
      const { config, vmConfig, wasm, clusters, requests } = options;
      refuseTwiceStdin(command, [config, vmConfig, wasm, clusters, requests]);
      if (options.listen === undefined)
        refuseUnheard(
          command,
          ["clusters", "failurePolicy"],
          "only --listen takes this: leave it out with --requests",
        );
      else refuseUnheard(command, OF_A_REPLAY, "only --requests takes this: leave it out with --listen");
      const plugin = simulated(options);
      if (options.listen !== undefined) return serve(plugin, options, options.listen);
      if (openTable(plugin.configuration) !== null)
        refuseUnheard(command, OF_OTHER_MODULES, "a replay of a table's decisions takes no notice of this");
      else refuseUnheard(command, OF_A_TABLE, "only a table knows this, and --config names none");
      await replay(plugin, options);
    });
}

function parseListen(text: string): Upstream {
  if (ADDRESS.test(text)) {
    const address = parseAddress(text);
    if (address.port <= 65535) return address;
  }
  throw new InvalidArgumentError("Write an address as 127.0.0.1:8080; port 0 takes a free one.");
}

function collectField(text: string, fields: FieldNames): FieldNames {
  const [, field, name] = /^(authority|path|method|client|body)=(.+)$/.exec(text) ?? [];
  if (field === undefined || name === undefined)
    throw new InvalidArgumentError(
      "Write a field as path=NAME; the fields are authority, path, method, client and body.",
    );
  return { ...fields, [field]: name };
}

function collectProperty(text: string, properties: Properties): Properties {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (path === undefined || value === undefined)
    throw new InvalidArgumentError("Write a property as its dotted path and a value: source.port=8080.");
  return { ...properties, [path]: propertyOf(value) };
}

/** As YAML has it: `8080` is a number, `true` is true, and what is in quotes is text. */
function propertyOf(value: string): PropertyValue {
  if (/^-?\d{1,15}$/.test(value)) return Number(value);
  if (value === "true" || value === "false") return value === "true";
  return /^"[^"]*"$/.test(value) ? value.slice(1, -1) : value;
}

function collectVariable(
  text: string,
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("Write a variable as NAME=VALUE.");
  return { ...variables, [name]: value };
}

/** What a compiler has written beside a module: FILE.map. No other place is looked at, whatever the module names. */
function sourceMapBeside(wasm: string | undefined): string | null {
  const file = `${wasm}.map`;
  if (wasm === undefined || wasm === "-" || !existsSync(file)) return null;
  const text = Buffer.from(readInput(file)).toString("utf8");
  try {
    if (typeof JSON.parse(text).mappings === "string") return text;
  } catch {}
  throw new Refusal(`${file}: not a source map: write it anew, or move it away`);
}

function simulated({
  wasm,
  config,
  vmConfig,
  profile,
  rootId = "",
  property,
  env,
}: SimulateOptions): SimulatedPlugin {
  const bytesOf = (file: string | undefined) => (file === undefined ? new Uint8Array(0) : readInput(file));
  const sourceMap = sourceMapBeside(wasm);
  return {
    ...(sourceMap !== null && { sourceMap }),
    wasm: wasm === undefined ? filter : readInput(wasm),
    profile: PROFILES.get(profile)!,
    configuration: bytesOf(config),
    vmConfiguration: bytesOf(vmConfig),
    rootId,
    properties: property,
    environment: env,
  };
}

/** Not every proxy has room for bytes: then a table goes as base64, as `render` writes it. */
function asConfigurationOf(profile: Profile, configuration: Uint8Array): Uint8Array {
  if (profile.refusesConfiguration(configuration) === null || openTable(configuration) === null)
    return configuration;
  return Buffer.from(Buffer.from(configuration).toString("base64"));
}

async function serve(plugin: SimulatedPlugin, options: SimulateOptions, listen: Upstream): Promise<void> {
  const { signal } = untilTold();
  const proxy = await SimulatedProxy.start({
    ...plugin,
    configuration: asConfigurationOf(plugin.profile, plugin.configuration),
    clusters: readClusters(options.clusters!),
    failurePolicy: options.failurePolicy,
    listen,
    ...(plugin.profile.resolvesPaths && { normalize: pathInEnvoy }),
    log: (line) => process.stderr.write(`${line}\n`),
  }).catch((error: Error) => {
    throw new Refusal(
      "syscall" in error ? `${listen.host}:${listen.port}: ${reason(error, "listen")}` : error.message,
    );
  });
  process.stdout.write(`listening on ${listen.host}:${proxy.port}; Ctrl-C ends\n`);
  if (!signal.aborted) await once(signal, "abort");
  await proxy.stop();
}

/** Where a proxy would refuse the module, the exit code is 1. It is configured where there is something to tell it. */
async function check(options: SimulateOptions, profiles: readonly Profile[]): Promise<void> {
  const plugin = simulated(options);
  const isTold = [options.config, options.vmConfig, options.rootId].some((one) => one !== undefined);
  const checked = await checkModule(plugin.wasm, profiles, isTold ? plugin : null);
  process.stdout.write(options.json ? `${JSON.stringify(checked)}\n` : showChecked(checked));
  if (checked.some(({ takes }) => !takes)) process.exitCode = 1;
}

/** All files are read before anything runs. Where a test fails, the exit code is 1. */
async function runTests(files: readonly string[], report: Report, instead: Instead): Promise<void> {
  const problems = new Problems();
  const tests = files.flatMap((file) => problems.attempt(() => loadTests(file, instead)) ?? []);
  problems.throwIfAny();
  const runner = new Runner();
  const results: Ran[] = [];
  for (const test of tests) results.push(await runner.run(test));
  process.stdout.write(report(results));
  if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}

const PROGRESS_EVERY_MS = 2000;

async function replay(plugin: SimulatedPlugin, options: SimulateOptions): Promise<void> {
  const { requests: file = "-", field: fields, host = null } = options;
  const { stream, share } = openInput(file);
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const answer = await replayer({ ...plugin, header: options.header, where: options, log }).catch(
    (error: Error) => {
      throw new Refusal(`${options.config ?? options.wasm ?? "simulate"}: ${error.message}`);
    },
  );
  const summary = new Summary();
  const showProgress = progress(share);
  const bad = async (line: number, error: string) => {
    summary.addBad({ line, error });
    process.exitCode = 1;
    if (!options.summary) await writeLine({ line, error });
  };
  try {
    for await (const read of readRequests(decompressed(stream, file), file, { fields, host })) {
      showProgress(read.line);
      if ("error" in read) await bad(read.line, read.error);
      else if (read.question === null) summary.withoutRequest++;
      else {
        const replayed = answerOf(answer, read.question, `${file}:${read.line}`);
        summary.add(replayed);
        if (!options.summary) await writeLine(replayed.line);
      }
    }
  } finally {
    const text = options.json ? `${JSON.stringify(summary)}\n` : summary.show();
    (options.summary ? process.stdout : process.stderr).write(text);
  }
}

/** Throws Refusal where another module than ours traps. */
function answerOf(answer: Replayer, question: Question, place: string): Replayed {
  try {
    return answer(question);
  } catch (error) {
    throw error instanceof Trapped ? new Refusal(`${place}: ${error.message}`) : error;
  }
}

/** On long work, says now and then how far it is. */
function progress(share: () => number | null): (line: number) => void {
  let next = performance.now() + PROGRESS_EVERY_MS;
  return (line) => {
    if (line % 1000 !== 0 || performance.now() < next) return;
    next = performance.now() + PROGRESS_EVERY_MS;
    const read = share();
    process.stderr.write(`${line} lines${read === null ? "" : `, ${Math.floor(100 * read)} %`}\n`);
  };
}
