/** Requests out of a file, whatever it is. */
import { parseLine, QUESTION_KEYS, type Question, questionOfJson } from "../explain/question.ts";
import { HAR_START, readHar } from "./har.ts";
import { type FieldNames, parseJsonLog } from "./json-log.ts";
import { linesOf } from "./lines.ts";
import { peek } from "./peek.ts";
import { questionOfLogged } from "./request-line.ts";
import { parseTextLog } from "./text-log.ts";
import { Unwrapper } from "./unwrap.ts";

/** A line of a file of requests, or an entry of a HAR: what is asked, null where it has no request, or why it is bad. */
export type ReadRequest = { line: number } & ({ question: Question | null } | { error: string });

export interface LogOptions {
  /** The file is a log, and these fields have what is wanted. */
  fields: FieldNames;
  /** Of requests whose log has no host. */
  host: string | null;
  /** In characters; left out, it is that of a job with the longest body. */
  longestLine?: number;
}

/**
 * Requests out of lines as `explain --stdin` takes them, out of what proxies log, or out of a HAR file.
 * Throws SourceError for a file that is none of these as a whole.
 * @param input out of gzip, as by `decompressed`
 */
export async function* readRequests(
  input: AsyncIterable<Uint8Array>,
  file: string,
  options: LogOptions,
): AsyncGenerator<ReadRequest> {
  const { head, all } = await peek(input, 64);
  const lines = linesOf(all, file, options.longestLine);
  if (HAR_START.test(new TextDecoder().decode(head))) {
    let line = 0;
    for (const entry of await readHar(lines, file)) yield { line: ++line, ...attempt(entry) };
    return;
  }
  const reader = new LineReader(options);
  const unwrapper = new Unwrapper();
  let line = 0;
  for await (const text of lines) {
    line++;
    const whole = unwrapper.unwrap(text);
    if (whole !== null) yield { line, ...attempt(() => reader.read(whole)) };
  }
  for (const _ of unwrapper.rest()) yield { line, error: "the log has only the beginning of this line" };
}

/** The request of one line alone. Throws an Error whose message is for the user. */
export function requestOfLine(text: string, options: LogOptions): Question {
  const line = new Unwrapper().unwrap(text);
  const question = line === null ? null : new LineReader(options).read(line);
  if (question === null) throw new Error("the line has no request");
  return question;
}

function attempt(read: () => Question | null): { question: Question | null } | { error: string } {
  try {
    return { question: read() };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** A file has questions or is a log: its first line that tells decides, as a misspelt key of a question is an error. */
class LineReader {
  private kind: "unknown" | "questions" | "log";

  constructor(private readonly options: LogOptions) {
    this.kind = Object.keys(options.fields).length > 0 ? "log" : "unknown";
  }

  /** Throws an Error whose message is for the user. */
  read(line: string): Question | null {
    if (line.trim() === "") return null;
    const isJson = this.kind === "questions" || line.startsWith("{");
    const question = isJson ? this.readJson(line) : this.readText(line);
    if (question === undefined)
      throw new Error("the line is neither JSON nor an access-log line of a known form");
    return question;
  }

  private readJson(line: string): Question | null | undefined {
    const json = parseLine(line);
    if (this.kind === "unknown") {
      this.kind = Object.keys(Object(json)).every((name) => QUESTION_KEYS.includes(name))
        ? "questions"
        : "log";
    }
    if (this.kind === "questions" && !isOfLog(json)) return this.withHost(json);
    const found = parseJsonLog(json, this.options.fields);
    if (found === null) return null;
    if (!("text" in found)) return questionOfLogged(found, this.options.host);
    // One line within another is enough.
    const text = found.text.trim();
    if (text.startsWith("{")) {
      const inner = parseJsonLog(parseLine(text), this.options.fields);
      if (inner === null || !("text" in inner)) return inner && questionOfLogged(inner, this.options.host);
    }
    return this.readText(text) ?? (found.isEvent ? null : undefined);
  }

  private withHost(json: unknown): Question {
    const question = questionOfJson(json);
    return Object.hasOwn(json as object, "authority")
      ? question
      : { ...question, authority: question.authority ?? this.options.host };
  }

  private readText(line: string): Question | null | undefined {
    const logged = parseTextLog(line);
    if (logged) this.kind = "log";
    return logged && questionOfLogged(logged, this.options.host);
  }
}

/**
 * Logs may have no other fields than questions have; then a line is theirs where it says that something is not there, as
 * no question can: of a client that never asked, or gave no host.
 */
function isOfLog(json: unknown): boolean {
  const { authority, path, method, client, headers } = Object(json) as Record<string, unknown>;
  const isAbsent = (value: unknown) => value === "-" || value === "";
  return (
    headers === undefined &&
    (path === null || method === null || [authority, path, method, client].some(isAbsent))
  );
}
