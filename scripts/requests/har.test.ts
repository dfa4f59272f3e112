/** Requests out of a browser's HAR file. */
import { describe, expect, it } from "vitest";
import { readRequests } from "./read-requests.ts";

async function read(content: string) {
  async function* input() {
    yield Buffer.from(content);
  }
  const found = [];
  for await (const one of readRequests(input(), "log", { fields: {}, host: null })) found.push(one);
  return found;
}

describe("a HAR file", () => {
  const entry = (request: object) => ({ request, response: { status: 200 } });
  const har = (...entries: object[]) => ({ log: { version: "1.2", creator: { name: "x" }, entries } });
  const headers = [
    { name: ":authority", value: "wrong.example" },
    { name: "Host", value: "wrong.example" },
    { name: "Cookie", value: "a=b" },
    { name: "cookie", value: "c=d" },
  ];

  it("is read on one line and on many, with headers and bodies", async () => {
    const text = har(
      entry({ method: "POST", url: "https://u@en.example:8443/x?y#z", headers, postData: { text: "{}" } }),
      entry({ method: "GET", url: "data:text/plain,x", headers: [] }),
      entry({ method: "GET", url: "wss://en.example", headers: [] }),
      {},
    );
    for (const indent of [0, 2]) {
      const found = await read(`\ufeff${JSON.stringify(text, null, indent)}\n`);
      expect(found[0]).toMatchObject({
        line: 1,
        question: { authority: "en.example:8443", path: "/x?y", method: "POST", body: "{}" },
      });
      expect(found[0]).toHaveProperty("question.headers.cookie", ["a=b", "c=d"]);
      expect(found.slice(1)).toEqual([
        { line: 2, question: null },
        { line: 3, question: expect.objectContaining({ authority: "en.example", path: "/" }) },
        { line: 4, error: "the entry has no `url` of a request" },
      ]);
    }
  });

  it("that is cut short is refused", async () => {
    const text = JSON.stringify(har(entry({ method: "GET", url: "https://a/", headers: [] })));
    await expect(read(text.slice(0, -3))).rejects.toThrow(
      /^log: the file begins as a HAR file, and is not one or is cut short/,
    );
    await expect(read('{"log":{"entries":1}}')).rejects.toThrow("log: the HAR file has no `entries`");
  });
});
