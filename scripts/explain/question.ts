import { z } from "zod";

/** A request that somebody asks about; text is Unicode and goes to the filter as UTF-8. */
export interface Question {
  /** null where the request has none. */
  authority: string | null;
  /** The raw target: path and query. */
  path: string;
  method: string;
  headers: Record<string, string[]>;
  body: string | null;
}

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be a header's name");
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const headerValue = z.string().regex(/^[^\x00\r\n]*$/, "must be a header's value");

const line = z.strictObject({
  authority: z.string().nullish(),
  path: z.string(),
  method: z.string().min(1).default("GET"),
  headers: z.record(headerName, z.union([headerValue, z.array(headerValue)])).default({}),
  body: z.string().nullish(),
});

/** One line of `explain --stdin`. Throws an Error whose message is for the user. */
export function questionOfLine(text: string): Question {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`);
  }
  const parsed = line.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      ({ path, message }) => `${path.join(".") || "the line"}: ${message}`,
    );
    throw new Error(issues.join("; "));
  }
  const { authority, path, method, headers, body } = parsed.data;
  const lists = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === "string" ? [value] : value,
  ]);
  return {
    authority: authority ?? null,
    path,
    method,
    headers: Object.fromEntries(lists),
    body: body ?? null,
  };
}

/**
 * `https://en.wikipedia.org/wiki/X`, with or without the scheme. Taken apart by hand: WHATWG's URL would tidy up
 * the very path and host that the question is about.
 */
export function questionOfUrl(url: string): Question {
  const [, authority, target] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?([^/?#]*)([^#]*)/.exec(url)!;
  const path = target!.startsWith("/") ? target! : `/${target}`;
  return { authority: authority!.replace(/^.*@/, "") || null, path, method: "GET", headers: {}, body: null };
}
