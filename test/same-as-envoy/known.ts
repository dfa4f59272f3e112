/**
 * Where the simulator is knowingly not as Envoy 1.40. Everything else in this folder is compared byte for byte, but
 * for the headers named in `envoy-around.ts`. Each row shows itself: `known.test.ts` fails when it holds no longer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { sendRaw } from "../../scripts/envoy/request.ts";
import type { Both, Pair } from "./both.ts";
import { type Exchange, exchange } from "./exchange.ts";

export interface Known {
  readonly name: string;
  /** What Envoy does and where that comes from; why the simulator does not. */
  readonly why: string;
  /** What each of the two makes of the same. */
  show(both: Both): Promise<Pair<unknown>>;
  readonly real: unknown;
  readonly simulated: unknown;
}

/** What a command came to, in each. */
async function outcome(both: Both, command: string, given: Partial<Exchange>): Promise<Pair<string[]>> {
  const { real, simulated } = await both.run(exchange("known", given));
  const of = (logs: readonly string[]): string[] =>
    logs.flatMap((line) => line.split(` ${command} -> `).slice(1));
  return { real: of(real.logs), simulated: of(simulated.logs) };
}

export const known: readonly Known[] = [
  {
    name: "the answer's headers in proxy_on_log are those of the client",
    why: "After the last filter Envoy's connection manager takes away `connection` and the like and adds `date` and `server` (mutateResponseHeaders); the log is given the result. The simulator has no connection manager.",
    show: async (both) => {
      const script = "log:get 2 server;get 2 connection";
      const server = await outcome(both, "get 2 server", { script });
      const connection = await outcome(both, "get 2 connection", { script });
      return {
        real: [server.real, connection.real],
        simulated: [server.simulated, connection.simulated],
      };
    },
    // The client asked for the connection to be closed.
    real: [["0 envoy"], ["0 close"]],
    simulated: [["1"], ["0 keep-alive"]],
  },
  {
    name: "the buffer of foreign-function arguments shows what was looked at last",
    why: "Outside proxy_on_foreign_function Envoy answers with the one wrapper that every buffer of the context goes through (context.cc, getBuffer, `CallData: return &buffer_`). No guest should read it there; the simulator gives nothing.",
    show: (both) =>
      outcome(both, "bufstatus 8", {
        method: "POST",
        body: ["four"],
        script: "request_body#1:bufstatus 0;bufstatus 8",
      }),
    real: ["0 4"],
    simulated: ["0 0"],
  },
  {
    name: "a route cache that is cleared too late is an Envoy bug",
    why: "At a stream's end the cache is blocked, and clearing it in proxy_on_log, directly or by a change of headers, only logs `envoy bug failure: !route_cache_blocked_` (conn_manager_impl.h). The simulator counts it as any other.",
    show: async (both) => {
      await both.run(exchange("known", { script: "log:foreign clear_route_cache -" }));
      const isBug = (line: string): boolean => line.includes("envoy bug failure: !route_cache_blocked_");
      await sleep(100);
      const { logs } = both.simulated.host;
      return {
        real: both.real.envoy.logs.some(isBug),
        simulated: logs.some(({ text }) => isBug(text)),
      };
    },
    real: true,
    simulated: false,
  },
  {
    name: "what Envoy refuses by itself the guest hears of at its end alone",
    why: "A target with a fragment is a 400 before any filter; yet the filter is made, and its access log and end are called (Context::log calls onCreate). The simulator takes the target as it is given.",
    show: async (both) => {
      const { real, simulated } = await both.run(exchange("known", { path: "/x#y" }));
      const callbacks = (logs: readonly string[]): string[] =>
        logs.flatMap((line) => /> (\w+)/.exec(line)?.[1] ?? []);
      return {
        real: [real.client?.status, ...callbacks(real.logs)],
        simulated: [simulated.client?.status, ...callbacks(simulated.logs)],
      };
    },
    real: [400, "log", "done", "delete"],
    simulated: [
      200,
      "request_headers",
      "response_headers",
      "response_body",
      "response_body",
      "log",
      "done",
      "delete",
    ],
  },
  {
    name: "trailers of HTTP/1.1 are dropped before the filter",
    why: "Envoy's HTTP/1 codec passes trailers on only with `enable_trailers`, which is off by default. The simulator gives the guest those that the test gives it: they come so over HTTP/2.",
    show: async (both) => {
      const { real, simulated } = both;
      real.takeLogs();
      const head =
        "POST / HTTP/1.1\r\nHost: wiki.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
      await sendRaw(real.envoy.port, `${head}3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n`);
      const seen = (lines: readonly string[]): boolean =>
        lines.some((line) => line.includes("request_trailers"));
      simulated.takeLogs();
      const headers = [
        [":authority", "wiki.example"],
        [":path", "/"],
        [":method", "POST"],
      ] as const;
      simulated.host.request("pointsman", { headers, body: "abc", trailers: [["x-trailer", "1"]] });
      return { real: seen(await real.takeLines(8)), simulated: seen(simulated.takeLogs()) };
    },
    real: false,
    simulated: true,
  },
];
