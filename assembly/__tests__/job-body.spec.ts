/** The wiki in a job's body, however the body is cut. */
import {
  beginJob,
  isJobOver,
  JOB_CONFLICT,
  JOB_LOOKING,
  JOB_NONE,
  JOB_STATE_BYTES,
  JOB_TEXT,
  jobValue,
  jobValueLength,
  scanJob,
} from "../job-body";
import { MAX_KEY } from "../table";
import { bytesOf, textAt } from "./ascii";

const GUARD: u8 = 0xa5;

function newState(): usize {
  const state = heap.alloc(JOB_STATE_BYTES + 1);
  memory.fill(state, GUARD, JOB_STATE_BYTES + 1); // the memory of a stream that was there before
  beginJob(state);
  return state;
}

function scan(state: usize, body: string): u32 {
  return scanJob(state, bytesOf("database"), 8, bytesOf(body), body.length);
}

/** What a scan of a whole body says; the same byte by byte, or it says so. */
function found(body: string): string {
  const state = newState();
  const status = scan(state, body);
  const text = textAt(jobValue(state), jobValueLength(state));

  const slow = newState();
  for (let i = 0; i < body.length; i++) scan(slow, body.substr(i, 1));
  if (scan(slow, "") != status) return "bytewise another status";
  if (load<u8>(slow + JOB_STATE_BYTES) != GUARD) return "written past the state";
  if (status == JOB_LOOKING) return "looking";
  if (status == JOB_NONE) return "none";
  if (status == JOB_CONFLICT) return "conflict";
  if (textAt(jobValue(slow), jobValueLength(slow)) != text) return "bytewise another text";
  return `text ${text}`;
}

describe("scanJob", () => {
  it("finds the field's text at the top of the body", () => {
    expect(found('{"database":"enwiki"}')).toBe("text enwiki");
    expect(found(' \t\r\n{ "a" : [1, {"database":"x"}] , "database" : "" , "b":null } \n')).toBe("text ");
    expect(found('{"data":"a","databases":"b","":"c","database":"enwiki"')).toBe("text enwiki");
  });

  it("undoes escapes, in the name and in the text", () => {
    expect(found('{"d\\u0061t\\u0061base":"en\\u0077iki"}')).toBe("text enwiki");
    expect(found('{"database":"\\"\\\\\\/\\b\\f\\n\\r\\t"}')).toBe('text "\\/\b\f\n\r\t');
    expect(found('{"database":"\\u00e9 \\u20AC \\ud83d\\ude00"}')).toBe("text é € 😀");
  });

  it("makes three bytes of half a surrogate pair", () => {
    const state = newState();
    expect<u32>(scan(state, '{"database":"\\ud83d\\ud83d\\ude00x\\ude00\\ud83d"')).toBe(JOB_TEXT);
    expect<u32>(jobValueLength(state)).toBe(3 + 4 + 1 + 3 + 3);
    expect<u32>(load<u32>(jobValue(state)) & 0xffffff).toBe(0xbda0ed);
    expect<u32>(load<u32>(jobValue(state), 8) & 0xffffff).toBe(0x80b8ed);
    expect<u32>(load<u32>(jobValue(state), 11) & 0xffffff).toBe(0xbda0ed);
  });

  it("knows text at its closing quote, and anything else at what follows it", () => {
    const state = newState();
    expect<u32>(scan(state, '{"database":"enwiki')).toBe(JOB_LOOKING);
    expect<u32>(scan(state, '"')).toBe(JOB_TEXT);
    expect(found('{"database":1')).toBe("looking");
    expect(found('{"database":1 ')).toBe("looking");
    expect(found('{"database":1,')).toBe("none");
    expect(found('{"database":{"database":"enwiki"}')).toBe("looking");
    expect(found('{"database":{"database":"enwiki"}}')).toBe("none");
  });

  it("refuses a second value that is another one", () => {
    expect(found('{"database":"enwiki","database":"dewiki"}')).toBe("conflict");
    expect(found('{"database":"enwiki","database":"enwikis"')).toBe("conflict");
    expect(found('{"database":"enwiki","database":"enwik"')).toBe("conflict");
    expect(found('{"database":"1","database":1}')).toBe("conflict");
    expect(found('{"database":null,"database":"enwiki"}')).toBe("conflict");
    expect(found('{"database":[1,2],"database":[1,3]}')).toBe("conflict");
    expect(found('{"database":["a b"],"database":["ab"]}')).toBe("conflict");
  });

  it("takes the same value twice", () => {
    expect(found('{"database":"enwiki","a":1,"database":"\\u0065nwiki"}')).toBe("text enwiki");
    expect(found('{"database":[1, "a b"],"database":[ 1,"a b" ]}')).toBe("none");
    expect(found('{"database":null,"database":null}')).toBe("none");
  });

  it("takes no text that is longer than a key, but compares it", () => {
    const key = "x".repeat(MAX_KEY);
    expect(found(`{"database":"${key}"}`)).toBe(`text ${key}`);
    expect(found(`{"database":"${key}y"}`)).toBe("none");
    expect(found(`{"database":"${key}y","database":"${key}y"}`)).toBe("none");
    expect(found(`{"database":"${key}y","database":"${key}z"}`)).toBe("conflict");
  });

  it("stops where this is no JSON; what was found stays", () => {
    expect(found("x")).toBe("none");
    expect(found('["database","enwiki"]')).toBe("none");
    expect(found('{"a":x,"database":"enwiki"}')).toBe("none");
    expect(found('{"a":"\\x","database":"enwiki"}')).toBe("none");
    expect(found('{"database":"enwiki"x"database":"dewiki"}')).toBe("text enwiki");
    expect(found('{"database":"enwiki"}{"database":"dewiki"}')).toBe("text enwiki");
  });

  it("is over where no more bytes can change the status", () => {
    const state = newState();
    scan(state, '{"database":null,');
    expect<bool>(isJobOver(state)).toBe(false);
    expect<u32>(scan(state, '"database":"enwiki"')).toBe(JOB_CONFLICT);
    expect<bool>(isJobOver(state)).toBe(true);
    const found = newState();
    scan(found, '{"database":"enwiki"');
    expect<bool>(isJobOver(found)).toBe(false);
    scan(found, "}");
    expect<bool>(isJobOver(found)).toBe(true);
  });

  it("goes on after what only a parser refuses", () => {
    expect(found('{"a":TRUE,"b":False,"c":nULL,"database":"enwiki"}')).toBe("text enwiki");
    expect(found('{"a":1-2e..,"b":[1 2,,:x},"database":"enwiki"}')).toBe("text enwiki");
  });

  it("scans many bodies side by side", () => {
    const one = newState();
    const two = newState();
    scan(one, '{"data');
    scan(two, '{"database":"de');
    expect<u32>(scan(one, 'base":"enwiki"')).toBe(JOB_TEXT);
    expect<u32>(scan(two, 'wiki"')).toBe(JOB_TEXT);
    expect(textAt(jobValue(one), jobValueLength(one))).toBe("enwiki");
    expect(textAt(jobValue(two), jobValueLength(two))).toBe("dewiki");
  });
});
