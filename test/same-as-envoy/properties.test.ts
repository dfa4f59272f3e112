/** What can be read of properties, in each callback, in the real Envoy and in the simulator. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Both } from "./both.ts";
import { type Exchange, exchange } from "./exchange.ts";

const paths =
  `request request/time request/total_size request/headers request/size request/duration request/protocol
  request/nothing response response/headers response/trailers response/flags response/total_size response/grpc_status
  response/code response/code_details response/size response/backend_latency response/nothing
  connection connection/id connection/mtls connection/requested_server_name connection/tls_version
  connection/termination_details connection/nothing source source/address source/port source/nothing
  destination destination/address destination/port upstream upstream/address upstream/port upstream/tls_version
  upstream/local_address upstream/transport_failure_reason upstream/request_attempt_count metadata filter_state
  node node/id xds xds/node xds/cluster_name xds/cluster_metadata xds/route_name xds/route_metadata
  xds/upstream_host_metadata xds/filter_chain_name xds/listener_direction xds/listener_metadata xds/virtual_host_name
  xds/nothing cluster_name route_name plugin_name plugin_root_id plugin_vm_id nothing`.split(/\s+/);

/** What the connection, the route and the time make of these differs; that they can be read does not. */
const anyValue =
  /^(request\/(time|duration)|response\/backend_latency|connection\/id|(source|destination|upstream)\/(\w*address|port)|xds\/(node|cluster_name|route_name|virtual_host_name))$/;
/** In the log the headers are those that the router sent, and the client got. */
const anyValueInLog = /^(request|response)\/(headers|total_size)$/;

let both: Both;
beforeAll(async () => {
  both = await Both.start({ configuration: `configure:${paths.map((path) => `prop ${path}`).join(";")}` });
});
afterAll(() => both?.stop());

/** Of each property, the status and what was read as far as it is compared. */
function readable(logs: readonly string[], callback: string): Record<string, string> {
  const read: Record<string, string> = {};
  for (const line of logs) {
    const [, path = "", status = "", value] = /^2 \d+ prop (\S+) -> (\d+)(?: (.*))?$/s.exec(line) ?? [];
    if (path === "") continue;
    const isAny = anyValue.test(path) || (callback === "log" && anyValueInLog.test(path));
    read[path] = isAny || value === undefined ? status : `${status} ${unordered(path, value)}`;
  }
  return read;
}

/** Envoy gives whole maps in the order of a hash table, and how long the upstream took is another number each time. */
const unordered = (path: string, value: string): string =>
  path.endsWith("/headers")
    ? [...value.replace(/(?<=upstream-service-time\\x00)\d/, "").replaceAll(/\\x../g, "")].sort().join("")
    : value;

test("of a root context", async () => {
  const { real, simulated } = await both.firstLogs();
  expect(readable(simulated, "configure")).toEqual(readable(real, "configure"));
});

const requests: Readonly<Record<string, Partial<Exchange>>> = {
  "a request with a body": { method: "POST", body: ["xyz"], framing: "chunked" },
  "a request for nothing": {
    response: {
      status: 404,
      headers: [
        ["Grpc-Status", "5"],
        ["Content-Length", "0"],
      ],
      body: [],
    },
  },
};
const callbacks = [
  "request_headers",
  "request_body#end",
  "response_headers",
  "response_body#end",
  "log",
  "done",
];

/** Asked again where the upstream took 10 ms or more: Envoy says so in a header, which is a byte longer then. */
async function runBriefly(given: Exchange, tries = 20): ReturnType<Both["run"]> {
  const answers = await both.run(given);
  const took10 = answers.real.logs.some((line) => /upstream-service-time\\x00[1-9]\d/.test(line));
  return took10 && tries > 1 ? runBriefly(given, tries - 1) : answers;
}

test.each(Object.entries(requests))("of %s, in each callback", async (_name, given) => {
  for (const callback of callbacks) {
    // A script is a header: it holds some of them.
    for (let i = 0; i < paths.length; i += 20) {
      const script = `${callback}:${paths
        .slice(i, i + 20)
        .map((path) => `prop ${path}`)
        .join(";")}`;
      const { real, simulated } = await runBriefly(exchange("read", { ...given, script }));
      expect(readable(simulated.logs, callback), script).toEqual(readable(real.logs, callback));
    }
  }
});

test("of a local reply to gRPC: first the status that was asked for", async () => {
  const script =
    "request_headers:reply 403 why no - 7;return 1|response_headers:prop response/code;prop response/grpc_status|log:prop response/code;prop response/code_details";
  const headers = [["Content-Type", "application/grpc"]] as const;
  const { real, simulated } = await both.run(exchange("grpc", { headers, script }));
  expect(simulated).toEqual(real);
});
