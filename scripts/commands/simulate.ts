import { createReadStream, readFileSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Upstream } from "../../host-sim/http/clusters.ts";
import { SimulatedProxy } from "../../host-sim/http/proxy.ts";
import { ats102, envoy140, strict } from "../../host-sim/index.ts";
import { pathInEnvoy } from "../explain/envoy-path.ts";
import { questionOfLine } from "../explain/question.ts";
import type { AskedAt } from "../explain/where.ts";
import { filter } from "../filter.ts";
import { looksLikeAccessLog, questionOfAccessLog } from "../simulate/access-log.ts";
import { ADDRESS, parseAddress, readClusters } from "../simulate/clusters.ts";
import { replayer, Summary } from "../simulate/replay.ts";
import { addListenerOptions } from "./listener-options.ts";
import { Refusal } from "./refusal.ts";
import { writeLine } from "./write-line.ts";

const PROFILES = new Map([envoy140, ats102, strict].map((profile) => [profile.name, profile]));

interface SimulateOptions extends AskedAt {
  wasm?: string;
  config: string;
  profile: string;
  rootId: string;
  clusters?: string;
  listen?: Upstream;
  failurePolicy: "closed" | "open" | "reload";
  requests?: string;
  header: string;
  summary?: boolean;
  json?: boolean;
}

export function simulateCommand(program: Command): void {
  addListenerOptions(program.command("simulate"))
    .description("run a proxy-wasm module without a proxy: as one, or on recorded requests")
    .option("--wasm <file>", "the module (default: Pointsman's filter)")
    .requiredOption("--config <file>", "the plugin's configuration: for our filter, a table")
    .addOption(
      new Option("--profile <name>", "the host that is simulated")
        .choices([...PROFILES.keys()])
        .default(envoy140.name),
    )
    .option("--root-id <name>", "the plugin's root_id", "simulate")
    .option("--listen <address>", "be a reverse proxy at this address, as 127.0.0.1:8080", parseListen)
    .option("--clusters <file>", "clusters.yaml: where a proxy sends what the module chose")
    .addOption(
      new Option("--failure-policy <policy>", "what a proxy does when the module traps")
        .choices(["closed", "open", "reload"])
        .default("closed"),
    )
    .option(
      "--requests <file>",
      "replay requests: lines as explain --stdin takes them, or an Envoy JSON access log; - is standard input",
    )
    .option(
      "--header <name>",
      "the header that names the cluster, of another module's decisions",
      "x-mw-cluster",
    )
    .option("--summary", "of a replay, say the summary alone")
    .option("--json", "the summary as JSON")
    .addHelpText(
      "after",
      `
A replay writes one decision a line, and a summary to standard error. A bad line gives {"error": …} in its place, and
exit code 1 at the end.

clusters.yaml:
  header: x-mw-cluster
  fallback: pass-through
  clusters:
    mw-web-group0: 127.0.0.1:8081
    pass-through: 127.0.0.1:8082

Examples:
  $ pointsman simulate --config small.table --clusters clusters.yaml --listen 127.0.0.1:8080
  $ pointsman simulate --config production.table --requests access.log > decisions.jsonl
  $ pointsman simulate --wasm other.wasm --config other.json --profile ats-10.2 --requests requests.jsonl`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      if ((options.listen === undefined) === (options.requests === undefined)) {
        command.error("error: either --listen or --requests", { exitCode: 2 });
      }
      if (options.listen !== undefined && options.clusters === undefined) {
        command.error("error: --listen needs --clusters", { exitCode: 2 });
      }
      await (options.listen === undefined ? replay(options) : serve(options, options.listen));
    });
}

function parseListen(text: string): Upstream {
  if (ADDRESS.test(text)) {
    const address = parseAddress(text);
    if (address.port <= 65535) return address;
  }
  throw new InvalidArgumentError("An address looks like 127.0.0.1:8080; port 0 takes a free one.");
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Refusal(`${file}: cannot be read: ${(error as Error).message}`);
  }
}

function simulated(options: SimulateOptions) {
  return {
    wasm: options.wasm === undefined ? filter : read(options.wasm),
    profile: PROFILES.get(options.profile)!,
    configuration: read(options.config),
    rootId: options.rootId,
  };
}

async function serve(options: SimulateOptions, listen: Upstream): Promise<void> {
  const proxy = await SimulatedProxy.start({
    ...simulated(options),
    clusters: readClusters(options.clusters!),
    failurePolicy: options.failurePolicy,
    listen,
    ...(options.profile === envoy140.name && { normalize: pathInEnvoy }),
    log: (line) => process.stderr.write(`${line}\n`),
  }).catch((error: Error) => {
    throw new Refusal(error.message);
  });
  process.stdout.write(`listening on ${listen.host}:${proxy.port}; Ctrl-C ends\n`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await proxy.stop();
}

const PROGRESS_EVERY_MS = 2000;

async function replay(options: SimulateOptions): Promise<void> {
  const file = options.requests!;
  const input = file === "-" ? process.stdin : openRequests(file);
  const answer = await replayer({ ...simulated(options), header: options.header, where: options }).catch(
    (error: Error) => {
      throw new Refusal(`${options.config}: ${error.message}`);
    },
  );
  const summary = new Summary();
  const showProgress = progress(file);
  let parse: typeof questionOfLine | null = null;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    parse ??= looksLikeAccessLog(line) ? questionOfAccessLog : questionOfLine;
    showProgress(summary.requests + summary.badLines, line.length + 1);
    let question: ReturnType<typeof questionOfLine>;
    try {
      question = parse(line);
    } catch (error) {
      summary.badLines++;
      process.exitCode = 1;
      if (!options.summary) await writeLine({ error: (error as Error).message });
      continue;
    }
    const replayed = answer(question);
    summary.add(replayed);
    if (!options.summary) await writeLine(replayed.line);
  }
  const text = options.json ? `${JSON.stringify(summary)}\n` : summary.show();
  (options.summary ? process.stdout : process.stderr).write(text);
}

function openRequests(file: string) {
  try {
    statSync(file);
  } catch (error) {
    throw new Refusal(`${file}: cannot be read: ${(error as Error).message}`);
  }
  return createReadStream(file);
}

/** On a terminal, or on long work, says now and then how far it is. */
function progress(file: string): (lines: number, bytes: number) => void {
  const size = file === "-" ? null : statSync(file).size;
  let next = performance.now() + PROGRESS_EVERY_MS;
  let read = 0;
  return (lines, bytes) => {
    read += bytes;
    if (lines % 1000 !== 0 || performance.now() < next) return;
    next = performance.now() + PROGRESS_EVERY_MS;
    const share = size ? `, ${Math.floor((100 * read) / size)} %` : "";
    process.stderr.write(`${lines} requests${share}\n`);
  };
}
