/** Asks proxies what they say of themselves, each within a time and a number of bytes, and some at once. */
import http from "node:http";
import https from "node:https";
import { atMost } from "../collections/at-most.ts";
import { reason } from "../sources/reason.ts";

/** All metrics of an Envoy with thousands of clusters. */
export const ANSWER_BYTES_AT_MOST = 32 * 2 ** 20;
/** Answers are held whole. */
const AT_ONCE = 16;

/** Of something that answered with its text, or why there is none. */
export type Heard = { text: string } | { error: string };

/** One GET; a redirect is no answer. */
export function ask(url: URL, timeoutMs: number): Promise<Heard> {
  return new Promise((resolve) => {
    const fail = (error: string) => {
      resolve({ error });
      request.destroy();
    };
    if (!/^https?:$/.test(url.protocol)) return resolve({ error: "it cannot be asked: it only reports" });
    const { get } = url.protocol === "https:" ? https : http;
    const request = get(url, { agent: false, headers: { accept: "*/*" } }, (response) => {
      const { statusCode = 0 } = response;
      if (statusCode !== 200) {
        const redirect = statusCode >= 300 && statusCode < 400 ? ", a redirect, which is not followed" : "";
        return fail(`it answers with status ${statusCode}${redirect}`);
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_AT_MOST) fail(`its answer has more than ${ANSWER_BYTES_AT_MOST >> 20} MiB`);
        else chunks.push(chunk);
      });
      response.on("error", () => fail("its answer breaks off"));
      response.on("end", () => resolve({ text: Buffer.concat(chunks).toString() }));
    });
    // From the name's look-up to the last byte: who sends a byte now and then would hold us else.
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    request.on("error", (error) => fail(`it does not answer: ${reason(error, "connect")}`));
    request.on("close", () => clearTimeout(timer));
  });
}

/**
 * What is read of each answer, in its place.
 * @param read what is kept: not thousands of whole answers
 */
export function askAll<T>(urls: readonly URL[], timeoutMs: number, read: (answer: Heard) => T): Promise<T[]> {
  return atMost(AT_ONCE, urls, async (url) => read(await ask(url, timeoutMs)));
}

/** The same of texts; a sentence where nothing is heard. */
export function askEach<T>(
  urls: readonly URL[],
  timeoutMs: number,
  read: (text: string) => T | string,
): Promise<(T | string)[]> {
  return askAll(urls, timeoutMs, (answer) => ("error" in answer ? answer.error : read(answer.text)));
}
