/** A stream is cut into lines, whatever its chunks are. */
import { describe, expect, it } from "vitest";
import { linesOf } from "./lines.ts";

async function split(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  async function* stream() {
    for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  }
  const lines: string[] = [];
  for await (const line of linesOf(stream(), "log")) lines.push(line);
  return lines;
}

describe("lines", () => {
  it("end at LF alone, with or without a CR before it, and at the end of the file", async () => {
    expect(await split("a\nb\r\n\n", "c\u2028d\u2029e\u0085f\vg\rh\n", "i")).toEqual([
      "a",
      "b",
      "",
      "c\u2028d\u2029e\u0085f\vg\rh",
      "i",
    ]);
    expect(await split("")).toEqual([]);
    expect(await split("a\r")).toEqual(["a"]);
  });

  it("are UTF-8 across chunks; a BOM is none of the first", async () => {
    const bytes = Buffer.from("\ufeff/é\u2028\n\ufeffb");
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    expect(await split(...single)).toEqual(["/é\u2028", "\ufeffb"]);
    expect(await split(Buffer.from([0x2f, 0xff, 0x0a, 0xc3]))).toEqual(["/\ufffd", "\ufffd"]);
  });

  it("begin behind the NULs of a log that was emptied while it was written", async () => {
    expect(await split(`${"\0".repeat(1000)}a\n\0`)).toEqual(["a", ""]);
  });

  it("have an end: a device or a binary file is refused, with bounded memory", async () => {
    async function* endless() {
      yield Buffer.from("a\n");
      for (;;) yield Buffer.alloc(2 ** 24, "x");
    }
    const read = async () => {
      for await (const _ of linesOf(endless(), "log"));
    };
    await expect(read()).rejects.toThrow(
      "log:2: no line ends within 128 MiB from here: this is not a file of lines",
    );
  });
});
