import { parseLine, QUESTION_KEYS, type Question } from "../explain/question.ts";

/** Names that Envoy's JSON access logs commonly give these fields (`json_format` is the operator's choice). */
const AUTHORITY = ["authority", ":authority", "host", "req_authority"];
const PATH = ["path", ":path", "x-envoy-original-path", "req_path"];
const METHOD = ["method", ":method", "req_method"];

/** One line of an Envoy JSON access log. Throws an Error whose message is for the user. */
export function questionOfAccessLog(text: string): Question {
  const json = parseLine(text);
  if (typeof json !== "object" || json === null) throw new Error("not a JSON object");
  const fields = json as Record<string, unknown>;
  const path = find(fields, PATH);
  if (path === null) throw new Error(`no path: none of ${PATH.join(", ")}`);
  const method = find(fields, METHOD) ?? "GET";
  return { authority: find(fields, AUTHORITY), path, method, headers: {}, body: null, client: null };
}

/** Envoy logs what is absent as `-` or null. */
function find(fields: Record<string, unknown>, names: readonly string[]): string | null {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === "string" && value !== "-") return value;
  }
  return null;
}

/** Tells by a file's first line: one of questions has their keys and no others. */
export function looksLikeAccessLog(line: string): boolean {
  try {
    return Object.keys(JSON.parse(line) as object).some((name) => !QUESTION_KEYS.includes(name));
  } catch {
    return false;
  }
}
