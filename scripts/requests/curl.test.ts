/** Curl commands, as people and browsers write them. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Question } from "../explain/question.ts";
import { isCurl, questionOfCurl } from "./curl.ts";

const plain: Question = { authority: "a", path: "/", method: "GET", headers: {}, body: null, client: null };
const form = { "content-type": ["application/x-www-form-urlencoded"] };

describe("a curl command", () => {
  it.each<[string, Partial<Question>]>([
    ["curl a", {}],
    ["$ curl https://a/x?y#z", { path: "/x?y" }],
    ["curl -sSL -k --compressed -o /dev/null -w '%{http_code}' --max-time 3 a/x | head -1", { path: "/x" }],
    ["curl -XPOST a", { method: "POST" }],
    ["curl --request=PUT --url a", { method: "PUT" }],
    ["curl -I a", { method: "HEAD" }],
    [
      "curl -H 'X-A: 1, 2' -H \"x-a:3\" -H 'X-Empty;' -H 'Accept:' a",
      { headers: { "x-a": ["1, 2", "3"], "x-empty": [""] } },
    ],
    ["curl -H 'Host: en.example' http://10.0.0.1:8080/w", { authority: "en.example", path: "/w" }],
    ["curl --resolve en.example:443:10.0.0.1 --connect-to ::b:1 a", {}],
    [
      "curl -b 'a=b; c=d' -A 'x y' -e http://r/ a",
      { headers: { cookie: ["a=b; c=d"], "user-agent": ["x y"], referer: ["http://r/"] } },
    ],
    ["curl -u me:s a", { headers: { authorization: ["Basic bWU6cw=="] } }],
    ["curl -d a=b --data-raw c a", { method: "POST", headers: form, body: "a=b&c" }],
    ["curl -G -d a=b --data-urlencode 'c=d e' a/?x", { path: "/?x&a=b&c=d%20e" }],
    [
      `curl --json '{"database":"enwiki"}' a`,
      {
        method: "POST",
        headers: { "content-type": ["application/json"], accept: ["application/json"] },
        body: '{"database":"enwiki"}',
      },
    ],
    [
      "curl 'https://a/' \\\n  -H 'x: y' \\\r\n  --data-raw $'it\\'s \\u00e9\\x41\\n'",
      { method: "POST", headers: { x: ["y"], ...form }, body: "it's éA\n" },
    ],
    [`curl "a/\\"\\$x\\n"'b'\\ c`, { path: '/"$x\\nb%20c' }],
  ])("is read: %s", (command, expected) => {
    expect(isCurl(command)).toBe(true);
    expect(questionOfCurl(command)).toEqual({ ...plain, ...expected });
  });

  it.each([
    ["curl", "a curl command with one URL is read, and this has none"],
    ["curl a b", "and this has 2"],
    ["curl 'a", "a quote of the curl command does not end"],
    ['curl "a', "a quote of the curl command does not end"],
    ["curl a -H", "-H: its value is missing"],
    ["curl -H nonsense a", "-H nonsense: no header"],
    ["curl -H 'a b: c' a", "no header"],
    ["curl -d @secret a", "@secret: no file is read here: write what is in it"],
    ["curl -b jar a", "-b jar: no file is read here"],
    ["curl -F x=@y a", "-F: an option of curl that is not known here"],
    ["curl --netrc-file x a", "--netrc-file: an option of curl that is not known here"],
  ])("is refused: %s", (command, why) => {
    expect(() => questionOfCurl(command)).toThrow(why);
  });

  it("has a length", () => {
    const long = `curl ${"a".repeat(2 ** 18)}`;
    expect(() => questionOfCurl(long)).toThrow("a curl command of more than 262144 characters is not read");
  });

  it("has the words that a shell makes of it", () => {
    const piece = fc.stringMatching(/^[ -~\n]{0,12}$/);
    const words = fc.array(piece, { minLength: 1, maxLength: 30 });
    const quoted = [
      (text: string) => `'${text.replaceAll("'", "'\\''")}'`,
      (text: string) => `"${text.replace(/["\\$`]/g, "\\$&")}"`,
      (text: string) => `'${text.replaceAll("'", `'"'"'`)}'`,
    ];
    const cases = fc.sample(words, 40);
    // Each word as data: curl joins them by `&`. The shell's own words are the oracle.
    const commands = cases.map(
      (texts, n) => `curl a ${texts.map((text, i) => `-d ${quoted[(n + i) % 3]!(`=${text}`)}`).join(" ")}`,
    );
    const script = commands
      .map((command) => `set -- ${command}; printf '%s\\0' "$@"; printf '\\1'`)
      .join("\n");
    const { stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    const bodies = stdout
      .split("\x01")
      .slice(0, -1)
      .map((said) =>
        said
          .split("\0")
          .slice(2)
          .filter((_, i) => i % 2 === 1)
          .join("&"),
      );
    expect(commands.map((command) => questionOfCurl(command).body)).toEqual(bodies);
  });
});
