/** Requests that are read out of a log's content. */
import type { FieldNames } from "../../scripts/requests/json-log.ts";
import { decompressed } from "../../scripts/requests/open.ts";
import { readRequests } from "../../scripts/requests/read-requests.ts";

interface Options {
  fields?: FieldNames;
  host?: string;
}

/** What is found in a log of this content, line by line. */
export async function read(content: string | Uint8Array, { fields = {}, host }: Options = {}) {
  async function* input() {
    yield typeof content === "string" ? Buffer.from(content) : content;
  }
  const found = [];
  for await (const one of readRequests(decompressed(input(), "log"), "log", { fields, host: host ?? null }))
    found.push(one);
  return found;
}

/** What was asked, as `METHOD HOST PATH by CLIENT for X-FORWARDED-FOR`; what is bad, by its error. */
export async function asked(content: string | Uint8Array, options: Options = {}): Promise<string[]> {
  return (await read(content, options)).map((one) => {
    if ("error" in one) return `${one.line}: ${one.error}`;
    if (one.question === null) return "none";
    const { method, authority, path, client, headers } = one.question;
    const forwarded = headers["x-forwarded-for"];
    const rest = `${client ? ` by ${client}` : ""}${forwarded ? ` for ${forwarded}` : ""}`;
    return `${method} ${authority} ${path}${rest}`;
  });
}

/** As the logs of all forms have it. */
export const API = "GET en.wikipedia.org /w/api.php?a=b";
