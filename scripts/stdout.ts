/** What becomes of standard output that cannot be written: nothing where its reader has enough, else a sentence. */

/** From now on. Must be said before anything is written. */
export function endWithStdout(): void {
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    // Who reads us has enough (`explain --stdin | head`): no error.
    if (code === "EPIPE") process.exit();
    const why = code === "ENOSPC" ? "there is no space left" : message;
    process.stderr.write(`standard output: cannot be written: ${why}\n`);
    process.exit(1);
  });
}
