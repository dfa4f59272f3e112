/** Scripts for the guest, made at random: each a few commands in one or more callbacks. */
import fc from "fast-check";

const words = (...parts: (fc.Arbitrary<string> | string)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part)))
    .map((all) => all.join(" "));

const name = fc.constantFrom(
  "x-empty", "X-Twice", "x-latin", "cookie", "Accept", "accept-language", "user-agent", "x-forwarded-for",
  "via", "cache-control", "content-type", "set-cookie", "vary", "x-new", "X-New", "x-other", "location", "etag",
  "if-none-match", "authorization", "te", "origin", "referer",
); // biome-ignore format: a list
const value = fc.oneof(
  fc.constantFrom("-", "v", "a,b", "0", "A-longer/value?x", "w".repeat(3000)),
  fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(..."abcXYZ019-_.~/?") }),
);
const map = fc.constantFrom("0", "0", "2", "2", "1", "3", "6", "7");
const small = fc.integer({ min: 0, max: 12 }).map(String);
const size = fc.oneof(small, fc.constantFrom("100", "99999", "4294967295"));

/** Reads: they may stand anywhere. */
const read = fc.oneof(
  words(
    "get",
    map,
    fc.oneof(name, fc.constantFrom(":path", ":authority", "Host", ":method", ":status", ":nope")),
  ),
  words("get", fc.constantFrom("0", "2"), name),
  words("pairs", fc.constantFrom("0", "0", "1", "3", "6", "7")),
  words("size", fc.constantFrom("0", "1", "3")),
  words("bytes", fc.constantFrom("0", "4", "6", "7"), small, size),
  words("bufstatus", fc.constantFrom("0", "4", "6", "7")),
  words("prop", fc.constantFrom(...properties())),
  words("getshared", fc.constantFrom("one", "two", "three")),
  fc.constantFrom("status", "loglevel", "args", "done", "effective 4000"),
);

function properties(): string[] {
  return [
    "request/path", "request/url_path", "request/query", "request/host", "request/scheme", "request/method",
    "request/referer", "request/useragent", "request/id", "request/protocol",
    "request/headers/x-twice", "request/headers/Cookie", "request/headers/:path", "request/headers/x-none",
    "request/size", "request/nope", "request",
    "response/code", "response/code_details", "response/headers/x-twice", "response/headers/:status",
    "response/size", "response/nope",
    "plugin_name", "plugin_root_id", "plugin_vm_id", "nope", "own", "own/part",
  ]; // biome-ignore format: a list
}

const changeOf = (maps: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    words("add", maps, name, value),
    words("add", maps, name, value),
    words("replace", maps, name, value),
    words("replace", maps, name, value),
    words("remove", maps, name),
    words("copy", maps, name, fc.constantFrom("x-copied", "X-Twice", "cookie")),
  );

const requestChange = fc.oneof(
  { weight: 9, arbitrary: changeOf(fc.constant("0")) },
  words("replace", "0", ":path", fc.constantFrom("/changed", "/changed?x=y")),
  words(
    "replace",
    "0",
    fc.constantFrom(":authority", "host", "Host"),
    fc.constantFrom("other.example", "Other:1"),
  ),
  words("replace", "0", ":method", fc.constantFrom("PUT", "POST")),
  words("add", "0", fc.constantFrom(":path", ":authority"), "more"),
  fc.constant("foreign clear_route_cache -"),
);
const responseChange = fc.oneof(
  { weight: 9, arbitrary: changeOf(fc.constant("2")) },
  words("replace", "2", ":status", fc.constantFrom("201", "404", "503")),
);
/** In a place where it does nothing, or where it should not. */
const misplaced = changeOf(fc.constantFrom("0", "1", "2", "3", "6"));

const effect = fc.oneof(
  words("metric", fc.constantFrom("0 count", "0 other_count", "1 level", "2 spread")),
  words("inc", small, fc.constantFrom("1", "5", "-1", "0", "-7")),
  words("record", small, fc.constantFrom("1", "0", "99")),
  words("getmetric", small),
  words("setshared", fc.constantFrom("one", "two"), value, fc.constantFrom("0", "0", "1", "7")),
  words("setprop", fc.constantFrom("own", "own.part", "request.path"), value),
  words("foreign", "nope", fc.constantFrom("-", "x")),
  words(
    "log",
    fc.constantFrom("0", "1", "2", "3", "4", "5"),
    fc.constantFrom("-", "words", "w".repeat(2000)),
  ),
);

