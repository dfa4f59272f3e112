/** Reads files of tests: what is in them, and in the files that they name. */
import { dirname, isAbsolute, join } from "node:path";
import {
  byteString,
  type GrpcAnswer,
  type Pair,
  type Profile,
  type Properties,
} from "../../../host-sim/index.ts";
import { readBytes } from "../../sources/files.ts";
import { type Place, Problems } from "../../sources/problem.ts";
import { validate } from "../../sources/validate.ts";
import { loadYaml, type YamlSource } from "../../sources/yaml.ts";
import { PROFILES } from "../profiles.ts";
import {
  type Bytes,
  type Expected,
  type GivenBody,
  type GivenResponse,
  type Headers,
  testsFile,
  type WantedGrpcCall,
  type WantedHttpCall,
  type Step as WrittenStep,
  type WrittenTest,
} from "./schema.ts";

/** A body's pieces; null where there is none. */
type Body = readonly Uint8Array[] | null;

export interface Message {
  headers: Pair[];
  body: Body;
  trailers: Pair[] | null;
}

export interface Request extends Message {
  properties: Properties;
  response: Message;
}

export interface ExpectedHttpCall extends Omit<WantedHttpCall, "answer"> {
  /** null: it goes on waiting. */
  answer: Message | "broken" | "timeout" | null;
}

export interface ExpectedGrpcCall extends Omit<WantedGrpcCall, "answer"> {
  /** null: it goes on waiting. */
  answer: GrpcAnswer | "broken" | "refused" | "timeout" | null;
}

export interface Step {
  request: Request | null;
  ticks: number;
  /** Milliseconds. */
  advance: number;
  /** null: it may make any, and none is answered. */
  httpCalls: readonly ExpectedHttpCall[] | null;
  grpcCalls: readonly ExpectedGrpcCall[] | null;
  expected: Expected;
  /** Where something of the step stands, by its keys. */
  placeOf(...path: (string | number)[]): Place;
}

/** One test in one proxy. */
export interface Test {
  /** With the proxy's, where the test runs in several. */
  name: string;
  file: string;
  place: Place;
  profile: Profile;
  /** The same array for the same file. */
  module: Uint8Array;
  configuration: Uint8Array;
  vmConfiguration: Uint8Array;
  rootId: string;
  vmId: string;
  environment: Readonly<Record<string, string>>;
  properties: Properties;
  upstreams: readonly string[] | null;
  steps: readonly Step[];
}

/** What the command line says in place of the files. */
export interface Instead {
  module?: Uint8Array;
  profile?: Profile;
}

/** Of one module: Go's are the largest, and have 2 MiB to 20 MiB. */
const MODULE_BYTES_AT_MOST = 64 * 2 ** 20;
const BODY_BYTES_AT_MOST = 16 * 2 ** 20;

/**
 * The tests of a file, in its order. Throws SourceError.
 * @param file `-` is standard input, and paths in it are relative to the working folder
 * @param text what the file says, where it is not read
 */
export function loadTests(file: string, instead: Instead = {}, text?: string): Test[] {
  const yaml = loadYaml(file, text);
  const { tests, ...common } = validate(testsFile, yaml);
  const loader = new Loader(yaml, instead);
  const loaded = tests.flatMap((test, i) => loader.testsOf({ ...common, ...test }, i));
  loader.problems.throwIfAny();
  return loaded;
}

type Path = readonly (string | number)[];

class Loader {
  readonly problems = new Problems();
  readonly #files = new Map<string, Uint8Array>();

  constructor(
    private readonly yaml: YamlSource,
    private readonly instead: Instead,
  ) {}

  /** One in each of its proxies. */
  testsOf(test: WrittenTest, index: number): Test[] {
    const own: Path = ["tests", index];
    // What a test does not say, the file says.
    const at = (key: string): Path => (this.yaml.keysOf(own).includes(key) ? [...own, key] : [key]);
    const { profile = "envoy-1.40", steps, name } = test;
    const profiles = this.instead.profile
      ? [this.instead.profile]
      : [profile].flat().map((one) => PROFILES.get(one)!);
    const written: [WrittenStep, Path][] =
      steps === undefined
        ? [[test, own]]
        : steps.map((step, i): [WrittenStep, Path] => [step, [...own, "steps", i]]);
    const one = {
      file: this.yaml.file,
      place: this.yaml.placeOf(own),
      module: this.#module(test.module, at("module"), own),
      configuration: this.#bytes(test.configuration ?? "", at("configuration")),
      vmConfiguration: this.#bytes(test["vm-configuration"] ?? "", at("vm-configuration")),
      rootId: test["root-id"] ?? "",
      vmId: test["vm-id"] ?? "",
      environment: test.environment ?? {},
      properties: test.properties ?? {},
      upstreams: test.upstreams ?? null,
      steps: written.map(([step, path]) => this.#step(step, path)),
    };
    return profiles.map((profile) => ({
      ...one,
      name: profiles.length === 1 ? name : `${name} (${profile.name})`,
      profile,
    }));
  }

  #module(path: string | undefined, at: Path, test: Path): Uint8Array {
    if (this.instead.module !== undefined) return this.instead.module;
    if (path !== undefined) return this.#file(path, at, MODULE_BYTES_AT_MOST);
    this.problems.add(
      this.yaml.placeOf(test),
      "missing key `module`: name the module's file, here or for all tests",
    );
    return NOTHING;
  }

