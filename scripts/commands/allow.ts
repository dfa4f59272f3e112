/** What a person lets pass, and why: `--allow` and `--reason`. */
import { InvalidArgumentError } from "commander";
import type { Allow } from "../guards/guards.ts";
import { quote } from "../sources/problem.ts";

/** `GUARD` or `GUARD=why`. @param names the guards that there are */
export const parseAllow =
  (names: readonly string[]) =>
  (text: string, allowed: Allow[]): Allow[] => {
    const [, guard = "", why] = /^([^=]*)(?:=(.*))?$/s.exec(text)!;
    if (!names.includes(guard)) {
      throw new InvalidArgumentError(`There is no guard ${quote(guard)}; there are ${names.join(", ")}.`);
    }
    return [...allowed, { guard, why: why === undefined ? null : parseReason(why) }];
  };

/** A reason for the history: a sentence. */
export function parseReason(text: string): string {
  const reason = text.trim();
  if (reason === "" || reason.length > 1000) {
    throw new InvalidArgumentError(
      "A reason has 1 to 1000 characters: whoever reads the history wants to know.",
    );
  }
  return reason;
}
