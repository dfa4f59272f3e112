/** Certificates for tests, made by openssl for two days. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
/** By itself. */
const SIGNED = ["req", "-x509", ...KEY, "-days", "2"];

function openssl(folder: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  if (error || status !== 0) throw new Error(`openssl ${args[0]}: ${error ?? stderr}`);
}

/** One that is its own CA: `NAME.pem` and `NAME.key` in the folder. @param hosts its names, as `*.wiki.example` */
export function selfSigned(
  folder: string,
  name: string,
  hosts: readonly string[],
): { cert: Buffer; key: Buffer } {
  const names = `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(",")}`;
  const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
  openssl(folder, ...SIGNED, ...files, "-subj", `/CN=${name}`, "-addext", names);
  return { cert: readFileSync(join(folder, `${name}.pem`)), key: readFileSync(join(folder, `${name}.key`)) };
}

/** A CA, a server's certificate for 127.0.0.1 and a client's, made by openssl in the folder. */
export function certificates(
  folder: string,
): Record<"ca" | "cert" | "key" | "clientCert" | "clientKey", string> {
  const file = (name: string) => join(folder, name);
  openssl(folder, ...SIGNED, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA");
  for (const [name, more] of [
    ["server", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth"],
    ["client", "extendedKeyUsage=clientAuth"],
  ] as const) {
    writeFileSync(file(`${name}.ext`), more);
    openssl(folder, "req", ...KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    const at = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`];
    openssl(folder, "x509", "-req", ...at, ...by);
  }
  return {
    ca: file("ca.pem"),
    cert: file("server.pem"),
    key: file("server.key"),
    clientCert: file("client.pem"),
    clientKey: file("client.key"),
  };
}
