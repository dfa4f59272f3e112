/** Log lines as runtimes and people hand them on, each taken out of what is written around it. */
import { byteString } from "../../host-sim/index.ts";

/** `2026-01-01T00:00:00.1Z stdout F line`, as container runtimes (CRI) write; `P` has more to come. */
const CRI = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?::\S*)? (.*)$/s;

/** Docker cuts a line after so many bytes. */
const DOCKER_PIECE = 16 * 1024;

/** What stands before a line, and may stand before another of these. */
const PREFIXES = [
  // kubectl logs --prefix
  /^\[pod\/[^\]\s]+\] /,
  // docker compose logs
  /^[A-Za-z0-9][\w.-]* +\| /,
  // kubectl logs --timestamps, docker logs --timestamps
  /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) /,
  // syslog of RFC 5424
  /^<\d{1,3}>\d \S+ \S+ \S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) (?:\ufeff)?/,
  // syslog as most write it, journalctl
  /^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\S+) \S+ [^\s:[]+(?:\[\d+\])?: /,
];

export class Unwrapper {
  /** What has come of a line so far, by the stream that it is in. */
  private readonly pieces = new Map<string, string>();

  /** null: the line goes on in another one. */
  unwrap(line: string): string | null {
    const [, stream, tag, piece] = CRI.exec(line) ?? [];
    if (stream !== undefined) return this.join(stream, piece!, tag === "F");
    const docker = line.startsWith('{"log":') ? dockerLine(line) : null;
    if (docker !== null) {
      const { log, stream } = docker;
      const whole = log.endsWith("\n") || byteString(log).length < DOCKER_PIECE;
      return this.join(stream, log.replace(/\r?\n$/, ""), whole);
    }
    return withoutPrefixes(line);
  }

  /** Lines of which the end never came. */
  rest(): string[] {
    return [...this.pieces.values()];
  }

  private join(stream: string, piece: string, last: boolean): string | null {
    const text = (this.pieces.get(stream) ?? "") + piece;
    this.pieces.delete(stream);
    if (last) return withoutPrefixes(text);
    this.pieces.set(stream, text);
    return null;
  }
}

/** Docker's json-file, which has these keys and no others. */
function dockerLine(line: string): { log: string; stream: string } | null {
  try {
    const { log, stream, time, attrs: _, ...others } = JSON.parse(line) as Record<string, unknown>;
    if (typeof log !== "string" || typeof time !== "string" || Object.keys(others).length > 0) return null;
    return { log, stream: String(stream) };
  } catch {
    return null;
  }
}

function withoutPrefixes(line: string): string {
  let text = line;
  for (const prefix of PREFIXES) text = text.replace(prefix, "");
  return text;
}
