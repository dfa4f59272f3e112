/** Pieces of Lua as text. */
export function table(name: string, entries: readonly string[]): string {
  return `local ${name} = {\n${entries.map((entry) => `  ${entry},\n`).join("")}}`;
}

export function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** The text as a Lua pattern that matches it alone. */
export function pattern(text: string): string {
  return text.replaceAll(/[^a-z0-9]/g, "%$&");
}
