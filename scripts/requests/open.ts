/** What comes before the lines of a file: gzip, and files that are no text. */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { SourceError } from "../sources/problem.ts";
import { peek } from "./peek.ts";

/** What a file begins with that is no text, and what to do about it. */
const NO_TEXT: [bytes: number[], what: string][] = [
  [[0x28, 0xb5, 0x2f, 0xfd], "is compressed by zstd: `zstd -dc FILE | pointsman … -`"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "is compressed by xz: `xz -dc FILE | pointsman … -`"],
  [[0x42, 0x5a, 0x68], "is compressed by bzip2: `bzip2 -dc FILE | pointsman … -`"],
  [[0x50, 0x4b, 0x03, 0x04], "is a zip file: `unzip -p FILE | pointsman … -`"],
  [[0xff, 0xfe], "is UTF-16: `iconv -f UTF-16 -t UTF-8 FILE | pointsman … -`"],
  [[0xfe, 0xff], "is UTF-16: `iconv -f UTF-16 -t UTF-8 FILE | pointsman … -`"],
];

/** The bytes, out of gzip where they are gzipped. Throws SourceError for what is no text, and where gzip is cut short. */
export async function* decompressed(
  input: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(input, 5);
  for (const [bytes, what] of NO_TEXT)
    if (bytes.every((byte, i) => head[i] === byte)) throw new SourceError({ file }, what);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all;
    return;
  }
  const source = Readable.from(all);
  const gunzip = createGunzip();
  source.on("error", (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip);
  } catch (error) {
    throw new SourceError({ file }, `the gzip data is cut short or damaged: ${(error as Error).message}`);
  }
}
