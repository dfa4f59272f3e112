/** Lines of a file of hosts, good and bad. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { readHostsFile } from "./hosts-file.ts";

const fileOf = (text: string | Buffer) => join(folderOf({ "hosts.tsv": text }), "hosts.tsv");
const hostsIn = (text: string) => readHostsFile(fileOf(text)).hosts;
const problems = (text: string | Buffer) => {
  const file = fileOf(text);
  return problemsOf(() => readHostsFile(file)).map((each) => each.replaceAll(file, "hosts.tsv"));
};

describe("a file of hosts", () => {
  test("tells hosts, wikis and lines, with comments, blank lines and white space around", () => {
    const file = fileOf("\u{feff}# ours\n\na.example\tawiki\n b.example \t Acme-3 # ours too\r\n");
    expect(readHostsFile(file)).toEqual({
      hosts: ["a.example", "b.example"],
      wikis: ["awiki", "Acme-3"],
      lines: [3, 4],
    });
  });

  test.each([
    ["", "hosts.tsv: the file has no host: write it again, or leave `hosts-file` out of the farm"],
    ["\n \n", "hosts.tsv: the file has no host"],
    ["# hosts of the farm\n# to be written\n", "hosts.tsv: the file has no host"],
    ["# a comment\ra.example\tawiki\r", "hosts.tsv:1: `# a comment\\ra.example"],
    [
      "a.example\tawiki\nb.example\tbwi",
      "hosts.tsv:2: the last line has no newline at its end, so the file may be cut off",
    ],
    ["a.example\tawiki\n# b.exam", "hosts.tsv:2: the last line has no newline at its end"],
    ["a.example\tawiki\n\0\0\0\0", "hosts.tsv:2:1: a zero byte"],
    ["<<<<<<< HEAD\na.example\tawiki\n", "hosts.tsv:1: a merge conflict: keep one"],
    ["a.example\tawiki # x\rb.example\tbwiki\n", "hosts.tsv:1: `awiki # x\\rb.example"],
  ])("that a program spoilt (%j) is an error, not a farm without hosts", (text, message) => {
    expect(problems(text)).toEqual([expect.stringContaining(message)]);
  });

  test("loses no host unseen, wherever it is cut off", () => {
    const whole = "a.example\tawiki\nb.example\tbwikisource # b\n\nc.example\tbwiki\n";
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), (end) => {
        const text = whole.slice(0, end);
        if (text === "" || !text.endsWith("\n")) expect(problems(text)).not.toEqual([]);
        else expect(hostsIn(text)).toEqual(["a.example", "b.example"].slice(0, text.split("b.").length));
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ["a.example awiki", "`a.example awiki` is not a host, a tab and a wiki: put a tab between the two"],
    ["a b.example\tawiki", "a host has no spaces; between host and wiki there is one tab"],
    [
      "*.a.example\tawiki",
      'write a pattern in the farm\'s `hosts`, as `{ host: "*.a.example", wiki: awiki }`',
    ],
    ["A.example\tawiki", "`A.example` is not a host in lower case: write `a.example`"],
    ["a.example:8080\tawiki", "`a.example:8080` is not a host in lower case: leave out the port"],
    ["a.example.\tawiki", "leave out the dot at its end"],
    ["https://a.example/\tawiki", "write the host alone"],
    ["a..example\tawiki", "`a..example` is not a host in lower case: use letters, digits"],
    ["bücher_\u{200d}.example\tawiki", "is not a host in lower case: use letters, digits"],
    ["10.0.0.1\tawiki", "`10.0.0.1` is an IP address, and requests to addresses always pass through"],
    ["１.２.３.４\tawiki", "`１.２.３.４` is not a host in lower case"],
    ["__proto__\tawiki", "`__proto__` is not a host in lower case"],
    ["a.example\ta wiki", "`a wiki` is not a wiki ID: use letters"],
    ["a.example\tawiki\textra", "`awiki\\textra` is not a wiki ID"],
    ["\u{1b}[31m*\tawiki", "\\u{1b}[31m*"],
  ])("with the line %j says what is wrong, and the way out", (line, message) => {
    const said = problems(`ok.example\tokwiki\n${line}\n`);
    expect(said).toEqual([expect.stringMatching(/^hosts\.tsv:2: /)]);
    expect(said[0]).toContain(message);
    expect(said[0]).not.toContain("\u{1b}");
  });

  test("of which every line is wrong says so, and not a million times", () => {
    const said = problems("a.example,awiki\n".repeat(5000));
    expect(said).toHaveLength(1001);
    expect(said.at(-1)).toBe("hosts.tsv: and 4000 more problems");
  });

  // As tr46 has them: UTS 46, not transitional, with joiners and directions checked.
  test.each([
    ["bücher.example", "xn--bcher-kva.example"],
    ["faß.example", "xn--fa-hia.example"],
    ["βόλος.example", "xn--nxasmm1c.example"],
    ["例え.テスト", "xn--r8jz45g.xn--zckzah"],
    ["क्\u{200d}ष.example", "xn--11b2ezcw70k.example"],
    ["☕.example", "xn--53h.example"],
    ["مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["a_b.bücher.example", "a_b.xn--bcher-kva.example"],
    ["bu\u{308}cher.example", "xn--bcher-kva.example"],
  ])("stores %s as %s", (name, host) => {
    expect(hostsIn(`${name}\tawiki\n`)).toEqual([host]);
  });

  test("reads back whatever hosts are written", () => {
    const label = fc.string({ unit: fc.constantFrom(..."ab1-_"), minLength: 1, maxLength: 4 });
    const host = fc.array(label, { minLength: 2, maxLength: 3 }).map((labels) => labels.join("."));
    const around = fc.constantFrom("", " ", "  ");
    fc.assert(
      fc.property(fc.array(fc.tuple(host, around, around), { minLength: 1, maxLength: 6 }), (lines) => {
        const text = lines.map(([name, before, after]) => `${before}${name}${after}\tw\n`).join("");
        expect(hostsIn(text)).toEqual(lines.map(([name]) => name));
      }),
      { numRuns: 60 },
    );
  });
});
