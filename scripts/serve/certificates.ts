/** A server's certificates: read from files now and then, and the last good ones kept where what lies there is none. */

import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import { Refusal } from "../refusal.ts";
import { readBytes } from "../sources/files.ts";
import { SourceError } from "../sources/problem.ts";

/** PEM files. */
export interface CertificateFiles {
  cert: string;
  key: string;
  /** Who signs the certificates of clients, which then must show one; null: nobody is asked for one. */
  clientCa: string | null;
}

const PEM_BYTES_AT_MOST = 2 ** 20;
/** How soon files that were written anew are taken. */
const POLL_MS = 60_000;

interface Pems {
  cert: Buffer;
  key: Buffer;
  ca: Buffer | null;
}

type Provider = experimental.CertificateProvider;
type CaListener = Parameters<Provider["addCaCertificateListener"]>[0];
type IdentityListener = Parameters<Provider["addIdentityCertificateListener"]>[0];

/**
 * Throws Refusal, SourceError where they cannot be used now.
 * @param say hears why files that were written since cannot
 */
export function credentialsOf(
  files: CertificateFiles,
  say: (why: string) => void,
  pollMs = POLL_MS,
): ServerCredentials {
  const provider = new Certificates(files, read(files), say, pollMs);
  const ca = files.clientCa === null ? null : provider;
  // In this order, whatever its types call them: whose certificate it is, and then whom it trusts.
  return experimental.createCertificateProviderServerCredentials(provider, ca, ca !== null);
}

function read({ cert, key, clientCa }: CertificateFiles): Pems {
  const pem = (file: string) => readBytes(file, { file }, PEM_BYTES_AT_MOST);
  const pems = { cert: pem(cert), key: pem(key), ca: clientCa === null ? null : pem(clientCa) };
  try {
    createSecureContext({ cert: pems.cert, key: pems.key });
  } catch (error) {
    throw new Refusal(`${cert}, ${key}: no certificate with its key: ${(error as Error).message}`);
  }
  try {
    // Node takes any text for an authority, and then no client.
    if (pems.ca !== null) new X509Certificate(pems.ca);
  } catch (error) {
    throw new Refusal(`${clientCa}: no certificate of an authority: ${(error as Error).message}`);
  }
  return pems;
}

class Certificates implements Provider {
  private readonly caListeners = new Set<CaListener>();
  private readonly identityListeners = new Set<IdentityListener>();
  private timer: NodeJS.Timeout | null = null;
  private said = "";

  constructor(
    private readonly files: CertificateFiles,
    private pems: Pems,
    private readonly say: (why: string) => void,
    private readonly pollMs: number,
  ) {}

  addCaCertificateListener(listener: CaListener): void {
    this.caListeners.add(listener);
    this.watch(() => this.tellCa(listener));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.caListeners.delete(listener);
    this.unwatch();
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.identityListeners.add(listener);
    this.watch(() => this.tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.identityListeners.delete(listener);
    this.unwatch();
  }

  private watch(tell: () => void): void {
    // Not while the listener is still being added.
    process.nextTick(tell);
    this.timer ??= setInterval(() => this.look(), this.pollMs).unref();
  }

  private unwatch(): void {
    if (this.caListeners.size + this.identityListeners.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private look(): void {
    const { cert, key, ca } = this.pems;
    let trouble = "";
    try {
      this.pems = read(this.files);
    } catch (error) {
      // It may be half written: the next look has it.
      if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
      trouble = error.message;
    }
    if (trouble !== "" && trouble !== this.said) this.say(trouble);
    this.said = trouble;
    if (cert.equals(this.pems.cert) && key.equals(this.pems.key) && (ca?.equals(this.pems.ca!) ?? true))
      return;
    for (const listener of this.caListeners) this.tellCa(listener);
    for (const listener of this.identityListeners) this.tellIdentity(listener);
  }

  private tellCa(listener: CaListener): void {
    listener({ caCertificate: this.pems.ca! });
  }

  private tellIdentity(listener: IdentityListener): void {
    listener({ certificate: this.pems.cert, privateKey: this.pems.key });
  }
}
