/** However a path is written it reaches the deployment that its plain form does, and upstream gets its path as it should. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { sendRaw } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { type Started, start } from "./farm.ts";

let farm: Started;
beforeAll(async () => {
  farm = await start();
});
afterAll(() => farm?.stop());

async function raw(requestLine: string, host = "en.wiki.example"): Promise<Seen | number> {
  const response = await sendRaw(
    farm.envoy.port,
    `${requestLine}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
  return response.status === 200 ? (JSON.parse(response.body) as Seen) : response.status;
}

const API = "api-1.47.0-wmf.1";
const WEB = "web-1.47.0-wmf.1";

test.each([
  // The target as it is sent, and as upstream gets it.
  ["/w/api.php", "/w/api.php"],
  ["/w/api.php?action=query&titles=A//B", "/w/api.php?action=query&titles=A//B"],
  ["/w/api.php?x=/../../wiki/A", "/w/api.php?x=/../../wiki/A"],
  ["/w/api.php/x", "/w/api.php/x"],
  ["//w//api.php", "//w//api.php"],
  ["/w/./api.php", "/w/api.php"],
  ["/wiki/../w/api.php", "/w/api.php"],
  ["/wiki/%2e%2e/w/api.php", "/w/api.php"],
  ["/wiki/.%2E/w/api.php", "/w/api.php"],
  ["/../../w/api.php", "/w/api.php"],
  ["/w%2Fapi.php", "/w%2Fapi.php"],
  ["/w/%61pi.php", "/w/api.php"],
  ["/w/api%2Ephp", "/w/api.php"],
  ["/x%2F..%2Fw/api.php", "/x%2F..%2Fw/api.php"],
  ["http://en.wiki.example/w/api.php?a=b", "/w/api.php?a=b"],
])("%s is the API's", async (sent, seen) => {
  expect(await raw(`GET ${sent} HTTP/1.1`)).toMatchObject({ cluster: API, path: seen });
});

test.each([
  ["/wiki/AC%2FDC", "/wiki/AC%2FDC"],
  ["/wiki/A//B", "/wiki/A//B"],
  ["/wiki/100%25_w%2Fapi.php", "/wiki/100%25_w%2Fapi.php"],
  ["/wiki/%E4%BD%A0%E5%A5%BD?action=raw", "/wiki/%E4%BD%A0%E5%A5%BD?action=raw"],
  ["/w/api.phpx", "/w/api.phpx"],
  ["/W/api.php", "/W/api.php"],
  ["/?/w/api.php", "/?/w/api.php"],
  ["/w/api.php%3F", "/w/api.php%3F"],
  ["/w/%2561pi.php", "/w/%2561pi.php"],
])("%s is none of the API's", async (sent, seen) => {
  expect(await raw(`GET ${sent} HTTP/1.1`)).toMatchObject({ cluster: WEB, path: seen });
});

test("the host of an absolute target wins, for the filter and the upstream alike", async () => {
  expect(await raw("GET http://test.wiki.example/w/api.php HTTP/1.1")).toMatchObject({
    cluster: "api-1.47.0-wmf.2",
    host: "test.wiki.example",
  });
  expect(await raw("GET HTTP://TEST.wiki.example:80/wiki/A HTTP/1.1")).toMatchObject({
    cluster: "web-1.47.0-wmf.2",
  });
});

test("a fragment and a broken escape are as Envoy has them", async () => {
  expect(await raw("GET /w/api.php#x HTTP/1.1")).toBe(400);
  expect(await raw("GET /w/api.php%zz HTTP/1.1")).toMatchObject({ cluster: WEB, path: "/w/api.php%zz" });
  expect(await raw("GET /w/api.php%00 HTTP/1.1")).toBe(400);
});

test("a gateway's request has its host in the path, and upstream gets the path as it came", async () => {
  const ask = async (path: string) => {
    const seen = (await raw(`GET ${path} HTTP/1.1`, "gateway.example")) as Seen;
    return [seen.cluster, seen.host, seen.path];
  };
  for (const path of [
    "/test.wiki.example/v1/page/A%2FB?x=1",
    "/Test.wiki.example/v1",
    "/be-tarask.wiki.example/v1/",
  ]) {
    expect(await ask(path)).toEqual(["web-1.47.0-wmf.2", "gateway.example", path]);
  }
  expect(await ask("/x/../test.wiki.example/v1/y")).toEqual([
    "web-1.47.0-wmf.2",
    "gateway.example",
    "/test.wiki.example/v1/y",
  ]);
  // Not under /v1, or no host at all: the gateway's own host, which is no wiki's.
  for (const path of [
    "/test.wiki.example/v2/y",
    "/test.wiki.example/v1x",
    "//test.wiki.example/v1/y",
    "/v1/y",
  ]) {
    expect(await ask(path)).toEqual([WEB, "gateway.example", path]);
  }
});

test("a wiki that the path carries is found in the path that upstream gets", async () => {
  expect(await raw("GET /testwiki/x HTTP/1.1", "files.wiki.example")).toMatchObject({
    cluster: "web-1.47.0-wmf.2",
  });
  expect(await raw("GET /enwiki/../testwiki/x HTTP/1.1", "files.wiki.example")).toMatchObject({
    cluster: "web-1.47.0-wmf.2",
    path: "/testwiki/x",
  });
});
