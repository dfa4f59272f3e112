/** Origins for ATS, one a cluster: each takes any request that ATS may send, whatever its method, and says it was seen. */
import net from "node:net";

/** A request as an origin got it. */
export interface Seen {
  cluster: string;
  /** Method, target and version. */
  line: string;
  /** Names in lower case, exactly as often as they came. */
  headers: [name: string, value: string][];
}

export interface Origins {
  ports: ReadonlyMap<string, number>;
  /** Requests so far, by the value of their header `x-question`. */
  seen: Map<string, Seen>;
  stop(): Promise<void>;
}

/** @param says lines of every answer's head */
export async function startOrigins(clusters: Iterable<string>, says: string[] = []): Promise<Origins> {
  const seen = new Map<string, Seen>();
  const servers: net.Server[] = [];
  const sockets = new Set<net.Socket>();
  const ports = new Map<string, number>();
  for (const cluster of new Set(clusters)) {
    const server = net.createServer((socket) => {
      sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => {}));
      serve(socket, (request) => seen.set(questionOf(request), { cluster, ...request }), says);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
    ports.set(cluster, (server.address() as net.AddressInfo).port);
  }
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  return { ports, seen, stop };
}

const questionOf = ({ headers }: Omit<Seen, "cluster">) =>
  headers.find(([name]) => name === "x-question")?.[1] ?? "";

/** One request after the other; a body ends where Content-Length says. */
function serve(socket: net.Socket, tell: (request: Omit<Seen, "cluster">) => void, says: string[]): void {
  let text = "";
  let body = 0;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    for (;;) {
      const skipped = Math.min(body, text.length);
      text = text.slice(skipped);
      body -= skipped;
      const end = text.indexOf("\r\n\r\n");
      if (body > 0 || end === -1) return;
      const [line = "", ...lines] = text.slice(0, end).split("\r\n");
      const headers = lines.map((one): [string, string] => {
        const colon = one.indexOf(":");
        return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
      });
      text = text.slice(end + 4);
      body = Number(headers.find(([name]) => name === "content-length")?.[1] ?? 0);
      tell({ line, headers });
      const answer = line.startsWith("HEAD ") ? "" : "seen";
      socket.write(["HTTP/1.1 200 OK", "Content-Length: 4", ...says, "", answer].join("\r\n"));
    }
  });
}
