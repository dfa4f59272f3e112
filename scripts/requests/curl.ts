/** A request out of a curl command, as people copy it from a terminal or from a browser's tools. */
import { type Question, questionOfUrl } from "../explain/question.ts";

/** Of a command: a person writes it, or a browser with all its cookies and a body. */
const LONGEST = 2 ** 18;

/** Options that say nothing of where a request goes, and their next word with them. */
const WITH_VALUE = new Set(
  `--resolve --connect-to --max-time --connect-timeout --output --write-out --proxy --cacert --cert --key --retry
  --interface --dump-header --cookie-jar --max-redirs --tls-max --limit-rate --range --trace-ascii -m -o -w -x -E -D -c
  -r`.split(/\s+/),
);
const WITHOUT_VALUE = new Set(
  `--insecure --silent --show-error --verbose --location --include --fail --compressed --http1.0 --http1.1 --http2
  --http2-prior-knowledge --http3 --path-as-is --globoff --no-buffer --no-progress-meter --progress-bar --ipv4 --ipv6
  --remote-name --tlsv1.2 --tlsv1.3 -k -s -S -v -L -i -f -0 -g -N -# -4 -6 -O`.split(/\s+/),
);
/** Those that count, by their long names. */
const LONG: Record<string, string> = {
  ...{ "-X": "--request", "-H": "--header", "-d": "--data", "-b": "--cookie", "-A": "--user-agent" },
  ...{ "-e": "--referer", "-G": "--get", "-I": "--head", "-u": "--user" },
  ...{ "--data-binary": "--data", "--data-ascii": "--data" },
};
const COUNTS = new Set([...Object.values(LONG), "--url", "--data-raw", "--data-urlencode", "--json"]);
const HAVE_NONE = new Set(["--get", "--head"]);

/** Whether it is meant as a curl command. */
export const isCurl = (text: string): boolean => /^\s*(?:\$ )?curl\s/.test(text);

/**
 * The request that a curl command sends; where it connects to (`--resolve`, a proxy) changes nothing of it.
 * Throws an Error whose message is for the user.
 */
export function questionOfCurl(text: string): Question {
  if (text.length > LONGEST) throw new Error(`a curl command of more than ${LONGEST} characters is not read`);
  const words = wordsOf(text.trim().replace(/^\$ /, "")).slice(1);
  const urls: string[] = [];
  const data: string[] = [];
  const headers = new Map<string, string[]>();
  const removed = new Set<string>();
  const add = (name: string, value: string) =>
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value]);
  let method: string | null = null;
  let isGet = false;
  let isHead = false;
  for (const [name, value] of optionsOf(words)) {
    if (name === "--url") urls.push(value);
    else if (name === "--request") method = value;
    else if (name === "--get") isGet = true;
    else if (name === "--head") isHead = true;
    else if (name === "--header") addHeader(value, add, removed);
    else if (name === "--cookie") add("cookie", cookies(value));
    else if (name === "--user-agent") add("user-agent", value);
    else if (name === "--referer") add("referer", value);
    else if (name === "--user") add("authorization", `Basic ${base64(value)}`);
    else if (name === "--data-urlencode") data.push(urlEncoded(value));
    else {
      if (value.startsWith("@") && name !== "--data-raw")
        throw new Error(`${value}: no file is read here: write what is in it`);
      data.push(value);
      if (name === "--json") for (const type of ["content-type", "accept"]) add(type, "application/json");
    }
  }
  if (urls.length !== 1)
    throw new Error(`a curl command with one URL is read, and this has ${urls.length || "none"}`);
  const question = questionOfUrl(urls[0]!);
  const body = data.length === 0 ? null : data.join("&");
  if (body !== null && isGet) question.path += `${question.path.includes("?") ? "&" : "?"}${body}`;
  else if (body !== null) {
    question.body = body;
    if (!headers.has("content-type") && !removed.has("content-type"))
      add("content-type", "application/x-www-form-urlencoded");
  }
  question.method = method ?? (isHead ? "HEAD" : question.body !== null ? "POST" : "GET");
  const [host] = headers.get("host") ?? [];
  if (host !== undefined) question.authority = host;
  headers.delete("host");
  question.headers = Object.fromEntries(headers);
  return question;
}

