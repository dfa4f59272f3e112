/**
 * etcd's JSON gateway: calls of its v3 API, each within a time and a number of bytes, at whichever endpoint answers.
 *
 * Node's own `fetch` takes neither a CA nor a client's certificate, so this is `node:https`.
 */
import http from "node:http";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";
import { visibleOnLine } from "../visible.ts";
import type { EtcdPlace } from "./etcd-place.ts";
import { StoreAway } from "./store.ts";

/** A page of a history, or a table: etcd itself takes 1.5 MiB in a request unless it is told otherwise. */
const ANSWER_BYTES_AT_MOST = 64 * 2 ** 20;
const WATCH_BYTES_AT_MOST = 8 * 2 ** 20;
const WATCH_ALIVE_MS = 10_000;
const RECONNECT_MS = 250;
const RECONNECT_AT_MOST_MS = 5_000;

/** Of gRPC. */
const CODE = { invalid: 3, deadline: 4, notFound: 5, denied: 7, exhausted: 8, unavailable: 14, noToken: 16 };

const failureSchema = z.looseObject({ code: z.int(), message: z.string() });
const tokenSchema = z.looseObject({ token: z.string().min(1).max(10_000) });

/** etcd has said no. */
export class EtcdRefusal extends Refusal {
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }

  get isTooLarge(): boolean {
    return /too large|larger than max/.test(this.message);
  }

  get isNotFound(): boolean {
    return this.code === CODE.notFound;
  }
}

/** What one endpoint said. `unclear`: it may have done it. */
type Said = { status: number; text: string } | { error: string; unclear: boolean };

export class EtcdClient {
  private readonly agent: http.Agent;
  private token: string | null = null;
  /** Of the endpoints, the one that answered last. */
  private preferred = 0;

  /** @param timeoutMs for one call to one endpoint */
  constructor(
    readonly place: EtcdPlace,
    private readonly timeoutMs: number,
  ) {
    const { tls, endpoints } = place;
    // Idle connections hold no process.
    const options = { keepAlive: true, maxSockets: 64, timeout: 60_000 };
    this.agent =
      endpoints[0]!.protocol === "https:" ? new https.Agent({ ...options, ...tls }) : new http.Agent(options);
  }

  /**
   * What etcd answers, at the first endpoint that does.
   * @param path as `kv/range`
   * @param what the key that it is about, for errors
   * Throws StoreAway, EtcdRefusal.
   */
  async call<T>(path: string, body: object, schema: z.ZodType<T>, what: string): Promise<T> {
    const { user } = this.place;
    if (user !== null && this.token === null) await this.authenticate();
    const { status, text } = await this.any(path, body, what);
    if (status === 200) return this.parsed(schema, text, what);
    const { code, message } = this.failure(status, text, what);
    // A token lives for some minutes, and dies with a restart, or when users or roles change.
    const isOld = code === CODE.noToken || /auth store is old|invalid auth token/.test(message);
    if (user === null || !isOld) throw this.refusal(code, message, what);
    await this.authenticate();
    const second = await this.any(path, body, what);
    if (second.status === 200) return this.parsed(schema, second.text, what);
    const still = this.failure(second.status, second.text, what);
    throw this.refusal(still.code, still.message, what);
  }

  /** Calls `hint` whenever what lies under the key changes; it may miss something. Ends with the signal. */
  async watch(key: string, hint: () => void, signal: AbortSignal): Promise<void> {
    let wait = RECONNECT_MS;
    for (let at = this.preferred; !signal.aborted; at++) {
      const since = Date.now();
      await this.watchOnce(at % this.place.endpoints.length, key, hint, signal);
      if (Date.now() - since > RECONNECT_AT_MOST_MS) wait = RECONNECT_MS;
      // A token may be the reason.
      this.token = null;
      await sleep(wait * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
      wait = Math.min(2 * wait, RECONNECT_AT_MOST_MS);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private async watchOnce(at: number, key: string, hint: () => void, signal: AbortSignal): Promise<void> {
    try {
      if (this.place.user !== null && this.token === null) await this.authenticate();
    } catch {
      return; // whoever polls hears why
    }
    const body = JSON.stringify({ create_request: { key: base64(key) } });
    await new Promise<void>((resolve) => {
      const request = this.request(at, "watch", body, (response) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          // What changed is read anew, in bounds; here only that something did.
          if (bytes > WATCH_BYTES_AT_MOST) request.destroy();
          hint();
        });
        response.on("error", () => {});
        response.on("close", resolve);
      });
      // Else the end of a machine that lost its power is never heard.
      request.on("socket", (socket) => socket.setKeepAlive(true, WATCH_ALIVE_MS));
      const end = () => request.destroy();
      signal.addEventListener("abort", end, { once: true });
      request.on("error", () => {});
      request.on("close", () => {
        signal.removeEventListener("abort", end);
        resolve();
      });
    });
  }

