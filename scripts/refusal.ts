/** A command could not do what it was asked to; the message is for the user, the exit code is 1. */
export class Refusal extends Error {
  /** @param isInAnswer what the command has printed as JSON says it already */
  constructor(
    message: string,
    readonly isInAnswer = false,
  ) {
    super(message);
  }
}