  #step(step: WrittenStep, path: Path): Step {
    const { request, ticks = 0, advance = 0, "http-calls": http, "grpc-calls": grpc, expect = {} } = step;
    return {
      request: request === undefined ? null : this.#request(request, [...path, "request"]),
      ticks,
      advance,
      httpCalls: http?.map((call, i) => this.#call(call, [...path, "http-calls", i])) ?? null,
      grpcCalls: grpc?.map((call, i) => this.#grpcCall(call, [...path, "grpc-calls", i])) ?? null,
      expected: expect,
      placeOf: (...more) => this.yaml.placeOf([...path, ...more]),
    };
  }

  #request(request: NonNullable<WrittenStep["request"]>, path: Path): Request {
    const { method, scheme, host, path: target, properties = {}, response = { status: 200 } } = request;
    const line = { ":authority": host, ":path": target, ":method": method, ":scheme": scheme };
    const { headers, ...message } = this.#message(request, path);
    return {
      ...message,
      headers: [...pairsOf(line), ...headers],
      properties,
      response: this.#response(response, [...path, "response"]),
    };
  }

  #call({ answer, ...call }: WantedHttpCall, path: Path): ExpectedHttpCall {
    if (answer === undefined || typeof answer === "string") return { ...call, answer: answer ?? null };
    return { ...call, answer: this.#response(answer, [...path, "answer"]) };
  }

  #grpcCall({ answer, ...call }: WantedGrpcCall, path: Path): ExpectedGrpcCall {
    if (answer === undefined || typeof answer === "string") return { ...call, answer: answer ?? null };
    const { metadata, messages = [], status, text, trailers } = answer;
    return {
      ...call,
      answer: {
        messages: messages.map((one, i) => this.#bytes(one, [...path, "answer", "messages", i])),
        ...(metadata !== undefined && { initialMetadata: pairsOf(metadata) }),
        ...(status !== undefined && { status }),
        ...(text !== undefined && { text: byteString(text) }),
        ...(trailers !== undefined && { trailingMetadata: pairsOf(trailers) }),
      },
    };
  }

  #response(response: GivenResponse, path: Path): Message {
    const { headers, ...message } = this.#message(response, path);
    return { ...message, headers: [[":status", String(response.status)], ...headers] };
  }

  #message({ headers = {}, body, trailers }: Omit<GivenResponse, "status">, path: Path): Message {
    return {
      headers: pairsOf(headers),
      body: body === undefined ? null : this.#body(body, [...path, "body"]),
      trailers: trailers === undefined ? null : pairsOf(trailers),
    };
  }

  #body(body: GivenBody, path: Path): Uint8Array[] {
    if (!Array.isArray(body)) return [this.#bytes(body, path)];
    return body.map((piece, i) => this.#bytes(piece, [...path, i]));
  }

  #bytes(given: Bytes, path: Path): Uint8Array {
    if (typeof given === "string") return new TextEncoder().encode(given);
    const { file, base64, json } = given;
    if (file !== undefined) return this.#file(file, [...path, "file"], BODY_BYTES_AT_MOST);
    return base64 === undefined
      ? new TextEncoder().encode(JSON.stringify(json))
      : new Uint8Array(Buffer.from(base64, "base64"));
  }

  /** What cannot be read is a problem of the place that names it. */
  #file(path: string, at: Path, atMost: number): Uint8Array {
    const { file: from } = this.yaml;
    const inFolder = isAbsolute(path) || from === "-" ? path : join(dirname(from), path);
    const file = inFolder === "-" ? "./-" : inFolder;
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const bytes = this.problems.attempt(() => readBytes(file, this.yaml.placeOf(at), atMost)) ?? NOTHING;
    this.#files.set(file, bytes);
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);

function pairsOf(headers: Headers): Pair[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): Pair => [byteString(name), byteString(value)]),
  );
}
