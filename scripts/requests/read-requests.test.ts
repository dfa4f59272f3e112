/** Requests out of files: how they are told apart, wrapped and compressed. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { asked, read } from "../../test/support/read-log.ts";

describe("a file", () => {
  const QUESTION = '{"authority":"a","path":"/"}';
  const LOG = '{"authority":"a","path":"/","code":1}';

  it("of questions has no other lines, and a log may", async () => {
    const bad = [
      "GET a /",
      expect.stringMatching(/^2: unknown key `code`/),
      expect.stringMatching(/^3: not JSON/),
    ];
    expect(await asked(`${QUESTION}\n${LOG}\nx`)).toEqual(bad);
    expect(await asked(`${LOG}\n${QUESTION}\n\n${LOG.slice(0, -3)}`)).toEqual([
      "GET a /",
      "GET a /",
      "none",
      expect.stringMatching(/^4: not JSON/),
    ]);
  });

  it.each([
    ["a client that never asked", { method: null, path: null, authority: null }, "none"],
    ["the same as text", { method: "-", path: "-", authority: "-" }, "none"],
    ["the same as empty text", { method: "", path: "", authority: "" }, "none"],
    ["a request without a host", { method: "GET", path: "/x", authority: "-" }, "GET null /x"],
    ["a method that is not known", { method: null, path: "/x", authority: "a" }, "GET a /x"],
    ["a client that is not known", { path: "/x", authority: "a", client: "-" }, "GET a /x"],
  ])("is a log also where all its fields are a question's: %s", async (_, fields, expected) => {
    const line = JSON.stringify(fields);
    expect(await asked(line)).toEqual([expected]);
    expect(await asked(`${QUESTION}\n${line}\n${QUESTION}`)).toEqual(["GET a /", expected, "GET a /"]);
  });

  it("of questions keeps its headers, and a line without a path is bad in it", async () => {
    const strict = '{"path":null,"headers":{"a":"b"}}';
    expect(await asked(`${QUESTION}\n${strict}`)).toEqual(["GET a /", "2: path: must be text"]);
    const [, found] = await read(`{"path":null}\n{"path":"/","authority":"a","headers":{"b":"c"}}`);
    expect(found).toMatchObject({ question: { headers: { b: ["c"] } } });
  });

  it("whose lines have no host gets the one that is given, unless they say that there is none", async () => {
    const lines =
      '{"path":"/","method":"GET"}\n{"path":"/","authority":null}\n{"path":"/","headers":{"Host":"b"}}';
    expect(await asked(lines, { host: "h" })).toEqual(["GET h /", "GET null /", "GET b /"]);
    expect(await asked(lines)).toEqual(["GET null /", "GET null /", "GET b /"]);
  });

  it("may have blank lines, of questions and of a log, with CRLF too", async () => {
    for (const line of [QUESTION, LOG])
      expect(await asked(`\r\n${line}\r\n\r\n${line}\n \n`)).toEqual([
        "none",
        "GET a /",
        "none",
        "GET a /",
        "none",
      ]);
  });

  it("is told by its first line that tells, in CRI's wrapping, with CRLF and a BOM", async () => {
    const cri = (tag: string, text: string) => `2026-11-26T14:00:00.1Z stdout ${tag} ${text}\r\n`;
    const text = `\ufeff${cri("F", "[2026-11-26 14:00:00.000][1][info] up")}${cri("P", LOG.slice(0, 9))}${cri("F", LOG.slice(9))}`;
    expect(await asked(text)).toEqual(["none", "GET a /"]);
    expect(await asked(text + cri("P", LOG))).toEqual([
      "none",
      "GET a /",
      "4: the log has only the beginning of this line",
    ]);
  });

  it("may be gzipped, in several parts too", async () => {
    const zipped = Buffer.concat([gzipSync(`${LOG}\n`), gzipSync(LOG)]);
    expect(await asked(zipped)).toEqual(["GET a /", "GET a /"]);
    await expect(asked(zipped.subarray(0, -12))).rejects.toThrow(/^log: the gzip data .*$/);
  });

  it.each([
    [[0x28, 0xb5, 0x2f, 0xfd, 0], /^log: is compressed by zstd: `zstd -dc FILE/],
    [[0xff, 0xfe, 0x7b, 0, 0x22], /^log: is UTF-16: `iconv/],
  ])("that is no text is refused with the way out: %j", async (bytes, message) => {
    await expect(asked(Uint8Array.from(bytes))).rejects.toThrow(message);
  });

  it("without a line has no requests", async () => {
    expect(await asked("")).toEqual([]);
  });
});
