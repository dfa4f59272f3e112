/** A log's line, without what a container runtime put around it. */
import { describe, expect, it } from "vitest";
import { Unwrapper } from "./unwrap.ts";

const LINE = '{"path":"/a\u2028b | c: d"}';

describe("a line of a log", () => {
  it.each([
    ["bare", LINE],
    ["CRI", `2026-11-26T14:00:00.123456789Z stdout F ${LINE}`],
    ["CRI with a zone and more tags", `2026-11-26T14:00:00.1+02:00 stderr F:x ${LINE}`],
    ["Docker", JSON.stringify({ log: `${LINE}\n`, stream: "stdout", time: "2026-11-26T14:00:00.1Z" })],
    [
      "Docker, of a process that ended",
      JSON.stringify({ log: LINE, stream: "stdout", attrs: { tag: "x" }, time: "2026-11-26T14:00:00.1Z" }),
    ],
    ["kubectl logs --prefix", `[pod/envoy-1/envoy] ${LINE}`],
    ["kubectl logs --prefix --timestamps", `[pod/envoy-1/envoy] 2026-11-26T14:00:00.1Z ${LINE}`],
    ["docker compose logs", `envoy-1  | ${LINE}`],
    ["syslog", `<134>Nov  6 12:14:14 host envoy[14389]: ${LINE}`],
    ["journalctl", `Nov 26 12:14:14 host envoy[14389]: ${LINE}`],
    ["journalctl -o short-iso", `2026-11-26T12:14:14+0000 host envoy: ${LINE}`],
    ["syslog of RFC 5424", `<134>1 2026-11-26T14:00:00.1Z host envoy 1 - [a b="c"] ${LINE}`],
  ])("is taken out of what is around it: %s", (_, line) => {
    expect(new Unwrapper().unwrap(line)).toBe(LINE);
  });

  it("is put together again, each stream's by itself", () => {
    const unwrapper = new Unwrapper();
    const cri = (stream: string, tag: string, text: string) =>
      unwrapper.unwrap(`2026-11-26T14:00:00.1Z ${stream} ${tag} ${text}`);
    expect(cri("stdout", "P", "a ")).toBeNull();
    expect(cri("stderr", "F", "x")).toBe("x");
    expect(cri("stdout", "P", " b")).toBeNull();
    expect(cri("stdout", "F", "")).toBe("a  b");
    expect(cri("stdout", "F", "c")).toBe("c");
    const docker = (log: string) =>
      unwrapper.unwrap(JSON.stringify({ log, stream: "stdout", time: "2026-11-26T14:00:00.1Z" }));
    const piece = "x".repeat(16 * 1024);
    expect(docker(piece)).toBeNull();
    expect(docker("y\n")).toBe(`${piece}y`);
    expect(unwrapper.rest()).toEqual([]);
    cri("stdout", "P", "cut");
    expect(unwrapper.rest()).toEqual(["cut"]);
  });

  it("with a `log` of its own is no line of Docker's", () => {
    const line = '{"log":"x","path":"/"}';
    expect(new Unwrapper().unwrap(line)).toBe(line);
  });
});
