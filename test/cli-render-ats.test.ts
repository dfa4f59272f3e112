/** `pointsman render ats`: what it writes, and that `--check` refuses what ATS would go on without. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, packSmall, read, run, SMALL, setUpCli } from "./support/cli.ts";

setUpCli();

const ORIGINS = ["--clusters", "{cluster}.svc.example:8080"];
const render = (...more: string[]) => run(["render", "ats", ...SMALL, ...ORIGINS, ...more]);
const check = (name: string) => run(["render", "ats", "--check", name]);

it("writes all that ATS needs, and the filter", () => {
  const { code, out, err } = render("--out", "ats");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(
    out
      .split("\n")
      .filter(Boolean)
      .map((name) => name.replace("ats/", "")),
  ).toEqual([
    "pointsman.wasm",
    "records.yaml",
    "plugin.config",
    "pointsman-guard.config",
    "remap.config",
    "pointsman-clusters.config",
    "pointsman-stats.config",
    "pointsman.yaml",
  ]);
  expect(read("ats/plugin.config").toString()).toContain(`stats_over_http.so "${join(folder, "ats")}/`);
  expect(check("ats/pointsman.yaml")).toEqual({
    code: 0,
    out: "ats/pointsman.yaml: ATS takes it\n",
    err: "",
  });
});

it("prints the same, and warns of clusters without an address", () => {
  const { code, out, err } = run(["render", "ats", ...SMALL, "--fallback", "old.svc:80"]);
  expect(code).toBe(0);
  expect(out).toContain("# remap.config\nmap / http://old.svc:80/ ");
  expect(err).toContain("warning: no address for mw-web-1-46-0, so its requests get a 503");
});

it("has a folder on the proxy's machine that is told whole", () => {
  const { code, err } = render("--root", "etc");
  expect({ code, err }).toEqual({
    code: 1,
    err: "--root etc: must begin with /, as stats_over_http knows no folder\n",
  });
});

it("is one listener's", () => {
  const { code, err } = render("--listener", "a=1", "--listener", "b=2");
  expect({ code, err }).toEqual({
    code: 1,
    err: "one ATS is one listener: render each into a folder of its own\n",
  });
});

describe("--check", () => {
  it("says of a table and of the filter's YAML whether ATS would take them", () => {
    packSmall("small.table");
    expect(check("small.table")).toEqual({ code: 0, out: "small.table: ATS takes it\n", err: "" });
    writeFileSync(join(folder, "half.table"), read("small.table").subarray(0, 300));
    expect(check("half.table")).toEqual({
      code: 1,
      out: "",
      err: "half.table: 300 bytes, but its header says 1566: cut short or padded\n",
    });
  });
});
