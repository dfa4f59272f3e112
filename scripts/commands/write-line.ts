/** Writes piece by piece, and waits where the reader is slower than we are, so that memory stays bounded. */
async function write(piece: string | Uint8Array): Promise<void> {
  if (process.stdout.write(piece)) return;
  await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
}

/** A value as a line of JSON. */
export const writeLine = (value: unknown): Promise<void> => write(`${JSON.stringify(value)}\n`);

/** Words for a program, each with a NUL behind it, byte for byte; a terminal gets them as text. */
export function writeWords(words: readonly string[]): Promise<void> {
  const text = words.map((word) => `${word}\0`).join("");
  return write(process.stdout.isTTY ? text : Buffer.from(text));
}
