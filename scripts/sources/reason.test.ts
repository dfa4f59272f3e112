/** The system's errors in plain words. */
import { expect, it } from "vitest";
import { reason } from "./reason.ts";

const failure = (code: string, message: string) => Object.assign(new Error(message), { code });

it.each([
  ["read", failure("ENOENT", "ENOENT: no such file or directory, open 'x'"), "there is no such file"],
  ["write", failure("ENOENT", "ENOENT: no such file or directory, open '.1.tmp'"), "there is no such folder"],
  [
    "listen",
    failure("EADDRINUSE", "listen EADDRINUSE: address already in use"),
    "another program listens there already",
  ],
  ["write", failure("EXDEV", "EXDEV: cross-device link, rename '.1.2.tmp' -> 't'"), "cross-device link"],
  ["read", failure("EIO", "EIO: i/o error, read"), "i/o error"],
  ["read", new Error("of another kind"), "of another kind"],
  ["read", "text", "text"],
] as const)("why it could not %s is told in words: %s", (doing, error, words) => {
  expect(reason(error, doing)).toBe(words);
});
