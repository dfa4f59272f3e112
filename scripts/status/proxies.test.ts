/** The list of proxies that are expected. */
import { describe, expect, it } from "vitest";
import { parseProxies, parseProxy } from "./proxies.ts";

const read = (text: string) => parseProxies(text, "proxies.txt");

describe("a list of proxies", () => {
  it("has one a line, with its listeners, and comments", () => {
    const list = read(
      "# ours\r\nhttp://10.0.0.1:9901  edge mesh edge # the first\n\n\thttps://h.example/_stats?x=1#y\n",
    );
    expect(list.map(({ name, listeners }) => [name, listeners])).toEqual([
      ["http://10.0.0.1:9901", ["edge", "mesh"]],
      ["https://h.example/_stats?x=1#y", []],
    ]);
    expect(list[0]!.url.href).toMatch(/^http:\/\/10\.0\.0\.1:9901\/stats\?format=json&filter=/);
    expect(list[1]!.url.pathname + list[1]!.url.search).toBe("/_stats?x=1");
    expect(read("\n# nothing\n")).toEqual([]);
  });

  it("says who a proxy is that does not say so itself", () => {
    const text = "http://h.example/_stats node=ats-1 mesh cluster=edge locality=eu/esams";
    const node = { id: "ats-1", cluster: "edge", locality: "eu/esams" };
    expect(parseProxy(text)).toMatchObject({ node, listeners: ["mesh"], admin: null });
    expect(parseProxy("http://h.example node=a=b")).toMatchObject({
      node: { id: "a=b", cluster: "", locality: "" },
      admin: new URL("http://h.example"),
    });
    for (const wrong of ["node=", "node=a node=b", "cluster=a"])
      expect(parseProxy(`http://h.example ${wrong}`)).toMatch(/say node= once|belong to node=/);
  });

  it("is refused with the place of every line that is wrong", () => {
    const wrong =
      "http://a.example\n10.0.0.1:9901\nftp://x\nhttp://\nhttp://a.example/\nhttp://me:secret@b.example";
    expect(() => read(wrong)).toThrow(
      /^proxies\.txt:2: `10\.0\.0\.1:9901` is no proxy: a proxy looks like http:/m,
    );
    for (const line of [
      "3: `ftp://x`",
      "4: `http://`",
      "5: `http://a.example/` is there twice",
      "6: the proxy `b.example`",
    ])
      expect(() => read(wrong)).toThrow(`proxies.txt:${line}`);
    expect(() => read(wrong)).not.toThrow("secret");
  });

  it.each(["", "localhost:9901", "http://a b c:d"])("or a proxy alone: %j", (text) => {
    const proxy = parseProxy(text);
    if (text === "http://a b c:d") expect(proxy).toMatchObject({ name: "http://a", listeners: ["b", "c:d"] });
    else expect(proxy).toContain("is no proxy");
  });
});
