/** Texts of inputs on a terminal: a control character there moves the cursor, hides a line or types a command. */

/** C0 and C1, line ends that are none of ours, and marks that turn the direction of reading round. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const HIDDEN = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Such characters as JSON writes them, so that a line of JSON still says the same. Line ends and tabs of ours stay. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (char) => (char === "\n" || char === "\t" ? char : escaped(char)));
}

/** The same for a text that has to stay on its line. */
export function visibleOnLine(text: string): string {
  return text.replace(HIDDEN, escaped);
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Whatever text is written there from now on is visible; bytes stay as they are. */
export function keepVisible(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = (chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === "string" ? visible(chunk) : chunk, ...rest);
}
