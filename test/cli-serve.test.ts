/** `pointsman serve` by its options: where it listens, and who may ask. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChannelCredentials, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import type { ServeStatus } from "../scripts/serve/http.ts";
import { certificates } from "./support/certificates.ts";
import { folder, run, SMALL, setUpCli } from "./support/cli.ts";
import { Served } from "./support/fleet.ts";
import { freePort } from "./support/free-port.ts";
import { XdsClient } from "./support/xds-client.ts";

setUpCli();

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function serve(port: number, ...options: string[]): Promise<Served> {
  const served = await Served.of(folder, "store", ["--listen", String(port), ...options]);
  ended.push(() => served.stop());
  return served;
}

function connect(port: number, credentials?: ChannelCredentials): XdsClient {
  const client = new XdsClient(port, credentials);
  ended.push(() => client.close());
  client.ask({}, ["main"]);
  return client;
}

const push = () =>
  run(["push", ...SMALL, "--store", "store", "--yes", "--reason", "x"], { env: { POINTSMAN_WHO: "me" } });

describe("what is wrong with its options is said at once", () => {
  it.each<[string, string[], string, number]>([
    ["a key alone", ["--tls-key", "x"], "--tls-cert and --tls-key belong together", 1],
    ["names without certificates", ["--client", "x"], "--client-ca and --client need TLS", 1],
    [
      "a certificate that is none",
      ["--tls-cert", "farm/farm.yaml", "--tls-key", "farm/farm.yaml"],
      "no certificate with its key",
      1,
    ],
    ["a file that is not there", ["--tls-cert", "no.pem", "--tls-key", "no.key"], "no.pem", 1],
    ["no address", ["--listen", "x:y"], "ADDRESS:PORT", 2],
    [
      "an address of another machine",
      ["--listen", "192.0.2.1:0", "--http", "0"],
      "192.0.2.1:0: cannot listen there",
      1,
    ],
  ])("%s", (_, options, message, code) => {
    const ran = run(["serve", "--store", "store", ...options]);
    expect([ran.code, ran.err]).toEqual([code, expect.stringContaining(message)]);
  });
});

describe("with TLS", () => {
  it("only clients with one of the names get a table", async () => {
    const { ca, cert, key, clientCert, clientKey } = certificates(folder);
    const tls = ["--tls-cert", cert, "--tls-key", key, "--client-ca", ca];
    push();
    const pem = (file: string) => readFileSync(file);
    const withCert = ChannelCredentials.createSsl(pem(ca), pem(clientKey), pem(clientCert));
    const without = ChannelCredentials.createSsl(pem(ca));
    const port = await freePort();
    const served = await serve(port, ...tls, "--client", "proxy.example.org");
    const other = connect(port, withCert);
    await expect.poll(() => other.error?.code).toBe(status.PERMISSION_DENIED);
    for (const client of [connect(port, without), connect(port)]) {
      await expect.poll(() => client.error?.code).toBe(status.UNAVAILABLE);
      expect(client.sent).toEqual([]);
    }
    await served.stop();
    await serve(port, ...tls, "--client", "proxy.example.org", "--client", "client");
    const good = connect(port, withCert);
    await expect.poll(() => good.sent.length).toBe(1);
  });
});

it("an authority that is no certificate is refused at the start", () => {
  const { cert, key } = certificates(folder);
  push();
  const tls = ["--tls-cert", cert, "--tls-key", key, "--client-ca", "farm/farm.yaml"];
  const ran = run(["serve", "--store", "store", "--listen", "0", "--http", "0", ...tls]);
  expect([ran.code, ran.err]).toEqual([
    1,
    expect.stringContaining("farm/farm.yaml: no certificate of an authority"),
  ]);
});

it("starts from its last good copy where the store is away, and says so", async () => {
  push();
  const port = await freePort();
  const first = await serve(port, "--cache", "cache");
  const before = connect(port);
  await expect.poll(() => before.sent.length).toBe(1);
  await first.stop();
  // Whatever stands there now is no store.
  const damaged = join(folder, "store/rollout.json");
  writeFileSync(damaged, "{");
  const again = await serve(port, "--cache", "cache");
  const client = connect(port);
  await expect.poll(() => client.sent.length).toBe(1);
  expect((await again.status<ServeStatus>()).store.trouble).toMatchObject({
    kind: "damaged",
    why: expect.stringContaining("rollout.json"),
  });
  expect(await again.get("/healthz")).toMatchObject({ status: 200, body: expect.stringContaining("since") });
  expect(again.said).toContain("rollout.json");
});

it("without anything to serve it is not well", async () => {
  const served = await serve(await freePort());
  await expect.poll(async () => (await served.get("/healthz")).body).toContain("nothing is pushed there");
  expect((await served.get("/healthz")).status).toBe(503);
});