const replyCommand = fc
  .tuple(
    fc.constantFrom("200", "204", "302", "404", "418", "503", "599"),
    fc.constantFrom("-", "why", "w\ty"),
    fc.constantFrom("-", "sorry", "b".repeat(3000)),
    fc.constantFrom(
      "-",
      "x-a=1",
      "x-a=1,X-A=2,content-type=text/html",
      "x-empty=,set-cookie=a,set-cookie=b",
      "content-length=3",
    ),
    fc.constantFrom("-1", "-1", "0", "7"),
  )
  .map((parts) => ["reply", ...parts].join(" "));

const setRequestBytes = words("setbytes", "0", small, size, value);
const setResponseBytes = words("setbytes", "1", small, size, value);

const anywhere = fc.oneof({ weight: 6, arbitrary: read }, { weight: 3, arbitrary: effect }, misplaced);
const some = (of: fc.Arbitrary<string>): fc.Arbitrary<string[]> => fc.array(of, { maxLength: 4 });

/** The commands of each callback, for a script that only reads and changes. */
const plain = fc.record({
  request_headers: some(fc.oneof(anywhere, requestChange)),
  request_body: some(anywhere),
  response_headers: some(fc.oneof(anywhere, responseChange, fc.constant("pairs 2"))),
  response_body: some(
    fc.oneof(
      { weight: 3, arbitrary: anywhere },
      words("bytes", "1", small, size),
      fc.constant("bufstatus 1"),
    ),
  ),
  log: some(anywhere),
  done: some(read),
  delete: some(read),
});

type Parts = Readonly<Record<string, readonly string[]>>;

const scriptText = (parts: Parts): string =>
  Object.entries(parts)
    .filter(([, commands]) => commands.length > 0)
    .map(([callback, commands]) => `${callback}:${commands.join(";")}`)
    .join("|");

const add = (parts: Parts, callback: string, ...commands: string[]): Parts => ({
  ...parts,
  [callback]: [...(parts[callback] ?? []), ...commands],
});

const call = "call a :method=GET,:path=/call,:authority=called.example - - 5000";
const where = fc.constantFrom("request_headers", "request_body", "response_headers", "response_body");

/** Something that decides the exchange, on top of reads and changes. */
const turns: fc.Arbitrary<(parts: Parts) => Parts> = fc.oneof(
  { weight: 4, arbitrary: fc.constant((parts: Parts) => parts) },
  // Answers in the upstream's place.
  {
    weight: 2,
    arbitrary: fc
      .tuple(where, fc.constantFrom("", "#1", "#2", "#end"), replyCommand, fc.constantFrom("0", "1"))
      .map(
        ([callback, nth, command, result]) =>
          (parts: Parts) =>
            add(parts, `${callback}${nth}`, command, `return ${result}`),
      ),
  },
  // Bodies held back and changed.
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("1", "0", "2"),
        fc.array(setRequestBytes, { maxLength: 3 }),
        fc.constantFrom("#end", "#1", "#2"),
      )
      .map(([result, commands, nth]) => (parts: Parts) => {
        const held = add(
          add(parts, "request_headers", "remove 0 content-length"),
          "request_body",
          `return ${result}`,
        );
        return add(add(held, "request_body#end", "return 0"), `request_body${nth}`, ...commands);
      }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("1", "0", "2"),
        fc.array(setResponseBytes, { maxLength: 3 }),
        fc.constantFrom("#end", "#1", "#2"),
      )
      .map(([result, commands, nth]) => (parts: Parts) => {
        const held = add(
          add(parts, "response_headers", "remove 2 content-length"),
          "response_body",
          `return ${result}`,
        );
        return add(add(held, "response_body#end", "return 0"), `response_body${nth}`, ...commands);
      }),
  },
  // Held until an answer or a tick.
  {
    weight: 2,
    arbitrary: fc
      .tuple(where, fc.constantFrom(call, "tick 5"), some(read))
      .map(([callback, wait, reads]) => (parts: Parts) => {
        const nth = callback.endsWith("body") ? `${callback}#1` : callback;
        const resume = `resume ${callback.startsWith("request") ? 0 : 1}`;
        const back = wait === call ? "answer" : "tick";
        return add(add(parts, nth, wait, "return 1"), back, ...reads, resume);
      }),
  },
);

export const anyScript: fc.Arbitrary<string> = fc
  .tuple(plain, turns)
  .map(([parts, turn]) => scriptText(turn(parts)));
