/** A server's certificates: taken at once, taken anew, and never given up for what is none. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { Server, type ServerCredentials } from "@grpc/grpc-js";
import { afterEach, expect, it } from "vitest";
import { certificates } from "../../test/support/certificates.ts";
import { folderOf } from "../../test/support/folder.ts";
import { credentialsOf } from "./certificates.ts";

let server: Server | null = null;
afterEach(() => server?.forceShutdown());

function listen(credentials: ServerCredentials): Promise<number> {
  server = new Server();
  return new Promise((resolve, reject) =>
    server!.bindAsync("127.0.0.1:0", credentials, (error, port) => (error ? reject(error) : resolve(port))),
  );
}

/** Of the certificate that the server shows; null: it shows none. */
function serialAt(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    const end = (serial: string | null) => {
      socket.destroy();
      resolve(serial);
    };
    socket.once("secureConnect", () => end(socket.getPeerCertificate().serialNumber));
    socket.once("error", () => end(null));
    socket.once("close", () => end(null));
  });
}

/** Two servers' certificates, in folders of one. */
function made() {
  const folder = folderOf({});
  const of = (name: string) => {
    mkdirSync(join(folder, name));
    return certificates(join(folder, name));
  };
  return [of("first"), of("second")] as const;
}

it.each([false, true])(
  "are shown from the first connection on; clients are asked for theirs: %s",
  async (asked) => {
    const [{ cert, key, ca }] = made();
    const port = await listen(credentialsOf({ cert, key, clientCa: asked ? ca : null }, () => {}));
    expect(await serialAt(port)).toMatch(/^[0-9A-F]+$/);
  },
);

it("are taken anew while it runs, and kept where what was written is none", async () => {
  const [first, second] = made();
  const said: string[] = [];
  const files = { cert: first.cert, key: first.key, clientCa: null };
  const port = await listen(credentialsOf(files, (why) => said.push(why), 20));
  const before = await serialAt(port);
  writeFileSync(first.key, "half a k");
  await expect.poll(() => said.length).toBe(1);
  expect(said[0]).toContain("no certificate with its key");
  expect(await serialAt(port)).toBe(before);
  copyFileSync(second.cert, first.cert);
  copyFileSync(second.key, first.key);
  await expect.poll(() => serialAt(port)).not.toBe(before);
  expect(await serialAt(port)).not.toBeNull();
});
