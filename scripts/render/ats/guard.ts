/** What ATS itself does to a request before the filter sees it, as rules of header_rewrite: also with a dead filter. */
import { anySpelling, spelledOut } from "../spellings.ts";
import { rule } from "./rule.ts";

export interface Guarded {
  /** Names of the headers that the farm emits. */
  emitted: readonly string[];
  /** What is in a request whose answer is for who asked alone. */
  asked: readonly Asked[];
  /** Strangers come in. */
  isEdge: boolean;
}

/** A header or a cookie by its name. */
export interface Asked {
  subject: "header" | "cookie";
  name: string;
}

/** Of the instance of header_rewrite that stands before the filter in plugin.config. */
export function guardRules({ emitted, asked, isEdge }: Guarded): string {
  const removed = [...emitted.flatMap(spelledOut), ...(isEdge ? ["X-Forwarded-For"] : [])];
  return [
    "# A client's word for ours is removed, whatever becomes of the filter.",
    rule(
      READ,
      [],
      removed.map((name) => `rm-header ${name}`),
    ),
    "# ATS would remove what Connection names again, after the filter has set it.",
    rule(READ, [`%{CLIENT-HEADER:Connection} /(?i)${anySpelling(emitted)}/`], ["set-status 400"]),
    "# A body of unknown length ends the process, when the origin answers before the body's end.",
    rule(READ, ['%{CLIENT-HEADER:Transfer-Encoding} ="" [NOT]'], ["set-status 411"]),
    ...asked.flatMap(({ subject, name }) => [
      "# What it gets is for who asked alone.",
      rule(
        READ,
        [`%{${subject === "header" ? "CLIENT-HEADER" : "COOKIE"}:${name}} ="" [NOT]`],
        ["set-config proxy.config.http.cache.http 0"],
      ),
    ]),
  ].join("\n");
}

const READ = "READ_REQUEST_HDR_HOOK";