/** Each option that counts with its value; what is no option is a URL. */
function* optionsOf(words: readonly string[]): Generator<[name: string, value: string]> {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("-") || word === "-") {
      yield ["--url", word];
      continue;
    }
    // Short ones may stand together, the last with its value: -sSXPOST.
    const [, long, given] = /^(--[^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const shorts = long === undefined ? word.slice(1) : "";
    for (let at = 0; at < (long === undefined ? shorts.length : 1); at++) {
      const written = long ?? `-${shorts[at]}`;
      if (WITHOUT_VALUE.has(written)) continue;
      const name = LONG[written] ?? written;
      if (HAVE_NONE.has(name)) {
        yield [name, ""];
        continue;
      }
      if (!COUNTS.has(name) && !WITH_VALUE.has(written))
        throw new Error(`${written}: an option of curl that is not known here`);
      const rest = long === undefined ? shorts.slice(at + 1) : given;
      const value = rest || words[++i];
      if (value === undefined) throw new Error(`${written}: its value is missing`);
      if (COUNTS.has(name)) yield [name, value];
      break;
    }
  }
}

/** `Name: value`; `Name;` is an empty one, and `Name:` is taken away. */
function addHeader(text: string, add: (name: string, value: string) => void, removed: Set<string>): void {
  const [, name, sign, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*([:;])[ \t]*([^\r\n\0]*)$/.exec(text) ?? [];
  if (name === undefined || (sign === ";" && value !== "")) throw new Error(`-H ${text}: no header`);
  if (sign === ";" || value !== "") add(name, value!);
  else removed.add(name.toLowerCase());
}

function cookies(text: string): string {
  if (!text.includes("="))
    throw new Error(`-b ${text}: no file is read here: write the cookies as NAME=VALUE`);
  return text;
}

/** `name=content`, `=content` or `content`, of which the content is encoded. */
function urlEncoded(text: string): string {
  const [, name = "", content] = /^(?:([^=@]*)=)?([\s\S]*)$/.exec(text)!;
  if (content!.startsWith("@") || /^[^=]+@/.test(text)) throw new Error(`${text}: no file is read here`);
  return (name === "" ? "" : `${name}=`) + encodeURIComponent(content!);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const ANSI: Record<string, string> = { n: "\n", r: "\r", t: "\t", "0": "\0", a: "\x07", b: "\b", e: "\x1b" };

/** The words of a shell's line: quotes of three kinds, backslashes, and lines that go on. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  const piece =
    /\s+|\\\r?\n|\\([\s\S])|'([^']*)'|\$'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\s\\'"])/gy;
  let end = 0;
  for (const match of text.matchAll(piece)) {
    end = match.index + match[0].length;
    const [all, escaped, single, ansi, double, plain] = match;
    if (/^\s/.test(all)) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    if (/^\\\r?\n$/.test(all)) continue;
    if (plain !== undefined && /[|;&<>]/.test(plain) && word === null) {
      // What the shell does with the answer is not the request's.
      end = text.length;
      break;
    }
    word ??= "";
    word += escaped ?? single ?? plain ?? (ansi === undefined ? undoubled(double!) : unansied(ansi));
  }
  if (end < text.length) throw new Error("a quote of the curl command does not end");
  if (word !== null) words.push(word);
  return words;
}

const undoubled = (text: string): string =>
  text.replace(/\\([\s\S])/g, (all, char: string) =>
    char === "\n" ? "" : '"\\$`'.includes(char) ? char : all,
  );

const unansied = (text: string): string =>
  text.replace(/\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|([\s\S]))/g, (_, hex, unicode, char) =>
    char === undefined ? String.fromCharCode(Number.parseInt(hex ?? unicode, 16)) : (ANSI[char] ?? char),
  );
