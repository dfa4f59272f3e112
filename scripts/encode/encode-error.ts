/** The plan holds something that no table may: nothing was written. */
export class EncodeError extends Error {}
