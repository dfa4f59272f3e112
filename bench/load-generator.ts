/**
 * The bench's load generator: one request at a time on kept connections, written as bytes made before. It stays apart from
 * `send` of `scripts/envoy/request.ts`, whose own work would be a large part of the times that are measured.
 */
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { HttpResponse } from "../scripts/envoy/request.ts";

type Response = Pick<HttpResponse, "status" | "body">;

export class Connection {
  private waiting: { resolve: (response: Response) => void; reject: (error: Error) => void } | null = null;
  private received = "";

  private constructor(private readonly socket: net.Socket) {
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.read(chunk));
    socket.on("error", (error) => this.fail(error));
    socket.on("close", () => this.fail(new Error("the connection was closed")));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  exchange(request: Uint8Array): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) reject(new Error("the connection was closed"));
      this.waiting = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: string): void {
    this.received += chunk;
    const end = this.received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.received.slice(0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.received.length < end + 4 + length) return;
    const body = this.received.slice(end + 4, end + 4 + length);
    this.received = this.received.slice(end + 4 + length);
    const { resolve } = this.waiting ?? {};
    this.waiting = null;
    resolve?.({ status: Number(head.slice(9, 12)), body });
  }

  private fail(error: Error): void {
    const { reject } = this.waiting ?? {};
    this.waiting = null;
    reject?.(error);
  }
}

export interface Counts {
  requests: number;
  /** Not answered, or not with 200. */
  failed: number;
}

/** Sends the requests over and over, on each connection one after the other, until told to stop. */
export class ClosedLoop {
  readonly counts: Counts = { requests: 0, failed: 0 };
  private stopped = false;
  private readonly loops: Promise<void>[];

  /** @param heard is told the body of each response with status 200, and by the number of which connection it came */
  constructor(
    port: number,
    requests: readonly Uint8Array[],
    connections: number,
    heard: (connection: number, body: string) => void = () => {},
  ) {
    let next = 0;
    const take = () => requests[next++ % requests.length]!;
    this.loops = Array.from({ length: connections }, (_, n) =>
      this.run(port, take, (body) => heard(n, body)),
    );
  }

  private async run(port: number, take: () => Uint8Array, heard: (body: string) => void): Promise<void> {
    while (!this.stopped) {
      let connection: Connection | undefined;
      try {
        connection = await Connection.open(port);
        while (!this.stopped) {
          const { status, body } = await connection.exchange(take());
          this.counts.requests++;
          if (status === 200) heard(body);
          else this.counts.failed++;
        }
      } catch {
        this.counts.requests++;
        this.counts.failed++;
        await sleep(1);
      } finally {
        connection?.close();
      }
    }
  }

  async stop(): Promise<Counts> {
    this.stopped = true;
    await Promise.all(this.loops);
    return this.counts;
  }
}

/**
 * Sends at a fixed rate, whether answers come or not.
 * @returns the time of each answer in µs, sorted; a request that failed counts as Infinity
 */
export async function fixedRate(
  port: number,
  requests: readonly Uint8Array[],
  rate: number,
  seconds: number,
): Promise<number[]> {
  const idle: Connection[] = [];
  const open: Connection[] = [];
  const times: number[] = [];
  const running: Promise<void>[] = [];
  const one = async (request: Uint8Array) => {
    let connection = idle.pop();
    if (!connection) {
      connection = await Connection.open(port);
      open.push(connection);
    }
    const began = performance.now();
    const response = await connection.exchange(request).catch(() => null);
    times.push(response?.status === 200 ? (performance.now() - began) * 1000 : Number.POSITIVE_INFINITY);
    if (response) idle.push(connection);
  };
  try {
    const began = performance.now();
    const total = rate * seconds;
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * rate) + 1);
      for (; sent < due; sent++) running.push(one(requests[sent % requests.length]!));
      await sleep(1);
    }
    await Promise.all(running);
  } finally {
    for (const connection of open) connection.close();
  }
  return times.sort((a, b) => a - b);
}
