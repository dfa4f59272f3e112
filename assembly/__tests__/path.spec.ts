/** The path as the rules see it. */
import * as arena from "../arena";
import * as path from "../path";
import { readPath } from "../path";
import { bytesOf, textAt } from "./ascii";

function read(text: string): string {
  arena.reset();
  readPath(bytesOf(text), text.length);
  return textAt(path.path, path.pathLength);
}

describe("readPath", () => {
  it("leaves a plain path as it is", () => {
    expect(read("/w/api.php")).toBe("/w/api.php");
    expect(read("/")).toBe("/");
    expect(read("/a/")).toBe("/a/");
    expect(read("")).toBe("");
    expect(read("*")).toBe("*");
    expect(read("a%2Fb//c")).toBe("a%2Fb//c");
    expect(read("/a.b/c..d")).toBe("/a.b/c..d");
  });

  it("decodes once, merges slashes, resolves dots", () => {
    expect(read("/%77/api.php")).toBe("/w/api.php");
    expect(read("/w%2fapi.php")).toBe("/w/api.php");
    expect(read("/%2577")).toBe("/%77");
    expect(read("/%zz/%4")).toBe("/%zz/%4");
    expect(read("//w///api.php")).toBe("/w/api.php");
    expect(read("/a/../w/./api.php")).toBe("/w/api.php");
    expect(read("/a/%2e%2E/w/api.php")).toBe("/w/api.php");
    expect(read("/a/b/..")).toBe("/a/");
    expect(read("/a/..")).toBe("/");
    expect(read("/../..")).toBe("/");
    expect(read("/..a/.b/...")).toBe("/..a/.b/...");
    expect(read("/a/.")).toBe("/a/");
    expect(read("/a//")).toBe("/a/");
    expect(read("//")).toBe("/");
  });
});
