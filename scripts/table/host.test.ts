/** The host in an authority: port, case, dots, brackets. */
import { describe, expect, it } from "vitest";
import { hostOf } from "./host.ts";

describe("the host of an authority", () => {
  it.each([
    ["en.example", "en.example"],
    ["EN.Example", "en.example"],
    ["en.example:443", "en.example"],
    ["en.example:", "en.example"],
    ["en.example.", "en.example"],
    ["en.example.:80", "en.example"],
    ["en.example..", "en.example."],
    ["en.example:80:80", "en.example:80"],
    ["en.example:http", "en.example:http"],
    ["en.example:80.", "en.example:80"],
    ["\u00c9n.example", "\u00c9n.example"],
    ["localhost", "localhost"],
    ["1.2.3", "1.2.3"],
    ["1.2.3.4.5", "1.2.3.4.5"],
    ["1.2.3.1234", "1.2.3.1234"],
    ["a".repeat(300), "a".repeat(300)],
  ])("%s is %s", (authority, host) => {
    expect(hostOf(authority)).toEqual({ host, address: false });
  });

  it.each([
    null,
    "",
    ":80",
    ".",
    "10.0.0.1",
    "10.0.0.1:80",
    "10.0.0.1.",
    "999.1.1.1",
    "[::1]",
    "[::1]:80",
    "[",
  ])("%s is an address, or none", (authority) => {
    expect(hostOf(authority).address).toBe(true);
  });
});