  private async authenticate(): Promise<void> {
    const { user, name } = this.place;
    this.token = null;
    const body = { name: user!.name, password: user!.password };
    const { status, text } = await this.any("auth/authenticate", body, name);
    if (status !== 200) {
      const { code, message } = this.failure(status, text, name);
      throw new EtcdRefusal(`${name}: etcd does not take user ${user!.name}: ${message}`, code);
    }
    this.token = this.parsed(tokenSchema, text, name).token;
  }

  /** Of the endpoints, beginning with the one that answered last. Throws StoreAway. */
  private async any(path: string, body: object, what: string): Promise<{ status: number; text: string }> {
    const { endpoints } = this.place;
    const text = JSON.stringify(body);
    const errors: string[] = [];
    let isUnclear = false;
    const first = this.preferred;
    for (let i = 0; i < endpoints.length; i++) {
      const at = (first + i) % endpoints.length;
      const said = await this.one(at, path, text);
      if (!("error" in said)) {
        this.preferred = at;
        return said;
      }
      errors.push(`${endpoints[at]!.host}: ${said.error}`);
      isUnclear ||= said.unclear;
    }
    throw new StoreAway(`${what}: etcd does not answer: ${errors.join("; ")}`, isUnclear);
  }

  private one(at: number, path: string, body: string): Promise<Said> {
    return new Promise((resolve) => {
      let sent = false;
      const fail = (error: string) => {
        resolve({ error, unclear: sent });
        request.destroy();
      };
      const request = this.request(at, path, body, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_AT_MOST)
            fail(`its answer has more than ${ANSWER_BYTES_AT_MOST >> 20} MiB`);
          else chunks.push(chunk);
        });
        response.on("error", () => fail("its answer breaks off"));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          const why = status === 200 ? null : memberAway(status, text);
          resolve(why === null ? { status, text } : { error: why, unclear: true });
        });
      });
      request.on("socket", (socket) => {
        if (socket.connecting) socket.once("connect", () => (sent = true));
        else sent = true;
      });
      const timer = setTimeout(() => fail(`no answer within ${this.timeoutMs / 1000} s`), this.timeoutMs);
      request.on("error", (error: NodeJS.ErrnoException) => {
        // A connection that was kept, and of which the other end knows nothing since its restart.
        if (request.reusedSocket && error.code === "ECONNRESET") resolve(this.one(at, path, body));
        else fail(`it does not answer: ${reason(error, "connect")}`);
      });
      request.on("close", () => clearTimeout(timer));
    });
  }

  private request(
    at: number,
    path: string,
    body: string,
    heard: (response: http.IncomingMessage) => void,
  ): http.ClientRequest {
    const url = new URL(`/v3/${path}`, this.place.endpoints[at]);
    const { request } = url.protocol === "https:" ? https : http;
    const headers: http.OutgoingHttpHeaders = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    if (this.token !== null && path !== "auth/authenticate") headers.authorization = this.token;
    // A watch goes on for hours, and has a connection of its own.
    const agent = path === "watch" ? { agent: false as const, ...this.place.tls } : { agent: this.agent };
    const made = request(url, { method: "POST", headers, ...agent }, heard);
    made.end(body);
    return made;
  }

  private parsed<T>(schema: z.ZodType<T>, text: string, what: string): T {
    const { success, data } = schema.safeParse(json(text));
    if (success) return data;
    throw new Refusal(`${what}: this is no answer of etcd's v3 API; is it an etcd, 3.4 or later?`);
  }

  private failure(status: number, text: string, what: string): { code: number; message: string } {
    const { success, data } = failureSchema.safeParse(json(text));
    if (!success)
      throw new Refusal(
        `${what}: no etcd of version 3.4 or later is there: it answers with status ${status}`,
      );
    return { code: data.code, message: visibleOnLine(data.message.slice(0, 500)) };
  }

  private refusal(code: number, message: string, what: string): EtcdRefusal {
    const { user, prefix } = this.place;
    const who = user === null ? "nobody: say who we are, by ETCDCTL_USER and ETCDCTL_PASSWORD" : user.name;
    const isNobody = /user name is empty/.test(message);
    const wayOut =
      code === CODE.denied || isNobody
        ? ` (we are ${who}; it needs readwrite on what begins with ${prefix}/)`
        : /space exceeded/.test(message)
          ? " (compact and defragment etcd, then `etcdctl alarm disarm`)"
          : "";
    return new EtcdRefusal(`${what}: etcd refuses: ${message}${wayOut}`, code);
  }
}

/** A member that is there and has no leader, or not in time: another one may. null: it has answered. */
function memberAway(status: number, text: string): string | null {
  const { success, data } = failureSchema.safeParse(json(text));
  if (!success) return status >= 500 ? `it answers with status ${status}` : null;
  const isAway = data.code === CODE.unavailable || data.code === CODE.deadline;
  return isAway ? visibleOnLine(data.message.slice(0, 200)) : null;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString("base64");
