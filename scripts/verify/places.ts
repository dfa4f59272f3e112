/** Where in an answer stands who has answered: in a header, or in JSON. */

/** `header:NAME`, `json:a.b`, or nowhere. */
export type Place = { in: "header"; name: string } | { in: "json"; keys: readonly string[] } | "none";

/** What an answer may say of itself. */
export interface Places {
  wiki: Place;
  version: Place;
  cluster: Place;
}

/** Undefined: it is no place. */
export function parsePlace(text: string): Place | undefined {
  if (text === "none") return text;
  const [, kind, name] = /^(header|json):(.+)$/s.exec(text) ?? [];
  if (kind === "header" && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name!))
    return { in: "header", name: name!.toLowerCase() };
  return kind === "json" && name!.split(".").every(Boolean)
    ? { in: "json", keys: name!.split(".") }
    : undefined;
}

export function showPlace(place: Exclude<Place, "none">): string {
  return place.in === "header" ? `the header ${place.name}` : `${place.keys.join(".")} of the JSON`;
}

/** null: it is not there, or no text. @param json of the body, undefined where it is none */
export function textAt(
  place: Exclude<Place, "none">,
  headers: NodeJS.Dict<string | string[]>,
  json: unknown,
): string | null {
  if (place.in === "header") {
    const value = headers[place.name];
    return typeof value === "string" && value !== "" ? value : null;
  }
  let value = json;
  for (const key of place.keys) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === "string" && value !== "" ? value : null;
}
