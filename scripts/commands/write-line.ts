/** Writes a JSON line; waits where the reader is slower than we are, so that memory stays bounded. */
export async function writeLine(value: unknown): Promise<void> {
  if (process.stdout.write(`${JSON.stringify(value)}\n`)) return;
  await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
}
