/** What the filter learns of a request in a proxy that has no pseudo-headers and cuts lists, which is ATS. */
import type { Profile } from "../../host-sim/index.ts";
import type { Question } from "./question.ts";

/** The proxy, or the filter for its sake, answers before anything is decided. */
export interface Refused {
  status: number;
  why: string;
}

/** Lists that come in several headers are cut at their first commas, but for X-Forwarded-For. */
export function seenWithoutPseudoHeaders(profile: Profile, question: Question): Question | Refused {
  const { authority, path, method, headers } = question;
  const line = { method, scheme: "http", host: authority ?? "", path };
  const why = profile.receive(line, []);
  if (why !== null) return { status: 400, why: `${profile.name} answers by itself: ${why}` };
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.includes("transfer-encoding"))
    return { status: 411, why: "the request's body does not say how long it is" };
  const shown = (name: string, values: readonly string[]) =>
    values.length === 1 || name.toLowerCase() === "x-forwarded-for"
      ? [...values]
      : values.map((value) => profile.pairs([[name, value]])[0]![1]);
  return {
    ...question,
    authority: line.host === "" ? authority : line.host,
    path: line.path,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, values]) => [name, shown(name, values)] as const),
    ),
  };
}
