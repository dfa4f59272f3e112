/** Whole numbers, as options say them. */
import { InvalidArgumentError } from "commander";

/** A parser of them. @param message what is said of anything else */
export function wholeNumber(least: number, most: number, message: string): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) throw new InvalidArgumentError(message);
    return number;
  };
}
